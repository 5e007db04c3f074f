from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.gateway.sse import Event, Parser, encode


def parsed(*chunks: bytes) -> list[Event]:
    parser = Parser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        # examples of the standard, 9.2.6
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [Event("YHOO\n+2\n10")]),
        (b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
         [Event("first event"), Event("second event")]),
        (b"data\n\ndata\ndata\n\ndata:", [Event(""), Event("\n")]),
        (b"data:test\n\ndata: test\n\n", [Event("test"), Event("test")]),
        # types
        (b"event: add\ndata: 1\n\ndata: 2\n\n", [Event("1", "add"), Event("2")]),
        (b"event: add\n\ndata: 2\n\n", [Event("2")]),
        (b"data: 1\nevent: a\nevent: b\n\n", [Event("1", "b")]),
        (b"event\ndata: 1\n\n", [Event("1")]),
        # what is read past
        (b"retry: 10\nid: 7\nfoo: bar\nDATA: no\n data: no\ndata: yes\n\n", [Event("yes")]),
        (b":\n\n:keep-alive\n\n", []),
        (b"", []),
        # line ends
        (b"data: a\rdata: b\r\r", [Event("a\nb")]),
        (b"data: a\r\ndata: b\r\n\r\n", [Event("a\nb")]),
        (b"data: a\n\r\ndata: b\r\n\n", [Event("a"), Event("b")]),
        # what is no line end here, though Python's `str.splitlines` thinks so
        ("data: a\u2028b\x0b\x0c\x85\n\n".encode(), [Event("a\u2028b\x0b\x0c\x85")]),
        # marks of byte order
        (b"\xef\xbb\xbfdata: a\n\n", [Event("a")]),
        (b"\xef\xbb\xbf\ndata: a\n\n", [Event("a")]),
        (b"\n\xef\xbb\xbfdata: a\n\n", []),
    ],
)  # fmt: skip
def test_the_standard_whatever_the_cuts(stream: bytes, events: list[Event]) -> None:
    assert parsed(stream) == events
    assert parsed(*(bytes([byte]) for byte in stream)) == events
    for cut in range(len(stream)):
        assert parsed(stream[:cut], b"", stream[cut:]) == events


def test_no_event_waits_for_the_line_feed_after_a_carriage_return() -> None:
    parser = Parser()
    assert parser.feed(b"data: a\r\n\r") == [Event("a")]
    assert parser.feed(b"\n") == []
    assert parser.feed(b"\ndata: b\n\n") == [Event("b")]


@pytest.mark.parametrize(
    ("stream", "clean"),
    [
        (b"data: a\n\n", True),
        (b"data: a\n\n: bye\n", True),
        (b"data: a\n\n: bye", False),
        (b"data: a\n", False),
        (b"data: a\n\nda", False),
        (b"data: \xff\n\n", False),
    ],
)
def test_a_stream_that_ends_amid_an_event_is_not_clean(stream: bytes, clean: bool) -> None:
    parser = Parser()
    parser.feed(stream)
    assert parser.clean is clean


@pytest.mark.parametrize("stream", [b"data: " + b"a" * 95, b"data: " + b"a" * 95 + b"\n\n", b"data: abcd\n" * 11])
def test_an_event_past_the_limit_makes_the_stream_unreadable(stream: bytes) -> None:
    for size in (1, 7, 1000):
        parser = Parser(max_event_bytes=100)
        events = [event for at in range(0, len(stream), size) for event in parser.feed(stream[at : at + size])]
        assert events == []
        assert parser.broken == "too_large"
        assert parser.feed(b"\n\ndata: b\n\n") == []
        assert not parser.clean


def test_the_limit_is_for_each_event() -> None:
    parser = Parser(max_event_bytes=100)
    assert len(parser.feed(b"data: abcd\nid: 1\n: comment\n\n" * 100)) == 100
    assert parser.clean


def test_bytes_that_are_no_utf8_make_the_stream_unreadable() -> None:
    parser = Parser()
    assert parser.feed(b"data: a\n\ndata: \xe4\n\ndata: b\n\n") == [Event("a")]
    assert parser.broken == "not_utf8"


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from([None, "delta", "ping"]))))
def test_what_is_encoded_reads_back(events: list[tuple[str, str | None]]) -> None:
    stream = b"".join(encode(data, kind) for data, kind in events)
    expected = [Event(data.replace("\r\n", "\n").replace("\r", "\n"), kind) for data, kind in events]
    assert parsed(stream) == expected
    assert parsed(*(bytes([byte]) for byte in stream)) == expected


_PARTS = (
    b"data: a", b"data:b", b"data: \xc3\xa4", b"data", b"event: add", b"event: ", b": c", b"id: 1", b"\n", b"\n\n",
    b"\r\n", b"\r", b"\xef\xbb\xbf", b"\xff",
)  # fmt: skip


@given(st.lists(st.sampled_from(_PARTS), max_size=30).map(b"".join), st.lists(st.integers(0, 200), max_size=6))
def test_any_stream_reads_the_same_however_it_is_cut(stream: bytes, cuts: list[int]) -> None:
    single, cut = Parser(), Parser()
    expected = [event for byte in stream for event in single.feed(bytes([byte]))]
    at = [0, *sorted(cuts), len(stream)]
    assert [event for here, there in pairwise(at) for event in cut.feed(stream[here:there])] == expected
    assert (cut.clean, cut.broken) == (single.clean, single.broken)


def test_encoded_form() -> None:
    assert encode("[DONE]") == b"data: [DONE]\n\n"
    assert encode(b"{}", "ping") == b"event: ping\ndata: {}\n\n"
    with pytest.raises(ValueError, match="one line"):
        encode("{}", "ping\ndata: forged")


def test_a_long_event_in_small_chunks_costs_linear_time() -> None:
    def cost(size: int) -> float:
        parser, piece = Parser(), b"a" * 8
        started = time.process_time()
        parser.feed(b"data: ")
        for _ in range(size // 8):
            parser.feed(piece)
        assert len(parser.feed(b"\n\n")) == 1
        return time.process_time() - started

    cost(80_000)
    small = min(cost(250_000) for _ in range(3))
    assert cost(4_000_000) < 16 * small * 4 + 0.2  # quadratic would be 256 times
