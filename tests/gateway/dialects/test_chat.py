from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.errors import RequestError
from semcache.gateway.dialect import Asked
from semcache.models import CacheRequest, Usage
from semcache.policy import canonical
from semcache.policy.freshness import TtlRules
from semcache.policy.generation import Finish, Traits
from semcache.policy.identity import identify
from semcache.policy.normalize import Normalizer
from tests.gateway.dialects import streams_chat as streams
from tests.gateway.dialects.chatting import (
    BODY,
    CHAT,
    USER,
    asked,
    assembled,
    client,
    replayed,
)
from tests.gateway.dialects.streams_chat import (
    DONE,
    HELLO,
    STREAMS,
    USAGE,
    called,
    said,
    sent,
)

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

THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}], "closed": True}
"""A part of content as Mistral's reasoning models give it."""


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
        ({"content": [THOUGHT, {"type": "text", "text": "Hi"}]}, "stop", Finish.NATURAL, False),
        ({"content": [THOUGHT, {"type": "reference", "reference_ids": [1]}]}, "stop", Finish.NATURAL, False),
        ({"content": [THOUGHT, "Hi"]}, "stop", Finish.NATURAL, False),
        ({"content": [THOUGHT]}, "stop", Finish.NATURAL, True),
        ({"content": [THOUGHT, THOUGHT]}, "stop", Finish.NATURAL, True),
        ({"content": [THOUGHT, {"type": "text", "text": " "}]}, "stop", Finish.NATURAL, True),
        ({"content": [THOUGHT], "tool_calls": [called("f", "{}", "a")]}, "stop", Finish.TOOL_CALL, False),
        ({"content": []}, "stop", Finish.NATURAL, True),
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
