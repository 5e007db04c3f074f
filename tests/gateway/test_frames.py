"""What a flight carries: read back as it was written, by whatever process."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.gateway.frames import End, Frame, Head, Piece, decode, encode
from semcache.models import Usage

COUNTS = st.integers(0, 2**40)
FRAMES: st.SearchStrategy[Frame] = st.one_of(
    st.builds(
        Head,
        status=st.integers(100, 599),
        headers=st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=50)), max_size=5),
        stream=st.booleans(),
        shape=st.text(max_size=20),
        cause=st.text(max_size=64),
    ),
    st.builds(Piece, data=st.binary(max_size=500)),
    st.builds(
        End,
        error=st.text(max_size=20),
        detail=st.text(max_size=50),
        whole=st.none() | st.binary(max_size=200),
        usage=st.none() | st.builds(Usage, input_tokens=COUNTS, output_tokens=COUNTS),
        cost_usd=st.none() | st.floats(0, 1e6),
        seconds=st.floats(0, 1e6),
        cause=st.text(max_size=64),
    ),
)


@settings(max_examples=200, deadline=None)
@given(FRAMES)
def test_a_frame_is_read_back_as_it_was(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


def test_bytes_stay_bytes() -> None:
    frame = Piece(b"\x00\xff data: \xf0\x9f")
    assert decode(encode(frame)) == frame


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x91\xa1x", b"{}", encode(Piece(b"abc"))[:-1]])
def test_what_is_no_frame_is_told(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(data)


def test_a_frame_of_a_later_version_is_read_without_its_news() -> None:
    later = msgspec.msgpack.encode(["e", "", "", None, None, 0.5, 1.0, "", "news"])
    assert decode(later) == End(cost_usd=0.5, seconds=1.0)
