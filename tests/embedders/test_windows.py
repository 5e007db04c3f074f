"""Cutting long texts."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.embedders.openai_api import PIECE_BYTES, WHOLE_BYTES, split
from semcache.embedders.windows import cut


@given(st.integers(0, 5000), st.integers(1, 300), st.integers(1, 40), st.data())
@settings(max_examples=300, deadline=None)
def test_windows_cover_all_evenly_between_two_short_ends(count: int, piece: int, end: int, data: st.DataObject) -> None:
    whole = data.draw(st.integers(piece, 400))
    spans = cut(count, whole, piece, end)
    if count <= whole:
        assert spans == [(0, count)]
        return
    head, *inner, tail = spans
    assert head == (0, min(end, count))
    assert tail == (max(0, count - end), count)
    assert inner[0][0] == 0
    assert inner[-1][1] == count
    assert all(stop == start for (_, stop), (start, _) in pairwise(inner))
    lengths = [stop - start for start, stop in inner]
    assert max(lengths) <= piece
    assert max(lengths) - min(lengths) <= 1


@given(st.text(min_size=0, max_size=60), st.integers(1, 900))
@settings(max_examples=100, deadline=None)
def test_pieces_for_the_api_lose_nothing(part: str, times: int) -> None:
    text = (part * times).encode("utf-8", "replace").decode()
    pieces = split(text)
    if len(text.encode()) <= WHOLE_BYTES:
        assert pieces == [text]
    else:
        head, *pieces, tail = pieces
        assert "".join(pieces) == text
        assert text.startswith(head)
        assert text.endswith(tail)
        sizes = [len(piece.encode()) for piece in pieces]
        assert max(sizes) <= PIECE_BYTES
        assert min(sizes) >= PIECE_BYTES // 2
