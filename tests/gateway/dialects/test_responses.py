from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from openai.types.responses import ResponseErrorEvent

from semcache.errors import RequestError
from semcache.gateway.dialect import Asked
from semcache.gateway.dialects.responses import NAME, restated
from semcache.models import CacheRequest
from semcache.policy.freshness import TtlRules
from semcache.policy.generation import Finish, Traits
from semcache.policy.identity import identify
from semcache.policy.normalize import Normalizer
from tests.gateway.dialects.official_responses import (
    DIALECT,
    assembled,
    client,
    parsed,
    replayed,
    sse,
)
from tests.gateway.dialects.streams_responses import STREAMS, TEXT, TEXT_WHOLE, response

RULES = TtlRules.default()


def texts(*said: str) -> list[dict[str, Any]]:
    parts = [{"type": "output_text", "text": text, "annotations": []} for text in said]
    return [{"id": "msg", "type": "message", "role": "assistant", "status": "completed", "content": parts}]


class TestWhoIsTold:
    THEIRS = response([], metadata={"ticket": "7"}, user="ann", safety_identifier="s", prompt_cache_key="k")

    def asked(self, **params: Any) -> Asked:
        return Asked(model="m", messages=[], params=params, stream=True, traits=Traits())

    def test_a_later_request_does_not_see_whom_an_earlier_one_named(self) -> None:
        mine = restated(self.THEIRS, self.asked())
        assert [mine[name] for name in ("metadata", "user", "safety_identifier", "prompt_cache_key")] == [
            {}, None, None, None,
        ]  # fmt: skip
        assert b"ann" not in replayed(self.THEIRS)

    def test_it_sees_what_it_said_itself(self) -> None:
        mine = restated(self.THEIRS, self.asked(user="bob", metadata={"ticket": "8"}))
        assert (mine["user"], mine["metadata"]) == ("bob", {"ticket": "8"})
        assert self.THEIRS["user"] == "ann"

    def test_fields_that_a_provider_does_not_send_stay_away(self) -> None:
        assert restated(TEXT_WHOLE, self.asked(prompt_cache_key="k")) is TEXT_WHOLE
        assert restated(TEXT_WHOLE, self.asked()) is TEXT_WHOLE


def read(**fields: Any) -> Asked:
    return DIALECT.read({"model": "gpt-4.1", "input": "What is a cache?", **fields})


def identity(asked: Asked) -> Any:
    request = CacheRequest(messages=asked.messages, model=asked.model, params=asked.params)
    return identify(request, Normalizer(), RULES)


class TestReading:
    def test_what_is_asked(self) -> None:
        asked = read(instructions="Be brief.", stream=True, user="u1", temperature=0.5, truncation="auto")
        assert asked.messages == [{"role": "user", "content": "What is a cache?"}]
        assert (asked.model, asked.stream, asked.user, asked.shape) == ("gpt-4.1", True, "u1", '{"user":"u1"}')
        assert asked.params["protocol"] == NAME
        assert (asked.params["instructions"], asked.params["truncation"]) == ("Be brief.", "auto")
        assert asked.traits == Traits(temperature=0.5)

    @pytest.mark.parametrize(
        "spelled",
        [
            [{"role": "user", "content": "What is a cache?"}],
            [{"type": "message", "role": "user", "content": "What is a cache?"}],
            [{"role": "user", "content": [{"type": "input_text", "text": "What is a cache?"}]}],
        ],
    )
    def test_one_prompt_in_all_its_spellings(self, spelled: Any) -> None:
        assert identity(read(input=spelled)) == identity(read())
        assert identity(read()).comparable

    def test_other_items_stay_as_they_are(self) -> None:
        turns = [
            {"role": "user", "content": "Weather?"},
            {"type": "reasoning", "id": "rs", "summary": []},
            {"type": "function_call", "name": "n", "arguments": "{}", "call_id": "c"},
            {"type": "function_call_output", "call_id": "c", "output": "sun"},
        ]
        asked = read(input=turns)
        assert asked.messages == turns
        assert not identity(asked).comparable
        assert asked.traits.state is None

    def test_instructions_and_developers_are_of_the_partition(self) -> None:
        developer = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "What is a cache?"}]
        for other in (read(instructions="Be brief."), read(input=developer)):
            assert identity(other).partition != identity(read()).partition
            assert identity(other).context == identity(read()).context

    def test_what_travels_and_what_counts(self) -> None:
        for travels in ({"stream": True}, {"store": False}, {"metadata": {"a": "b"}}, {"prompt_cache_key": "k"}):
            assert identity(read(**travels)) == identity(read())
        for counts in ({"text": {"verbosity": "low"}}, {"reasoning": {"effort": "low"}}, {"truncation": "auto"}):
            assert identity(read(**counts)).partition != identity(read()).partition

    def test_padding_is_a_shape(self) -> None:
        assert read(stream=True, stream_options={"include_obfuscation": False}).shape == "unpadded"
        assert read(stream=True, stream_options={"include_obfuscation": True}).shape == ""
        assert read(stream_options={"include_obfuscation": False}).shape == ""

    def test_whom_a_stream_names_is_a_shape(self) -> None:
        shapes = {read(stream=True, metadata={"of": name}).shape for name in ("alice", "bob")}
        assert len(shapes | {read(stream=True).shape}) == 3
        assert read(metadata={"of": "alice"}).shape == ""

    def test_whom_it_names(self) -> None:
        assert read(safety_identifier="s").user == "s"
        assert read(safety_identifier="s", user="u").user == "u"
        assert read().user is None

    def test_the_body_is_left_as_it_is(self) -> None:
        added = {"type": "additional_tools", "role": "developer", "tools": [{"type": "custom", "name": "n"}]}
        body = {"model": "m", "input": [added, {"type": "message", "role": "user", "content": "a"}], "tools": []}
        before = json.dumps(body)
        DIALECT.read(body)
        assert json.dumps(body) == before

    @pytest.mark.parametrize(
        ("fields", "state"),
        [
            ({"previous_response_id": "resp_1"}, "previous_response_id"),
            ({"conversation": {"id": "conv_1"}}, "conversation"),
            ({"background": True}, "background"),
            ({"prompt": {"id": "pmpt_1"}}, "prompt"),
            ({"prompt": {"id": "pmpt_1"}, "input": None}, "prompt"),
            ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "item_reference"),
            ({"input": [{"id": "msg_1"}]}, "item_reference"),
            ({"background": False, "previous_response_id": None, "store": True}, None),
        ],
    )
    def test_state(self, fields: dict[str, Any], state: str | None) -> None:
        assert read(**fields).traits.state == state

    @pytest.mark.parametrize(
        ("tool", "hosted"),
        [
            ({"type": "function", "name": "f", "parameters": {}}, False),
            ({"type": "custom", "name": "f"}, False),
            ({"type": "namespace", "name": "crm", "tools": [{"type": "function", "name": "f"}]}, False),
            ({"type": "computer"}, False),
            ({"type": "computer_use_preview", "environment": "browser"}, False),
            ({"type": "local_shell"}, False),
            ({"type": "apply_patch"}, False),
            ({"type": "tool_search"}, False),
            ({"type": "shell", "environment": {"type": "local"}}, False),
            ({"type": "shell", "environment": {"type": "container_auto"}}, True),
            ({"type": "shell"}, True),
            ({"type": "web_search"}, True),
            ({"type": "web_search_preview_2025_03_11"}, True),
            ({"type": "file_search", "vector_store_ids": ["v"]}, True),
            ({"type": "code_interpreter", "container": {"type": "auto"}}, True),
            ({"type": "mcp", "server_label": "s"}, True),
            ({"type": "image_generation"}, True),
            ({"type": "programmatic_tool_calling"}, True),
            ({"type": "soothsayer"}, True),
            ({"name": "untyped"}, True),
        ],
    )
    def test_hosted_tools(self, tool: dict[str, Any], hosted: bool) -> None:
        assert read(tools=[tool, tool]).traits.hosted_tools == ((tool.get("type", ""),) if hosted else ())
        added = {"type": "additional_tools", "role": "developer", "tools": [tool]}
        assert bool(read(input=[added, {"role": "user", "content": "a"}]).traits.hosted_tools) is hosted

    def test_images_made_are_media(self) -> None:
        assert read(tools=[{"type": "image_generation"}]).traits.media_output

    @pytest.mark.parametrize(
        ("fields", "logprobs"),
        [
            ({"top_logprobs": 3}, True),
            ({"top_logprobs": 0}, False),
            ({"include": ["message.output_text.logprobs"]}, True),
            ({"include": ["reasoning.encrypted_content"]}, False),
        ],
    )
    def test_logprobs(self, fields: dict[str, Any], logprobs: bool) -> None:
        assert read(**fields).traits.logprobs is logprobs

    @pytest.mark.parametrize(
        ("item", "media"),
        [
            ({"role": "user", "content": [{"type": "input_text", "text": "a"}]}, False),
            ({"role": "user", "content": [{"type": "input_image", "image_url": "https://x"}]}, True),
            ({"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}, True),
            ({"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}, True),
            ({"type": "function_call_output", "call_id": "c", "output": "a"}, False),
            ({"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image"}]}, True),
            ({"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}}, True),
            ({"type": "image_generation_call", "id": "i", "result": "AA"}, True),
        ],
    )
    def test_media(self, item: dict[str, Any], media: bool) -> None:
        assert read(input=[item]).traits.media_input is media

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"model": None}, "model"),
            ({"input": None}, "input"),
            ({"input": []}, "input"),
            ({"input": 7}, "input"),
            ({"input": ["a"]}, "input.0"),
            ({"tools": {}}, "tools"),
            ({"stream": 1}, "stream"),
            ({"background": "yes"}, "background"),
            ({"temperature": "0"}, "temperature"),
            ({"top_logprobs": "3"}, "top_logprobs"),
            ({"protocol": "x"}, "protocol"),
        ],
    )
    def test_what_is_no_request(self, fields: dict[str, Any], field: str) -> None:
        with pytest.raises(RequestError) as caught:
            read(**fields)
        assert caught.value.field == field


class TestJudging:
    @pytest.mark.parametrize(
        ("fields", "finish"),
        [
            ({}, Finish.NATURAL),
            ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, Finish.LENGTH),
            ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, Finish.FILTERED),
            ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, Finish.PAUSED),
            ({"status": "incomplete", "incomplete_details": None}, Finish.UNKNOWN),
            ({"status": "failed", "error": {"code": "server_error", "message": "m"}}, Finish.ERROR),
            ({"error": {"code": "server_error", "message": "m"}}, Finish.ERROR),
            ({"status": "cancelled"}, Finish.ERROR),
            ({"status": "queued"}, Finish.PAUSED),
            ({"status": "in_progress"}, Finish.PAUSED),
            ({"status": None}, Finish.UNKNOWN),
            ({"status": ["completed"]}, Finish.UNKNOWN),
            ({"output": None}, Finish.UNKNOWN),
            ({"output": [texts("a")[0] | {"status": "incomplete"}]}, Finish.UNKNOWN),
        ],
    )
    def test_how_it_ended(self, fields: dict[str, Any], finish: Finish) -> None:
        assert DIALECT.judge(response(texts("a")) | fields).finish is finish

    @pytest.mark.parametrize(
        "kind", ["function_call", "custom_tool_call", "computer_call", "local_shell_call", "apply_patch_call"]
    )
    def test_calls(self, kind: str) -> None:
        answered = DIALECT.judge(response([*texts("a"), {"type": kind, "id": "c"}]))
        assert (answered.finish, answered.empty) == (Finish.TOOL_CALL, False)

    def test_a_search_of_tools_waits_only_for_a_client_that_runs_it(self) -> None:
        for execution, finish in (("client", Finish.TOOL_CALL), ("server", Finish.NATURAL)):
            search = {"type": "tool_search_call", "execution": execution, "arguments": {}}
            assert DIALECT.judge(response([search])).finish is finish

    def test_a_refusal(self) -> None:
        answered = DIALECT.judge(STREAMS["refused"][1])
        assert (answered.finish, answered.text) == (Finish.REFUSAL, "I'm sorry, I can't.")

    @pytest.mark.parametrize(
        ("output", "empty", "text"),
        [
            ([], True, ""),
            (texts(" ", "\n"), True, " \n"),
            ([{"type": "reasoning", "id": "r", "summary": []}], True, ""),
            (texts("a", "b"), False, "ab"),
        ],
    )
    def test_what_it_says(self, output: list[dict[str, Any]], empty: bool, text: str) -> None:
        answered = DIALECT.judge(response(output))
        assert (answered.empty, answered.text) == (empty, text)

    def test_tokens(self) -> None:
        answered = DIALECT.judge(TEXT_WHOLE)
        assert answered.usage is not None
        assert (answered.usage.input_tokens, answered.usage.output_tokens) == (37, 11)
        assert (answered.cache_read_tokens, answered.cache_write_tokens) == (12, 3)
        assert answered.model == "gpt-4.1-2025-04-14"
        assert DIALECT.judge({}).usage is None


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "raised"),
        [
            (401, openai.AuthenticationError), (403, openai.PermissionDeniedError), (404, openai.NotFoundError),
            (422, openai.UnprocessableEntityError), (429, openai.RateLimitError), (503, openai.InternalServerError),
        ],
    )  # fmt: skip
    def test_the_official_client_raises_its_own(self, status: int, raised: type[openai.APIStatusError]) -> None:
        body = DIALECT.error(status, "our_code", "what happened")
        with pytest.raises(raised, match="what happened") as caught:
            client(httpx2.Response(status, json=body)).responses.create(model="m", input="Hi")
        assert caught.value.code == "our_code"

    def test_an_error_in_a_stream(self) -> None:
        broken = TEXT[: TEXT.index(b"event: response.content_part.done")] + DIALECT.error_event("late", "gone")
        assert assembled(parsed(broken)) is None
        *_, last = client(sse(broken)).responses.create(model="m", input="Hi", stream=True)
        assert isinstance(last, ResponseErrorEvent)
        assert (last.code, last.message) == ("late", "gone")
