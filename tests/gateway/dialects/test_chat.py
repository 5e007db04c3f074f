from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from semcache.errors import RequestError
from semcache.gateway.dialect import Asked
from semcache.gateway.dialects.chat import Chat
from semcache.gateway.sse import Event, Parser
from semcache.models import CacheRequest, Usage
from semcache.policy import canonical
from semcache.policy.freshness import TtlRules
from semcache.policy.generation import Finish, Traits
from semcache.policy.identity import identify
from semcache.policy.normalize import Normalizer
from tests.gateway.dialects import streams_chat as streams
from tests.gateway.dialects.streams_chat import (
    DONE,
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

CHAT = Chat()
USER = {"role": "user", "content": "What is a cache?"}
BODY: dict[str, Any] = {"model": "gpt-4o", "messages": [USER]}
EVIDENCE = {"cache_hit": True, "tier": "exact"}


def asked(**options: Any) -> Asked:
    return CHAT.read(BODY | {"stream": True, "stream_options": options or None})


USED, PLAIN = asked(include_usage=True), asked()


def assembled(stream: bytes) -> dict[str, Any] | None:
    assembler = CHAT.assembler()
    for event in Parser().feed(stream):
        assembler.feed(event)
    return assembler.result()


def replayed(whole: dict[str, Any], of: Asked = USED, evidence: dict[str, Any] | None = None) -> bytes:
    return b"".join(CHAT.replay(whole, of, evidence))


def chunks(stream: bytes) -> list[dict[str, Any]]:
    *events, done = Parser().feed(stream)
    assert done == Event(DONE)
    return [json.loads(event.data) for event in events]


def deltas(stream: bytes) -> list[dict[str, Any]]:
    return [choice["delta"] for each in chunks(stream) for choice in each["choices"]]


def client(body: bytes, content_type: str = "text/event-stream", status: int = 200) -> openai.OpenAI:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": content_type})

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="k", base_url="http://provider/v1", max_retries=0, http_client=transport)


# --- what is asked ---------------------------------------------------------------------------------------------


def test_a_request_is_read() -> None:
    read = CHAT.read(BODY | {"temperature": 0, "seed": 7, "user": "ann", "stream": True, "tools": None})
    assert read == Asked(
        model="gpt-4o",
        messages=[USER],
        params={
            "temperature": 0,
            "seed": 7,
            "user": "ann",
            "stream": True,
            "tools": None,
            "protocol": "openai.chat",
        },
        stream=True,
        user="ann",
        traits=Traits(temperature=0.0),
    )


def test_what_only_travels_does_not_count() -> None:
    def digest(**fields: Any) -> bytes:
        read = CHAT.read(BODY | fields)
        request = CacheRequest(messages=read.messages, model=read.model, params=read.params)
        return identify(request, Normalizer(), TtlRules.default()).digest

    travels = {"stream": True, "stream_options": {"include_usage": True}, "store": True, "user": "ann", "n": None}
    assert digest(**travels) == digest()
    assert len({digest(), digest(seed=1), digest(unknown=1), digest(n=1)}) == 4


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "messages"),
        ({"messages": [USER]}, "model"),
        ({"messages": [USER], "model": ""}, "model"),
        ({"messages": [USER], "model": 4}, "model"),
        ({"messages": [], "model": "m"}, "messages"),
        ({"messages": "hello", "model": "m"}, "messages"),
        ({"messages": {"role": "user"}, "model": "m"}, "messages"),
        ({"messages": [USER, "hello"], "model": "m"}, "messages.1"),
        ({"messages": [{"content": "hello"}], "model": "m"}, "messages.0.role"),
        (BODY | {"stream": "yes"}, "stream"),
        (BODY | {"stream": True, "stream_options": []}, "stream_options"),
        (BODY | {"n": "2"}, "n"),
        (BODY | {"n": True}, "n"),
        (BODY | {"temperature": "0"}, "temperature"),
        (BODY | {"tools": {}}, "tools"),
        (BODY | {"modalities": "audio"}, "modalities"),
        (BODY | {"protocol": "openai.chat"}, "protocol"),
    ],
)
def test_what_is_no_request_is_refused_by_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as refused:
        CHAT.read(body)
    assert refused.value.field == field


FUNCTION = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("fields", "traits"),
    [
        ({}, {}),
        ({"temperature": 0.7}, {"temperature": 0.7}),
        ({"temperature": None, "n": None}, {}),
        ({"n": 3}, {"answers": 3}),
        ({"logprobs": True}, {"logprobs": True}),
        ({"logprobs": False, "top_logprobs": 2}, {"logprobs": True}),
        ({"store": True}, {}),
        ({"deferred": True}, {"state": "deferred"}),
        ({"tools": [FUNCTION, {"type": "custom", "custom": {"name": "sql"}}, {"function": {"name": "f"}}]}, {}),
        ({"tools": [{"type": "web_search"}, FUNCTION, {"type": "mcp"}]}, {"hosted_tools": ("web_search", "mcp")}),
        ({"tools": [{"name": "what"}, {"type": 5}]}, {"hosted_tools": ("unknown",)}),
        ({"web_search_options": {}}, {"hosted_tools": ("web_search_options",)}),
        ({"plugins": [{"id": "web"}]}, {"hosted_tools": ("plugins",)}),
        ({"plugins": [], "enable_search": False}, {}),
        ({"model": "gpt-4o-mini-search-preview-2025-03-11"}, {"hosted_tools": ("web_search",)}),
        ({"modalities": ["text"]}, {}),
        ({"modalities": ["text", "audio"], "audio": {"voice": "alloy"}}, {"media_output": True}),
        ({"modalities": ["image", "text"]}, {"media_output": True}),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, {}),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}, USER]}, {"media_input": True}),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, {"media_input": True}),
        ({"messages": [{"role": "user", "content": [{"type": "file"}]}]}, {"media_input": True}),
        ({"messages": [{"role": "user", "content": [{"new": 1}]}]}, {"media_input": True}),
        ({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}, USER]}, {"media_input": True}),
        ({"messages": [{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}, USER]}, {}),
    ],
)
def test_traits(fields: dict[str, Any], traits: dict[str, Any]) -> None:
    assert CHAT.read(BODY | fields).traits == Traits(**traits)


def test_shapes() -> None:
    assert CHAT.read(BODY | {"stream_options": {"include_usage": True}}).shape == ""  # no stream
    assert asked().shape == asked(include_usage=False).shape == asked(include_usage=None).shape == ""
    assert asked(include_usage=True).shape == "usage"
    assert asked(include_obfuscation=False).shape == '{"include_obfuscation":false}'
    assert (
        asked(b=1, include_usage=True, a=2).shape == asked(a=2, b=1, include_usage=True).shape == 'usage{"a":2,"b":1}'
    )


def test_whom_the_request_names() -> None:
    assert CHAT.read(BODY).user is None
    assert CHAT.read(BODY | {"safety_identifier": "h"}).user == "h"
    assert CHAT.read(BODY | {"safety_identifier": "h", "user": "ann"}).user == "ann"


# --- what an answer is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "reason", "finish", "empty"),
    [
        ({"content": "Hi"}, "stop", Finish.NATURAL, False),
        ({"content": "Hi"}, "length", Finish.LENGTH, False),
        ({"content": "Hi"}, "content_filter", Finish.FILTERED, False),
        ({"content": "Hi"}, "error", Finish.ERROR, False),
        ({"content": "Hi"}, "because", Finish.UNKNOWN, False),
        ({"content": "Hi"}, None, Finish.UNKNOWN, False),
        ({"content": "Hi"}, ["stop"], Finish.UNKNOWN, False),
        ({"content": None, "refusal": "No."}, "stop", Finish.REFUSAL, False),
        ({"content": None, "refusal": "No."}, "length", Finish.LENGTH, False),
        ({"content": None, "tool_calls": [called("f", "{}", "a")]}, "tool_calls", Finish.TOOL_CALL, False),
        ({"content": None, "tool_calls": [called("f", "{}", "a")]}, "stop", Finish.TOOL_CALL, False),
        ({"content": "", "function_call": {"name": "f", "arguments": ""}}, "function_call", Finish.TOOL_CALL, False),
        ({"content": " \n"}, "stop", Finish.NATURAL, True),
        ({"content": "", "reasoning_content": "Hm."}, "stop", Finish.NATURAL, True),
        ({"content": None, "tool_calls": []}, "stop", Finish.NATURAL, True),
        ({"content": [{"type": "text", "text": "Hi"}]}, "stop", Finish.NATURAL, False),
        ({}, "stop", Finish.NATURAL, True),
    ],
)
def test_how_an_answer_ended(message: dict[str, Any], reason: Any, finish: Finish, empty: bool) -> None:
    answered = CHAT.judge(said(message, reason))
    assert (answered.finish, answered.empty) == (finish, empty)


def test_the_worst_of_several_choices_counts() -> None:
    assert CHAT.judge(streams.TWO_WHOLE).finish is Finish.LENGTH
    both = said({"content": "a"})
    both["choices"] += said({"content": ""})["choices"]
    assert CHAT.judge(both).empty


def test_what_an_answer_tells() -> None:
    answered = CHAT.judge(said({"content": "Hi there"}, usage=USAGE))
    assert answered.usage == Usage(input_tokens=19, output_tokens=10)
    assert (answered.model, answered.text) == ("gpt-4o-2024-08-06", "Hi there")
    details = {"cached_tokens": 12, "cache_write_tokens": 3}
    cached = CHAT.judge(said({"content": "Hi"}, usage=USAGE | {"prompt_tokens_details": details}))
    assert (cached.cache_read_tokens, cached.cache_write_tokens) == (12, 3)
    deepseek = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 8}
    assert CHAT.judge(said({"content": "Hi"}, usage=deepseek)).cache_read_tokens == 8
    assert CHAT.judge(said({"content": "Hi"})).usage is None


@pytest.mark.parametrize(
    "response",
    [{}, {"choices": []}, {"choices": None}, {"choices": [1]}, {"choices": {"a": 1}}, {"object": "list", "data": []}],
)
def test_what_is_no_answer_is_unknown_and_empty(response: dict[str, Any]) -> None:
    answered = CHAT.judge(response)
    assert (answered.finish, answered.empty) == (Finish.UNKNOWN, True)


def test_an_error_with_a_good_status_is_an_error() -> None:
    assert CHAT.judge({"error": {"message": "overloaded"}}).finish is Finish.ERROR
    assert CHAT.judge(said({"content": "Hi"}) | {"error": {"code": 502}}).finish is Finish.ERROR
    broken = said({"content": "Hi"})
    broken["choices"][0]["error"] = {"code": 502}
    assert CHAT.judge(broken).finish is Finish.ERROR


NAMES = (
    *("choices", "index", "delta", "message", "finish_reason", "content", "tool_calls", "function", "custom", "id"),
    *("type", "name", "arguments", "usage", "reasoning_details", "text", "data", "logprobs", "role", "error", "other"),
)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "a", "stop", "tool_calls", "function", "custom"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["id", "choices", "usage", "x"]), JSONS, max_size=4), max_size=4))
def test_nothing_that_upstream_says_raises(events: list[dict[str, Any]]) -> None:
    for event in events:
        CHAT.judge(event)
    whole = assembled(sent(*events, DONE))
    if whole is not None:
        CHAT.judge(whole)
        replayed(whole)


# --- streams: put together -------------------------------------------------------------------------------------

HELLO = [streams.ROLE, chunk({"content": "Hello"}), chunk({}, "stop")]


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


def test_a_long_stream_costs_linear_time() -> None:
    assembler = CHAT.assembler()
    event = Event(json.dumps(chunk({"content": "x" * 100})))
    for _ in range(20_000):
        assembler.feed(event)
    assembler.feed(Event(json.dumps(chunk({}, "stop"))))
    assembler.feed(Event(DONE))
    whole = assembler.result()
    assert whole is not None
    assert len(whole["choices"][0]["message"]["content"]) == 2_000_000


# --- streams: replayed -----------------------------------------------------------------------------------------

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


# --- errors ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "raised"),
    [
        (400, "invalid_request_error", openai.BadRequestError),
        (401, "invalid_request_error", openai.AuthenticationError),
        (403, "request_forbidden", openai.PermissionDeniedError),
        (404, "invalid_request_error", openai.NotFoundError),
        (413, "invalid_request_error", openai.APIStatusError),
        (429, "requests", openai.RateLimitError),
        (502, "server_error", openai.InternalServerError),
        (504, "server_error", openai.InternalServerError),
    ],
)
def test_errors_in_the_providers_shape(status: int, kind: str, raised: type[openai.APIStatusError]) -> None:
    body = CHAT.error(status, "some_code", "It went wrong.")
    assert body == {"error": {"message": "It went wrong.", "type": kind, "param": None, "code": "some_code"}}
    with pytest.raises(raised) as error:
        client(json.dumps(body).encode(), "application/json", status).chat.completions.create(**BODY)
    assert (error.value.code, error.value.type, error.value.status_code) == ("some_code", kind, status)


def test_an_error_in_a_stream_is_raised_by_the_client() -> None:
    begun = sent(*HELLO[:2]) + CHAT.error_event("upstream_unavailable", "The provider broke off.")

    def listen() -> Iterator[str | None]:
        for each in client(begun).chat.completions.create(**BODY, stream=True):
            yield each.choices[0].delta.content

    heard = listen()
    assert [next(heard), next(heard)] == ["", "Hello"]
    with pytest.raises(openai.APIError, match="broke off") as error:
        next(heard)
    assert error.value.code == "upstream_unavailable"
    assert assembled(begun) is None


def test_a_message_of_an_answer_can_be_sent_back() -> None:
    """The next turn of a conversation holds it; it must be as good as the provider's own."""
    for _, whole in STREAMS.values():
        turn = whole["choices"][0]["message"]
        read = CHAT.read({"model": "m", "messages": [USER, turn, USER]})
        assert canonical.message(read.messages[1])["role"] == "assistant"
