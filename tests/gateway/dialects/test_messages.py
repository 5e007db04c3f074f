from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import pytest

from semcache.errors import RequestError
from semcache.gateway.dialect import Asked
from semcache.gateway.dialects.messages import NAME
from semcache.models import CacheRequest
from semcache.policy import canonical
from semcache.policy.freshness import TtlRules
from semcache.policy.generation import Finish, Traits
from semcache.policy.identity import identify
from semcache.policy.normalize import Normalizer
from tests.gateway.dialects.official_messages import (
    DIALECT,
    USER,
    assembled,
    client,
    official,
    parsed,
)
from tests.gateway.dialects.streams_messages import STREAMS, TEXT, message

RULES = TtlRules.default()


def read(**fields: Any) -> Asked:
    return DIALECT.read({"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [USER], **fields})


def identity(asked: Asked) -> Any:
    request = CacheRequest(messages=asked.messages, model=asked.model, params=asked.params)
    return identify(request, Normalizer(), RULES)


class TestReading:
    def test_what_is_asked(self) -> None:
        asked = read(system="Be brief.", stream=True, metadata={"user_id": "u1"}, temperature=0, stop_sequences=["x"])
        assert (asked.model, asked.messages, asked.stream, asked.user) == ("claude-sonnet-5-5", [USER], True, "u1")
        assert asked.params["protocol"] == NAME
        assert asked.params["system"] == "Be brief."
        assert asked.params["stop_sequences"] == ["x"]
        assert asked.traits == Traits(temperature=0)

    def test_a_system_block_is_its_text(self) -> None:
        marked = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
        assert identity(read(system=marked)) == identity(read(system="Be brief."))
        assert identity(read(system="Be brief!")).partition != identity(read(system="Be brief.")).partition

    def test_what_travels_and_what_counts(self) -> None:
        assert identity(read(stream=True, metadata={"user_id": "a"})) == identity(read())
        for counts in ({"max_tokens": 10}, {"thinking": {"type": "adaptive"}}, {"stop_sequences": ["x"]}, {"top_k": 5}):
            assert identity(read(**counts)).partition != identity(read()).partition

    def test_a_prefill_is_not_comparable(self) -> None:
        assert identity(read()).comparable
        assert not identity(read(messages=[USER, {"role": "assistant", "content": "It is ("}])).comparable

    def test_the_body_is_left_as_it_is(self) -> None:
        body = {"model": "m", "messages": [USER], "system": [{"type": "text", "text": "a"}], "tools": [{"name": "n"}]}
        before = json.dumps(body)
        DIALECT.read(body)
        assert json.dumps(body) == before

    @pytest.mark.parametrize(
        ("tool", "hosted"),
        [
            ({"name": "f", "input_schema": {}}, False),
            ({"type": "custom", "name": "f", "input_schema": {}}, False),
            ({"type": None, "name": "f", "input_schema": {}}, False),
            ({"type": "bash_20250124", "name": "bash"}, False),
            ({"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}, False),
            ({"type": "computer_20251124", "name": "computer"}, False),
            ({"type": "computer_toolset_20260801"}, False),
            ({"type": "browser_toolset_20260801"}, False),
            ({"type": "memory_20250818", "name": "memory"}, False),
            ({"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}, False),
            ({"type": "web_search_20260318", "name": "web_search"}, True),
            ({"type": "web_fetch_20250910", "name": "web_fetch"}, True),
            ({"type": "code_execution_20260521", "name": "code_execution"}, True),
            ({"type": "advisor_20260301", "name": "advisor"}, True),
            ({"type": "mcp_toolset", "mcp_server_name": "s"}, True),
            ({"type": "soothsayer_20300101"}, True),
        ],
    )
    def test_hosted_tools(self, tool: dict[str, Any], hosted: bool) -> None:
        assert read(tools=[tool, tool]).traits.hosted_tools == ((tool["type"],) if hosted else ())
        added = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": tool}}
        later = [USER, {"role": "system", "content": [added]}, USER]
        assert bool(read(messages=later).traits.hosted_tools) is hosted

    def test_servers_of_tools_are_hosted(self) -> None:
        assert read(mcp_servers=[{"type": "url", "url": "https://x", "name": "s"}]).traits.hosted_tools == (
            "mcp_servers",
        )

    def test_a_container_is_state(self) -> None:
        assert read(container="container_1").traits.state == "container"
        assert read(container=None).traits.state is None

    @pytest.mark.parametrize(
        ("content", "media"),
        [
            ([{"type": "text", "text": "a"}], False),
            ([{"type": "search_result", "content": [{"type": "text", "text": "a"}]}], False),
            ([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}}], True),
            ([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a"}}], True),
            ([{"type": "document", "source": {"type": "file", "file_id": "f"}}], True),
            ([{"type": "container_upload", "file_id": "f"}], True),
            ([{"type": "tool_result", "tool_use_id": "t", "content": "a"}], False),
            ([{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": {}}]}], True),
        ],
    )
    def test_media(self, content: list[dict[str, Any]], media: bool) -> None:
        assert read(messages=[{"role": "user", "content": content}]).traits.media_input is media

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"model": None}, "model"),
            ({"model": ""}, "model"),
            ({"messages": None}, "messages"),
            ({"messages": []}, "messages"),
            ({"messages": "hello"}, "messages"),
            ({"messages": [USER, "hello"]}, "messages.1"),
            ({"tools": {"name": "n"}}, "tools"),
            ({"protocol": "x"}, "protocol"),
            ({"stream": "true"}, "stream"),
            ({"temperature": "0"}, "temperature"),
            ({"temperature": True}, "temperature"),
        ],
    )
    def test_what_is_no_request(self, fields: dict[str, Any], field: str) -> None:
        with pytest.raises(RequestError) as caught:
            read(**fields)
        assert caught.value.field == field


class TestJudging:
    @pytest.mark.parametrize(
        ("reason", "finish"),
        [
            ("end_turn", Finish.NATURAL), ("stop_sequence", Finish.NATURAL), ("tool_use", Finish.TOOL_CALL),
            ("max_tokens", Finish.LENGTH), ("model_context_window_exceeded", Finish.LENGTH),
            ("refusal", Finish.REFUSAL), ("pause_turn", Finish.PAUSED), ("compaction", Finish.PAUSED),
            ("else", Finish.UNKNOWN), (None, Finish.UNKNOWN),
        ],
    )  # fmt: skip
    def test_how_it_ended(self, reason: Any, finish: Finish) -> None:
        assert DIALECT.judge(message([{"type": "text", "text": "a"}], stop=reason)).finish is finish

    def test_what_is_no_message(self) -> None:
        assert DIALECT.judge({}).finish is Finish.UNKNOWN
        assert DIALECT.judge(message([]) | {"content": "a"}).finish is Finish.UNKNOWN
        assert DIALECT.judge(message([]) | {"type": "completion"}).finish is Finish.UNKNOWN
        assert DIALECT.judge({"type": "error", "error": {"type": "api_error"}}).finish is Finish.ERROR

    def test_a_call_is_a_call_whatever_it_says_of_its_end(self) -> None:
        call = {"type": "tool_use", "id": "t", "name": "n", "input": {}}
        answered = DIALECT.judge(message([call]))
        assert answered.finish is Finish.TOOL_CALL
        assert not answered.empty

    @pytest.mark.parametrize(
        ("content", "empty", "text"),
        [
            ([], True, ""),
            ([{"type": "text", "text": " \n"}], True, " \n"),
            ([{"type": "thinking", "thinking": "a", "signature": ""}], True, ""),
            ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], False, "ab"),
        ],
    )
    def test_what_it_says(self, content: list[dict[str, Any]], empty: bool, text: str) -> None:
        answered = DIALECT.judge(message(content))
        assert (answered.empty, answered.text) == (empty, text)

    def test_tokens(self) -> None:
        answered = DIALECT.judge(STREAMS["thinking"][1])
        assert answered.usage is not None
        assert (answered.usage.input_tokens, answered.usage.output_tokens) == (133, 40)
        assert (answered.cache_read_tokens, answered.cache_write_tokens) == (100, 7)
        assert answered.model == "claude-sonnet-5-5-20260801"
        assert DIALECT.judge({}).usage is None


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "raised"),
        [
            (400, anthropic.BadRequestError), (401, anthropic.AuthenticationError),
            (403, anthropic.PermissionDeniedError), (404, anthropic.NotFoundError),
            (413, anthropic.RequestTooLargeError), (422, anthropic.UnprocessableEntityError),
            (429, anthropic.RateLimitError), (500, anthropic.InternalServerError), (502, anthropic.InternalServerError),
            (503, anthropic.ServiceUnavailableError), (504, anthropic.GatewayTimeoutError),
        ],
    )  # fmt: skip
    def test_the_official_client_raises_its_own(self, status: int, raised: type[anthropic.APIStatusError]) -> None:
        body = DIALECT.error(status, "our_code", "what happened")
        asked: list[Any] = [USER]
        with pytest.raises(raised) as caught:
            client(httpx2.Response(status, json=body)).messages.create(model="m", max_tokens=9, messages=asked)
        assert caught.value.error_code == "our_code"
        assert "what happened" in str(caught.value)

    def test_an_error_in_a_stream(self) -> None:
        broken = b"".join((TEXT[: TEXT.index(b"event: content_block_stop")], DIALECT.error_event("late", "gone")))
        assert assembled(parsed(broken)) is None
        with pytest.raises(anthropic.APIStatusError, match="gone"):
            official(broken)


def test_text_of_a_recorded_answer_is_canonical_when_it_comes_back() -> None:
    turn = {"role": "assistant", "content": STREAMS["text"][1]["content"]}
    assert canonical.message(turn)["content"] == "Hello! Grüße 😀"
