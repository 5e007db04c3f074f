"""Any chunking of any recorded stream of any protocol gives the same answer; any beginning of it gives none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.gateway.dialects import DIALECTS
from semcache.gateway.sse import Event, Parser
from tests.gateway.dialects.streams import RECORDED

STREAMS = [
    pytest.param(DIALECTS[dialect], stream, whole, id=f"{dialect}: {name}")
    for dialect in DIALECTS
    for name, (stream, whole) in RECORDED[dialect].items()
]
each_stream = pytest.mark.parametrize(("dialect", "stream", "whole"), STREAMS)


def heard(dialect: Any, chunks: list[bytes]) -> tuple[list[Event], dict[str, Any] | None]:
    parser, assembler = Parser(), dialect.assembler()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    for event in events:
        assembler.feed(event)
    return events, assembler.result()


def cut(stream: bytes, places: set[int]) -> list[bytes]:
    ends = sorted(place % (len(stream) + 1) for place in places)
    return [stream[start:end] for start, end in zip([0, *ends], [*ends, len(stream)], strict=True)]


@each_stream
def test_a_stream_stands_for_its_answer(dialect: Any, stream: bytes, whole: dict[str, Any]) -> None:
    _, answer = heard(dialect, [stream])
    assert answer == whole
    assert heard(dialect, [bytes([byte]) for byte in stream])[1] == whole


@each_stream
def test_any_chunking_gives_the_same_answer(dialect: Any, stream: bytes, whole: dict[str, Any]) -> None:
    events, _ = heard(dialect, [stream])

    @settings(max_examples=30, deadline=None)
    @given(st.sets(st.integers(0, len(stream)), max_size=40))
    def holds(places: set[int]) -> None:
        assert heard(dialect, cut(stream, places)) == (events, whole)

    holds()


@each_stream
def test_any_beginning_gives_no_answer(dialect: Any, stream: bytes, whole: dict[str, Any]) -> None:
    parser, assembler = Parser(), dialect.assembler()
    for place in range(len(stream)):
        assert assembler.result() is None, stream[:place]
        for event in parser.feed(stream[place : place + 1]):
            assembler.feed(event)
        if assembler.result() is not None:
            assert assembler.result() == whole
            assert stream[place + 1 :].strip() in (b"", b"data: [DONE]"), "all has come but, for some, a mark"
            return
    pytest.fail("the stream gave no answer")


@each_stream
def test_a_stream_that_lost_its_end_gives_no_answer(dialect: Any, stream: bytes, whole: dict[str, Any]) -> None:
    events, _ = heard(dialect, [stream])
    assembler = dialect.assembler()
    for event in events:
        assembler.feed(event)
        if assembler.result() is not None:
            break
    last = events.index(event)
    assembler = dialect.assembler()
    for other in (*events[:last], *events[last + 1 :]):
        assembler.feed(other)
    assert assembler.result() is None
    assembler.feed(Event('{"what is this'))
    assembler.feed(event)
    assert assembler.result() is None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_never_raises(data: st.DataObject) -> None:
    dialect, stream, _ = data.draw(st.sampled_from(STREAMS)).values
    assert isinstance(stream, bytes)
    place = data.draw(st.integers(0, len(stream)))
    gone = data.draw(st.integers(0, 40))
    put = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"null", b"[]", b"{}", b'"', b"0", b"\n\n", b"-1", b"true"])
    )
    _, answer = heard(dialect, [stream[:place] + put + stream[place + gone :]])
    if answer is not None:
        dialect.judge(answer)
