"""What passes by is heard as it was said, however it is cut; what is not sound is recorded as nothing."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.gateway.dialect import Dialect
from semcache.gateway.dialects import DIALECTS
from semcache.gateway.recorder import Recorder, Recording
from semcache.policy.generation import Finish
from tests.gateway import provider_answers
from tests.gateway.provider_answers import Content

ASKED: dict[str, dict[str, Any]] = {
    "openai.chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "openai.responses": {"model": "m", "input": "hi"},
    "anthropic.messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
}
CONTENT = Content(text="Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{SNOWMAN}e an alle")
EACH = pytest.mark.parametrize("dialect", list(DIALECTS.values()), ids=list(DIALECTS))


def said(dialect: Dialect, *, stream: bool, content: Content = CONTENT) -> bytes:
    """What a provider says."""
    asked = {**ASKED[dialect.name], "stream": stream}
    made = provider_answers.make("POST", dialect.path, json.dumps(asked).encode(), 1, content)
    return b"".join(made.pieces)


def heard(dialect: Dialect, chunks: list[bytes], *, stream: bool, limit: int = 100_000) -> Recording:
    recorder = Recorder(dialect, stream=stream, limit=limit)
    for chunk in chunks:
        recorder.feed(chunk)
    return recorder.finish()


@EACH
def test_a_whole_answer_is_kept_byte_for_byte(dialect: Dialect) -> None:
    body = said(dialect, stream=False)
    recording = heard(dialect, [body[:10], body[10:]], stream=False)
    assert recording.whole == body
    assert recording.answered.finish is Finish.NATURAL
    assert recording.answered.model == "m"
    assert recording.answered.usage is not None


@EACH
@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 4000), max_size=40))
def test_any_cut_of_a_stream_gives_the_same_answer(dialect: Dialect, cuts: list[int]) -> None:
    body = said(dialect, stream=True)
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    chunks = [body[a:b] for a, b in itertools.pairwise(places)]
    recording = heard(dialect, chunks, stream=True)
    assert recording.answered.finish is Finish.NATURAL
    assert recording == heard(dialect, [body], stream=True)


@EACH
def test_a_stream_says_what_the_whole_answer_says(dialect: Dialect) -> None:
    streamed = heard(dialect, [said(dialect, stream=True)], stream=True)
    whole = heard(dialect, [said(dialect, stream=False)], stream=False)
    assert streamed.answered.text == whole.answered.text == CONTENT.text
    assert streamed.answered.model == whole.answered.model


@EACH
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_answer_that_breaks_off_is_none(dialect: Dialect, stream: bool) -> None:
    body = said(dialect, stream=stream)
    for tenths in (1, 5, 9):
        recording = heard(dialect, [body[: len(body) * tenths // 10]], stream=stream)
        assert recording.whole is None
        assert recording.answered.finish is Finish.UNKNOWN


@EACH
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_beyond_the_limit_nothing_is_kept_in_memory(dialect: Dialect, stream: bool) -> None:
    body = said(dialect, stream=stream)
    assert heard(dialect, [body], stream=stream, limit=len(body)).whole is not None
    assert heard(dialect, [body], stream=stream, limit=len(body) - 1) == Recording(
        None, heard(dialect, [b""], stream=stream).answered
    )


@EACH
@pytest.mark.parametrize("body", [b"", b"[]", b'"text"', b"{", b"\xff\xfe", b"[" * 100_000])
def test_garbage_is_nothing(dialect: Dialect, body: bytes) -> None:
    recording = heard(dialect, [body], stream=False)
    assert (recording.whole, recording.answered.finish) == (None, Finish.UNKNOWN)


@EACH
def test_another_json_is_an_answer_of_no_known_end(dialect: Dialect) -> None:
    assert heard(dialect, [b'{"fine": true}'], stream=False).answered.finish is Finish.UNKNOWN


def test_a_stream_without_usage_gets_an_empty_one_for_callers_without_streaming() -> None:
    dialect = DIALECTS["openai.chat"]
    recording = heard(dialect, [said(dialect, stream=True)], stream=True)
    assert recording.answered.usage is None
    assert recording.whole is not None
    assert json.loads(recording.whole)["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
