from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from semcache.gateway.dialects.chat_stream import ChatAssembler
from semcache.gateway.sse import Event
from tests.gateway.dialects.chatting import (
    BODY,
    CHAT,
    EVIDENCE,
    assembled,
    client,
)
from tests.gateway.dialects.streams_chat import (
    DONE,
    HELLO,
    STREAMS,
    USAGE,
    called,
    calls,
    chunk,
    part,
    said,
    sent,
    with_choice,
)


@pytest.mark.parametrize(
    "stream",
    [
        sent(*HELLO),  # no end mark
        sent(*HELLO[:2], DONE),  # no finish
        sent(DONE),
        sent(chunk(None, usage=USAGE), DONE),
        sent(*HELLO[:2], {"error": {"message": "The server had an error"}}, DONE),
        sent(*HELLO, {"error": {"message": "late"}}, DONE),
        sent(*HELLO, "{", DONE),
        sent(*HELLO, "[]", DONE),
        sent(*HELLO, "", DONE),
        sent(*HELLO, {"type": "ping"}, DONE),
        sent(*HELLO, {"choices": [7]}, DONE),
        sent(*HELLO, "[" * 100_000, DONE),
        b"event: error\n" + sent(*HELLO, DONE),
        sent(*HELLO, with_choice(chunk({}), error={"code": 502}), DONE),
        sent(with_choice(HELLO[1], index=1), with_choice(HELLO[2], index=1), DONE),  # no choice 0
        sent(*HELLO, with_choice(HELLO[1], index=1), DONE),  # choice 1 has not finished
        sent(*HELLO, with_choice(HELLO[1], index="0"), DONE),
        sent(with_choice(HELLO[1], message={"content": "Hello"}), HELLO[2], DONE),
        sent(chunk({"content": [{"type": "text", "text": "Hello"}]}), HELLO[2], DONE),
        sent(chunk({"audio": {"id": "audio_1", "transcript": "Hel"}}), HELLO[2], DONE),
        sent(chunk({"new": "a"}), chunk({"new": {"b": "c"}}), HELLO[2], DONE),  # a contradiction
        sent(chunk({"role": "assistant"}), chunk({"role": "user"}), HELLO[2], DONE),
        sent(calls(part(0, None, "f", "{}")), chunk({}, "tool_calls"), DONE),  # no id
        sent(calls(part(0, "a", None, "{}")), chunk({}, "tool_calls"), DONE),  # no name
        sent(calls(part(0, "a", "f", "{")), calls(part(0, None, "g", "}")), chunk({}, "tool_calls"), DONE),
        sent(calls(part(None, "a", "f", "{}")), calls(part(None, None, "f", "{}")), chunk({}, "tool_calls"), DONE),
        sent(calls(part(None, None, None, "{}")), chunk({}, "tool_calls"), DONE),
        sent(calls({"index": "0", "id": "a"}), chunk({}, "tool_calls"), DONE),
        sent(calls({"index": 0, "id": 5}), chunk({}, "tool_calls"), DONE),
        sent(calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": {}}}), HELLO[2], DONE),
        sent(chunk({"tool_calls": {"index": 0}}), HELLO[2], DONE),
    ],
)
def test_what_is_not_whole_has_no_result(stream: bytes) -> None:
    assert assembled(stream) is None


def test_nothing_counts_after_the_end_mark() -> None:
    assert assembled(sent(*HELLO, DONE, chunk({"content": "!"}), "{")) == said({"content": "Hello"})


def test_an_answer_is_a_completion_to_the_client() -> None:
    for stream, whole in STREAMS.values():
        body = json.dumps(assembled(stream)).encode()
        read = client(body, "application/json").chat.completions.create(**BODY)
        assert isinstance(read, ChatCompletion)
        assert read.to_dict() == whole


def test_content_is_there_if_only_as_null() -> None:
    bare = {name: value for name, value in part(0, "a", "f", "{}").items() if name != "type"}
    whole = assembled(sent(calls(bare), chunk({}, "tool_calls"), DONE))
    assert whole is not None
    assert whole["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [called("f", "{}", "a")],
    }


def test_the_evidence_of_another_cache_is_not_recorded() -> None:
    assert assembled(sent(*HELLO[:2], HELLO[2] | {"x_semcache": EVIDENCE}, DONE)) == said({"content": "Hello"})


def test_the_last_usage_counts() -> None:
    counted = [each | {"usage": USAGE | {"completion_tokens": number}} for number, each in enumerate(HELLO)]
    assert assembled(sent(*counted, DONE)) == said({"content": "Hello"}, usage=USAGE | {"completion_tokens": 2})


def test_a_long_stream_is_put_together() -> None:
    assembler = CHAT.assembler()
    event = Event(json.dumps(chunk({"content": "x" * 100})))
    for _ in range(20_000):
        assembler.feed(event)
    assembler.feed(Event(json.dumps(chunk({}, "stop"))))
    assembler.feed(Event(DONE))
    whole = assembler.result()
    assert whole is not None
    assert len(whole["choices"][0]["message"]["content"]) == 2_000_000


_PLAIN = chunk({"content": "a"})
_NEXT: list[object] = [
    _PLAIN, chunk({"content": "b"}), chunk({"content": "c"}, obfuscation="x"),
    chunk({"content": "d"}, obfuscation="yz"),
    chunk({"content": "e"}, usage=None), chunk({"content": "f"}, usage=USAGE), chunk({"content": "g"}, model="another"),
    chunk({"content": "h"}, system_fingerprint="fp_2"), chunk({"content": "i", "role": "assistant"}),
    chunk({"content": "j", "refusal": None}), chunk({"content": None}), chunk({"role": "user", "content": "k"}),
    chunk({"content": "l"}, "stop"), with_choice(_PLAIN, index=1), with_choice(_PLAIN, index=None),
    with_choice(_PLAIN, index=True), with_choice(_PLAIN, logprobs={"content": [1]}), with_choice(_PLAIN, error={}),
    chunk({"content": 7}), chunk(None), {"choices": []}, {"error": {}}, _PLAIN | {"created": 1.5},
    _PLAIN | {"id": None},
]  # fmt: skip


@given(st.lists(st.sampled_from(_NEXT), max_size=12), st.lists(st.sampled_from([None, "error", "chunk"]), max_size=2))
def test_plain_chunks_read_as_those_that_are_not(chunks: list[object], names: list[str | None]) -> None:
    """What nobody knows beside a chunk makes it one that is no plain one, and is all that it adds."""
    read, slowly = ChatAssembler(), ChatAssembler()
    for at, one in enumerate([*chunks, chunk({}, "stop")]):
        name = names[at] if at < len(names) else None
        read.feed(Event(json.dumps(one), name))
        slowly.feed(Event(json.dumps({**one, "unknown": 1}), name))  # type: ignore[dict-item]
    for assembler in (read, slowly):
        assembler.feed(Event(DONE))
    found, expected = read.result(), slowly.result()
    assert found == (None if expected is None else {name: of for name, of in expected.items() if name != "unknown"})
    assert found is None or list(found) == [name for name in expected or () if name != "unknown"]
