from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from semcache.errors import RequestError
from semcache.gateway.dialect import Asked
from semcache.gateway.dialects.messages import NAME, Messages
from semcache.gateway.sse import Event, Parser
from semcache.models import CacheRequest
from semcache.policy import canonical
from semcache.policy.freshness import TtlRules
from semcache.policy.generation import Finish, Traits
from semcache.policy.identity import identify
from semcache.policy.normalize import Normalizer
from tests.gateway.dialects.streams_messages import STREAMS, TEXT, TOOLS, message, recorded

DIALECT = Messages()
ASKED = Asked(model="m", messages=[], params={}, stream=True, traits=Traits())
EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
RULES = TtlRules.default()
USER = {"role": "user", "content": "What is a cache?"}
EVIDENCE = {"cache_hit": True, "tier": "exact"}


def assembled(events: list[Event]) -> dict[str, Any] | None:
    assembler = DIALECT.assembler()
    for event in events:
        assembler.feed(event)
    return assembler.result()


def parsed(stream: bytes) -> list[Event]:
    return Parser().feed(stream)


def replayed(whole: dict[str, Any], evidence: dict[str, Any] | None = None) -> bytes:
    return b"".join(DIALECT.replay(whole, ASKED, evidence))


def client(answer: httpx2.Response) -> anthropic.Anthropic:
    transport = httpx2.MockTransport(lambda request: answer)
    return anthropic.Anthropic(api_key="k", http_client=httpx2.Client(transport=transport), max_retries=0)


def official(stream: bytes) -> Message:
    """What the official client makes of a stream."""
    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)
    asked: list[Any] = [USER]
    with client(answer).messages.stream(model="claude-sonnet-5-5", max_tokens=9, messages=asked) as events:
        return events.get_final_message()


def plain(whole: Message | dict[str, Any]) -> dict[str, Any]:
    model = whole if isinstance(whole, Message) else Message.model_validate(whole)
    dumped: dict[str, Any] = json.loads(model.model_dump_json(exclude_none=True, warnings=False))
    return dumped


@pytest.fixture(params=STREAMS)
def stream(request: pytest.FixtureRequest) -> tuple[bytes, dict[str, Any]]:
    return STREAMS[request.param]


class TestStreams:
    def test_a_recorded_stream_is_its_message(self, stream: tuple[bytes, dict[str, Any]]) -> None:
        assert assembled(parsed(stream[0])) == stream[1]

    def test_the_official_client_reads_the_same(self, stream: tuple[bytes, dict[str, Any]]) -> None:
        assert plain(official(stream[0])) == plain(stream[1])
        assert plain(official(replayed(stream[1]))) == plain(stream[1])

    def test_the_replay_is_that_message_again(self, stream: tuple[bytes, dict[str, Any]]) -> None:
        assert assembled(parsed(replayed(stream[1]))) == stream[1]

    def test_a_replay_has_the_events_of_a_recording(self, stream: tuple[bytes, dict[str, Any]]) -> None:
        def kinds(events: list[Event]) -> Iterator[str | None]:
            last = None
            for event in events:
                if event.event != "ping" and event.event != last:
                    yield event.event
                last = event.event

        assert list(kinds(parsed(replayed(stream[1])))) == list(kinds(parsed(stream[0])))

    def test_every_replayed_event_is_of_the_official_types(self, stream: tuple[bytes, dict[str, Any]]) -> None:
        for event in parsed(replayed(stream[1], EVIDENCE)):
            assert EVENT.validate_json(event.data).type == event.event

    def test_no_truncated_stream_has_a_result(self, stream: tuple[bytes, dict[str, Any]]) -> None:
        events = parsed(stream[0])
        assert all(assembled(events[:end]) is None for end in range(len(events)))
        for end in range(len(stream[0])):
            if stream[0][end - 2 : end] == b"\n\n" or len(stream[0]) - end < 30:
                assert assembled(parsed(stream[0][:end])) is None

    def test_a_stream_that_lost_any_event_but_a_delta_has_no_result(self) -> None:
        events = parsed(TOOLS)
        for lost in range(len(events)):
            if events[lost].event != "content_block_delta":
                assert assembled(events[:lost] + events[lost + 1 :]) is None, events[lost]


class TestEvidence:
    def test_it_is_where_a_whole_answer_has_it(self) -> None:
        whole = STREAMS["text"][1]
        final = official(replayed(whole, EVIDENCE))
        assert final.model_extra == {"x_semcache": EVIDENCE}
        assert plain(final) == plain(whole) | {"x_semcache": EVIDENCE}

    def test_it_is_never_recorded(self) -> None:
        whole = STREAMS["text"][1]
        assert assembled(parsed(replayed(whole, EVIDENCE))) == whole


START = STREAMS["text"][0].split(b"\n\n")[0] + b"\n\n"


def around(lines: str) -> bytes:
    """A stream whose only faults are in these lines."""
    end = '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}'
    return START + recorded(f'{lines}\n{end}\n{{"type":"message_stop"}}')


BLOCK = '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
TOOL = '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"n","input":{}}}'
STOP = '{"type":"content_block_stop","index":0}'


def delta(index: int, **fields: Any) -> str:
    return json.dumps({"type": "content_block_delta", "index": index, "delta": fields})


class TestUnsound:
    def test_the_frame_of_these_tests_is_sound(self) -> None:
        assert assembled(parsed(around(f"{BLOCK}\n{STOP}"))) is not None

    @pytest.mark.parametrize(
        "lines",
        [
            '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
            BLOCK,
            f"{BLOCK}\n{STOP}\n{STOP}",
            f"{BLOCK}\n{BLOCK}\n{STOP}",
            STOP,
            BLOCK.replace('"index":0', '"index":1'),
            BLOCK.replace('"index":0', '"index":"0"'),
            '{"type":"content_block_start","index":0}',
            f"{BLOCK}\n{delta(1, type='text_delta', text='a')}\n{STOP}",
            f"{BLOCK}\n{delta(0, type='text_delta', text=7)}\n{STOP}",
            f"{BLOCK}\n{delta(0, type='text_delta')}\n{STOP}",
            f"{BLOCK}\n{delta(0, type='thinking_delta', thinking='a')}\n{STOP}",
            f"{BLOCK}\n{delta(0, type='signature_delta', signature='a')}\n{STOP}",
            f"{BLOCK}\n{delta(0, type='input_json_delta', partial_json='{}')}\n{STOP}",
            f"{BLOCK}\n{delta(0, type='telepathy_delta', text='a')}\n{STOP}",
            f"{BLOCK}\n{delta(0, type=['text_delta'], text='a')}\n{STOP}",
            f"{BLOCK}\n{delta(0, type='citations_delta', citation='a')}\n{STOP}",
            f"{TOOL}\n{delta(0, type='input_json_delta', partial_json='{')}\n{STOP}",
            f"{TOOL}\n{delta(0, type='input_json_delta', partial_json='[]')}\n{STOP}",
            f"{TOOL}\n{delta(0, type='text_delta', text='a')}\n{STOP}",
            '{"type":"message_start","message":{}}',
            '{"type":"message_stop"}',
            '{"type":"message_delta"}',
            '{"type":"surprise"}',
        ],
    )
    def test_no_result(self, lines: str) -> None:
        assert assembled(parsed(around(lines))) is None

    @pytest.mark.parametrize("data", ["[DONE]", "null", "[]", "{", '{"type":7}', '"\\ud800"', "1e999", "[" * 5000])
    def test_data_that_is_no_event(self, data: str) -> None:
        assert assembled([*parsed(TEXT)[:3], Event(data), *parsed(TEXT)[3:]]) is None
        assert assembled([*parsed(TEXT), Event(data)]) is None

    def test_a_message_that_does_not_say_why_it_stopped(self) -> None:
        assert assembled(parsed(TEXT.replace(b'"stop_reason": "end_turn"', b'"stop_reason": null'))) is None

    def test_a_ping_anywhere_is_nothing(self) -> None:
        ping = Event('{"type": "ping"}', "ping")
        assert assembled([ping, *parsed(TEXT), ping]) == STREAMS["text"][1]


class TestBeta:
    def test_a_fallback_names_the_model_that_answered(self) -> None:
        block = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}, "trigger": {"type": "refusal"}}
        start = json.dumps({"type": "content_block_start", "index": 0, "content_block": block})
        whole = assembled(parsed(around(f"{start}\n{STOP}")))
        assert whole is not None
        assert (whole["model"], whole["content"]) == ("b", [block])

    def test_a_compaction_and_what_stands_beside_the_last_delta(self) -> None:
        start = '{"type":"content_block_start","index":0,"content_block":{"type":"compaction","content":null}}'
        told = delta(0, type="compaction_delta", content="Summary", encrypted_content="x")
        edits = '{"type":"message_delta","delta":{},"context_management":{"applied_edits":[]}}'
        whole = assembled(parsed(around(f"{start}\n{told}\n{STOP}\n{edits}")))
        assert whole is not None
        assert whole["content"] == [{"type": "compaction", "content": "Summary", "encrypted_content": "x"}]
        assert whole["context_management"] == {"applied_edits": []}
        assert assembled(parsed(replayed(whole))) == whole


names = st.text("abc_", min_size=1, max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
texts = st.text(st.characters(codec="utf-8"), max_size=60)
citations = st.fixed_dictionaries(
    {
        "type": st.just("char_location"), "cited_text": texts, "document_index": st.integers(0, 9),
        "document_title": st.none() | texts, "start_char_index": st.integers(0, 9), "end_char_index": st.integers(0, 9),
    }
)  # fmt: skip
blocks = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": texts}),
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": texts, "citations": st.none() | st.lists(citations, max_size=2)}
    ),
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": texts, "signature": texts}),
    st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": texts}),
    st.fixed_dictionaries(
        {
            "type": st.just("tool_use"), "id": names, "name": names,
            "input": st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), values, max_size=3),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("server_tool_use"), "id": names, "name": st.just("web_search"),
            "input": st.fixed_dictionaries({"query": texts}),
        }
    ),
)  # fmt: skip
counts = st.integers(0, 10**6)
usages = st.fixed_dictionaries(
    {"input_tokens": counts, "output_tokens": counts},
    optional={
        "cache_creation_input_tokens": st.none() | counts, "cache_read_input_tokens": st.none() | counts,
        "service_tier": st.sampled_from(["standard", "priority"]), "server_tool_use": st.none(),
        "output_tokens_details": st.none() | st.fixed_dictionaries({"thinking_tokens": counts}),
    },
)  # fmt: skip
containers = st.just({"id": "container_1", "expires_at": "2026-01-01T00:00:00Z"})
messages = st.builds(
    lambda content, stop, usage, beside: message(content, stop=stop, usage=usage) | beside,
    st.lists(blocks, max_size=4),
    st.sampled_from(["end_turn", "tool_use", "max_tokens", "refusal", "pause_turn"]),
    usages,
    st.fixed_dictionaries(
        {}, optional={"stop_details": st.none(), "container": st.none() | containers, "stop_sequence": st.just("X")}
    ),
)


class TestProperties:
    @settings(max_examples=150, deadline=None)
    @given(messages)
    def test_a_replay_is_read_as_the_stored_message_by_us_and_by_the_official_client(
        self, whole: dict[str, Any]
    ) -> None:
        stream = replayed(whole)
        events = parsed(stream)
        assert assembled(events) == whole
        assert plain(official(stream)) == plain(whole)
        assert all(assembled(events[:end]) is None for end in range(len(events)))
        for event in events:
            EVENT.validate_json(event.data)

    @settings(max_examples=60, deadline=None)
    @given(st.dictionaries(st.sampled_from(["type", "content", "stop_reason", "usage", "model"]), values))
    def test_judging_and_replaying_never_raise(self, whole: dict[str, Any]) -> None:
        DIALECT.judge(whole)
        DIALECT.judge({**message([]), **whole})
        replayed(whole)

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.fixed_dictionaries(
                {
                    "type": st.sampled_from(
                        ["message_start", "content_block_start", "content_block_delta", "content_block_stop"]
                    )
                },
                optional={
                    "index": st.just(0) | values,
                    "delta": values | st.fixed_dictionaries({"type": st.just("text_delta") | values, "text": values}),
                    "content_block": values | st.fixed_dictionaries({"type": st.just("text") | values, "text": values}),
                    "message": st.fixed_dictionaries({"content": st.just([]), "usage": values}),
                },
            ),
            max_size=8,
        )
    )
    def test_assembling_never_raises(self, events: list[dict[str, Any]]) -> None:
        assembled([Event(json.dumps(event)) for event in events])

    @settings(max_examples=100, deadline=None)
    @given(
        st.fixed_dictionaries(
            {"model": st.just("m"), "messages": st.just([USER]) | values},
            optional=dict.fromkeys(("tools", "system", "stream", "temperature", "metadata", "container"), values),
        )
    )
    def test_reading_raises_nothing_but_request_errors(self, body: dict[str, Any]) -> None:
        with contextlib.suppress(RequestError):
            DIALECT.read(body)


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
