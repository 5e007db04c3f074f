"""Cutting long texts."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.embedders.openai_api import PIECE_BYTES, WHOLE_BYTES, split
from semcache.embedders.windows import cut


@given(st.integers(0, 5000), st.integers(1, 300), st.data())
@settings(max_examples=300, deadline=None)
def test_windows_cover_all_evenly(count: int, piece: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, piece - 1))
    whole = data.draw(st.integers(piece, 400))
    spans = cut(count, whole, piece, overlap)
    if count <= whole:
        assert spans == [(0, count)]
        return
    assert spans[0][0] == 0
    assert spans[-1][1] == count
    lengths = {end - start for start, end in spans}
    assert len(lengths) == 1
    assert lengths.pop() <= piece
    for (start, end), (following, _) in pairwise(spans):
        assert start < following <= end


@given(st.text(min_size=0, max_size=60), st.integers(1, 900))
@settings(max_examples=100, deadline=None)
def test_pieces_for_the_api_lose_nothing(part: str, times: int) -> None:
    text = (part * times).encode("utf-8", "replace").decode()
    pieces = split(text)
    assert "".join(pieces) == text
    if len(text.encode()) <= WHOLE_BYTES:
        assert pieces == [text]
    else:
        sizes = [len(piece.encode()) for piece in pieces]
        assert max(sizes) <= PIECE_BYTES
        assert min(sizes) >= PIECE_BYTES // 2
