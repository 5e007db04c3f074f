from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from semcache.gateway.dialect import Asked
from semcache.gateway.sse import Parser
from tests.gateway.dialects import streams_chat as streams
from tests.gateway.dialects.chatting import (
    BODY,
    CHAT,
    EVIDENCE,
    PLAIN,
    USED,
    asked,
    assembled,
    chunks,
    client,
    deltas,
    replayed,
)
from tests.gateway.dialects.streams_chat import (
    STREAMS,
    USAGE,
    called,
    said,
)

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
TEXTS = WORDS.filter(bool)
VALUES = st.integers(-9, 9) | st.booleans() | WORDS | st.lists(st.integers(), min_size=1, max_size=2)


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": draw(st.none() | WORDS)}
    for name, values in {
        "refusal": st.none() | TEXTS,
        "annotations": st.lists(st.just(streams.CITED), max_size=2),
        "reasoning_content": st.none() | WORDS,
        "reasoning": TEXTS,
        "function_call": st.none() | st.fixed_dictionaries({"name": TEXTS, "arguments": WORDS}),
        "prefix": st.booleans(),
        "thought_signature": TEXTS,
    }.items():
        if draw(st.booleans()):
            message[name] = draw(values)
    if draw(st.booleans()):
        kinds = draw(st.lists(st.sampled_from(["function", "custom"]), min_size=1, max_size=3))
        message["tool_calls"] = [
            {
                "id": f"call_{place}",
                "type": kind,
                kind: {"name": draw(TEXTS), "arguments" if kind == "function" else "input": draw(WORDS)},
            }
            for place, kind in enumerate(kinds)
        ]
    if draw(st.booleans()):
        message["reasoning_details"] = [
            {"type": "reasoning.text", "text": draw(WORDS), "signature": None, "index": place} for place in range(2)
        ]
    return message


@st.composite
def wholes(draw: st.DrawFn) -> dict[str, Any]:
    """Sound answers without streaming."""
    choices = [
        {"index": place, "message": message, "finish_reason": draw(st.sampled_from(["stop", "tool_calls", "length"]))}
        for place, message in enumerate(draw(st.lists(messages(), min_size=1, max_size=2)))
    ]
    for choice in choices:
        choice |= draw(
            st.sampled_from(
                [
                    {},
                    {"logprobs": None},
                    {"logprobs": {"content": [streams.probable("a")], "refusal": None}, "stop_reason": None},
                    {"native_finish_reason": "completed", "content_filter_results": {"hate": {"filtered": False}}},
                ]
            )
        )
    beside = draw(st.dictionaries(st.sampled_from(["provider", "citations", "x_groq"]), VALUES | st.none()))
    head = {name: value for name, value in streams.HEAD.items() if name != "service_tier" or draw(st.booleans())}
    return head | {"object": "chat.completion", "choices": choices, "usage": USAGE} | beside


@settings(max_examples=200, deadline=None)
@given(wholes())
def test_what_is_replayed_is_assembled_again(whole: dict[str, Any]) -> None:
    assert assembled(replayed(whole)) == whole
    assert assembled(replayed(whole, PLAIN)) == {name: value for name, value in whole.items() if name != "usage"}


@pytest.mark.parametrize("name", STREAMS)
def test_recorded_answers_are_replayed(name: str) -> None:
    whole = STREAMS[name][1]
    assert assembled(replayed(whole)) == whole


@settings(max_examples=60, deadline=None)
@given(wholes())
def test_the_official_client_hears_the_same(whole: dict[str, Any]) -> None:
    """Through its own stream helper; its answer is that to the same answer without streaming."""
    for choice in whole["choices"]:
        choice["finish_reason"] = "stop"
        # its accumulator wants these numbered by place, so it knows the functions alone
        choice["message"]["tool_calls"] = [
            call for call in choice["message"].get("tool_calls", []) if call["type"] == "function"
        ] or None
    expected = ChatCompletion.model_validate(whole)
    with client(replayed(whole)).chat.completions.stream(**BODY) as stream:
        heard = stream.get_final_completion()
    assert heard.usage == expected.usage
    assert heard.system_fingerprint == expected.system_fingerprint
    assert (heard.id, heard.model, heard.created) == (expected.id, expected.model, expected.created)
    for ours, theirs in zip(heard.choices, expected.choices, strict=True):
        said = ours.message.model_dump(exclude_none=True, exclude={"parsed"})
        for call in said.get("tool_calls") or []:
            call.pop("index", None)
            call["function"].pop("parsed_arguments", None)
        assert said == theirs.message.model_dump(exclude_none=True)
        assert ours.finish_reason == theirs.finish_reason
        assert ours.logprobs == theirs.logprobs


def test_the_official_client_gives_the_tools_as_they_were() -> None:
    with client(replayed(streams.TOOLS_WHOLE)).chat.completions.stream(**BODY) as stream:
        kinds = {event.type for event in stream}
        heard = stream.get_final_completion().choices[0].message.tool_calls
    assert "tool_calls.function.arguments.done" in kinds
    assert [(call.id, call.function.name, call.function.arguments) for call in heard or []] == [
        ("call_a", "get_weather", streams.PARIS),
        ("call_b", "get_weather", streams.ROME),
    ]


def test_a_replay_looks_as_the_provider_streams() -> None:
    whole = said({"content": "Hello, world!", "reasoning_content": "Hm, well."}, usage=USAGE)
    *spoken, counted = chunks(replayed(whole))
    assert [each["choices"][0]["delta"] for each in spoken] == [
        {"role": "assistant", "refusal": None, "content": ""},
        {"reasoning_content": "Hm,"},
        {"reasoning_content": " well."},
        {"content": "Hello,"},
        {"content": " world!"},
        {},
    ]
    assert [each["choices"][0]["finish_reason"] for each in spoken] == [None] * 5 + ["stop"]
    assert all(each["usage"] is None for each in spoken)
    assert (counted["choices"], counted["usage"]) == ([], USAGE)
    for each in (*spoken, counted):
        assert {name: each[name] for name in streams.HEAD} == streams.HEAD


def test_a_replay_tells_usage_only_if_asked_and_known() -> None:
    whole = said({"content": "Hello"}, usage=USAGE)
    assert not any("usage" in each for each in chunks(replayed(whole, PLAIN)))
    assert not any(each["usage"] for each in chunks(replayed(said({"content": "Hello"}), USED)))
    assert chunks(replayed(whole, asked(include_usage=True, include_obfuscation=False)))[-1]["usage"] == USAGE


def test_a_tool_call_is_replayed_as_the_provider_streams_it() -> None:
    assert deltas(replayed(streams.TOOLS_WHOLE))[1:5] == [
        {"tool_calls": [{"index": 0, **called("get_weather", "", "call_a")}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ' "Paris"}'}}]},
        {"tool_calls": [{"index": 1, **called("get_weather", "", "call_b")}]},
    ]


@pytest.mark.parametrize("of", [USED, PLAIN])
def test_the_evidence_stands_in_the_last_chunk_alone(of: Asked) -> None:
    whole = said({"content": "Hello there"}, usage=USAGE)
    *others, last = chunks(replayed(whole, of, EVIDENCE))
    assert last["x_semcache"] == EVIDENCE
    assert not any("x_semcache" in each for each in others)
    assert "x_semcache" not in replayed(whole, of).decode()
    assert assembled(replayed(whole, USED, EVIDENCE)) == whole


def test_every_piece_of_a_replay_is_one_event() -> None:
    for piece in CHAT.replay(streams.TEXT_WHOLE, USED, EVIDENCE):
        assert len(Parser().feed(piece)) == 1
