from __future__ import annotations

import contextlib
import json
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseErrorEvent, ResponseStreamEvent
from pydantic import TypeAdapter

from semcache.errors import RequestError
from semcache.gateway.dialect import Asked
from semcache.gateway.dialects.responses import NAME, Responses, restated
from semcache.gateway.sse import Event, Parser
from semcache.models import CacheRequest
from semcache.policy.freshness import TtlRules
from semcache.policy.generation import Finish, Traits
from semcache.policy.identity import identify
from semcache.policy.normalize import Normalizer
from tests.gateway.dialects.streams_responses import STREAMS, TEXT, TEXT_WHOLE, recorded, response

DIALECT = Responses()
ASKED = Asked(model="m", messages=[], params={}, stream=True, traits=Traits())
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
RULES = TtlRules.default()
EVIDENCE = {"cache_hit": True, "tier": "exact"}


def assembled(events: list[Event]) -> dict[str, Any] | None:
    assembler = DIALECT.assembler()
    for event in events:
        assembler.feed(event)
    return assembler.result()


def parsed(stream: bytes) -> list[Event]:
    return Parser().feed(stream)


def replayed(whole: dict[str, Any], evidence: dict[str, Any] | None = None, asked: Asked = ASKED) -> bytes:
    return b"".join(DIALECT.replay(whole, asked, evidence))


def client(answer: httpx2.Response) -> openai.OpenAI:
    transport = httpx2.MockTransport(lambda request: answer)
    return openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport), max_retries=0)


def sse(stream: bytes) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)


def official(stream: bytes) -> Response:
    """What the official client makes of a stream."""
    with client(sse(stream)).responses.stream(model="gpt-4.1", input="Hi") as events:
        last = None
        for event in events:
            last = event
        assert last is not None
        if last.type == "response.completed":
            return events.get_final_response()
        assert last.type == "response.incomplete"
        return last.response


def plain(whole: Response | dict[str, Any]) -> dict[str, Any]:
    model = whole if isinstance(whole, Response) else Response.model_validate(whole)
    dumped: dict[str, Any] = json.loads(model.model_dump_json(exclude_none=True, warnings=False))
    return without_parsed(dumped)


def without_parsed(value: Any) -> Any:
    """The SDK's own field for parsed arguments is none of the protocol."""
    if isinstance(value, dict):
        return {name: without_parsed(item) for name, item in value.items() if name != "parsed_arguments"}
    return [without_parsed(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(params=STREAMS)
def stream(request: pytest.FixtureRequest) -> tuple[bytes, dict[str, Any]]:
    return STREAMS[request.param]


class TestStreams:
    def test_a_recorded_stream_is_its_response(self, stream: tuple[bytes, dict[str, Any]]) -> None:
        assert assembled(parsed(stream[0])) == stream[1]

    def test_the_official_client_reads_the_same(self, stream: tuple[bytes, dict[str, Any]]) -> None:
        assert plain(official(replayed(stream[1]))) == plain(stream[1])
        if b"[DONE]" not in stream[0]:  # it takes an empty output for what it says
            assert plain(official(stream[0])) == plain(stream[1])

    def test_the_replay_is_that_response_again(self, stream: tuple[bytes, dict[str, Any]]) -> None:
        assert assembled(parsed(replayed(stream[1]))) == stream[1]

    @pytest.mark.parametrize("name", [name for name in STREAMS if name not in ("search", "bare")])
    def test_a_replay_is_the_recording_but_for_how_text_is_cut(self, name: str) -> None:
        def shape(events: list[Event]) -> list[Any]:
            told = []
            for event in events:
                body = json.loads(event.data)
                for varies in ("sequence_number", "delta", "obfuscation"):
                    body.pop(varies, None)
                if not told or told[-1] != (event.event, body):
                    told.append((event.event, body))
            return told

        assert shape(parsed(replayed(STREAMS[name][1]))) == shape(parsed(STREAMS[name][0]))

    def test_every_replayed_event_is_of_the_official_types(self, stream: tuple[bytes, dict[str, Any]]) -> None:
        for number, event in enumerate(parsed(replayed(stream[1], EVIDENCE))):
            official_event = EVENT.validate_json(event.data)
            assert official_event.type == event.event
            assert official_event.sequence_number == number

    def test_no_truncated_stream_has_a_result(self, stream: tuple[bytes, dict[str, Any]]) -> None:
        events = [event for event in parsed(stream[0]) if event.data != "[DONE]"]
        assert all(assembled(events[:end]) is None for end in range(len(events)))
        whole = stream[0].removesuffix(b"data: [DONE]\n\n")
        for end in range(len(whole)):
            if whole[end - 2 : end] == b"\n\n" or len(whole) - end < 30:
                assert assembled(parsed(whole[:end])) is None


class TestEvidence:
    def test_it_is_where_a_whole_answer_has_it(self) -> None:
        final = official(replayed(TEXT_WHOLE, EVIDENCE))
        assert plain(final) == plain(TEXT_WHOLE) | {"x_semcache": EVIDENCE}

    def test_it_is_never_recorded(self) -> None:
        assert assembled(parsed(replayed(TEXT_WHOLE, EVIDENCE))) == TEXT_WHOLE


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


def event(kind: str, **fields: Any) -> Event:
    return Event(json.dumps({"type": kind, **fields}), kind)


def texts(*said: str) -> list[dict[str, Any]]:
    parts = [{"type": "output_text", "text": text, "annotations": []} for text in said]
    return [{"id": "msg", "type": "message", "role": "assistant", "status": "completed", "content": parts}]


def delta(text: Any, output: Any = 0, content: Any = 0) -> Event:
    return event("response.output_text.delta", delta=text, output_index=output, content_index=content)


CREATED = event("response.created", response={"id": "resp"})


def completed(output: Any, **fields: Any) -> Event:
    return event("response.completed", response={"id": "resp", "status": "completed", "output": output, **fields})


class TestTheLastEvent:
    def test_it_is_enough_where_nothing_was_said_before(self) -> None:
        assert assembled([completed(texts("a"))]) is not None

    @pytest.mark.parametrize(
        ("said", "output", "sound"),
        [
            ([delta("a"), delta("b")], texts("ab"), True),
            ([delta("a"), delta("b", content=1)], texts("a", "b"), True),
            ([delta("b", output=2), delta("a")], [*texts("a"), *texts("b")], True),
            ([delta("a")], texts("ab"), False),
            ([delta("a"), delta("x")], texts("ab"), False),
            ([delta("a")], [], False),
            ([delta("a")], None, False),
            ([delta("a")], "a", False),
            ([delta("a", output="0")], texts("a"), False),
            ([delta("a", content=None)], texts("a"), False),
            ([delta(7)], texts("7"), False),
            ([event("response.output_text.done", text="a", output_index=0, content_index=0)], texts("a"), True),
            ([event("response.output_text.done", text="b", output_index=0, content_index=0)], texts("a"), False),
            (
                [delta("a"), event("response.output_text.done", text="ab", output_index=0, content_index=0)],
                texts("ab"),
                False,
            ),
            (
                [event("response.function_call_arguments.delta", delta="{", output_index=0)],
                [{"type": "function_call", "arguments": "{}", "name": "n", "call_id": "c"}],
                False,
            ),
            (
                [event("response.custom_tool_call_input.delta", delta="{", output_index=0)],
                [{"type": "custom_tool_call", "input": "{", "name": "n", "call_id": "c"}],
                True,
            ),
            (
                [event("response.refusal.delta", delta="no", output_index=0, content_index=0)],
                texts("no"),
                False,
            ),
        ],
    )
    def test_it_must_agree_with_what_was_said_before(self, said: list[Event], output: Any, sound: bool) -> None:
        whole = assembled([CREATED, *said, completed(output)])
        assert (whole is not None) is sound

    def test_output_is_put_together_from_what_was_done_where_it_is_missing(self) -> None:
        first, second = texts("a")[0], texts("b")[0] | {"id": "msg_2"}
        done = [
            event("response.output_item.done", output_index=3, item=second),
            event("response.output_item.done", output_index=0, item=first),
        ]
        for missing in ([], None):
            whole = assembled([CREATED, *done, completed(missing)])
            assert whole is not None
            assert whole["output"] == [first, second]

    def test_not_while_an_item_is_open(self) -> None:
        added = event("response.output_item.added", output_index=0, item=texts()[0])
        assert assembled([CREATED, added, completed([])]) is None

    @pytest.mark.parametrize(
        "wrong",
        [
            event("error", code=None, message="m", param=None, sequence_number=1),
            Event('{"error": {"message": "m"}}'),
            event("response.failed", response={"id": "resp", "status": "failed"}),
            completed(texts("a")),
            event("response.completed", response=None),
            event("response.completed", response={"id": "another", "output": texts("a")}),
            event("response.output_item.done", output_index=0, item=None),
            event("response.output_item.done", output_index="0", item={}),
            Event("[DONE]"),
            Event("{}"),
            Event("null"),
            Event("{"),
        ],
    )
    def test_what_leaves_no_result(self, wrong: Event) -> None:
        assert assembled([CREATED, wrong, completed(texts("a"))]) is None

    def test_nothing_comes_after_it_but_the_mark_of_another_protocol(self) -> None:
        assert assembled([completed(texts("a")), Event("[DONE]")]) is not None
        assert assembled([completed(texts("a")), delta("a")]) is None

    def test_events_that_are_not_known_are_read_past(self) -> None:
        assert assembled([CREATED, event("keepalive"), event("response.dreaming"), completed(texts("a"))]) is not None


optional_text = st.text(st.characters(codec="utf-8"), max_size=50)
names = st.text("abc_", min_size=1, max_size=5)
statuses = st.sampled_from(["completed", "incomplete"])
annotations = st.fixed_dictionaries(
    {"type": st.just("file_citation"), "file_id": names, "filename": names, "index": st.integers(0, 9)}
)
logprobs = st.lists(
    st.fixed_dictionaries(
        {"token": names, "bytes": st.just([97]), "logprob": st.just(-0.5), "top_logprobs": st.just([])}
    ),
    max_size=2,
)
parts = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("output_text"), "text": optional_text, "annotations": st.lists(annotations, max_size=2)},
        optional={"logprobs": logprobs},
    ),
    st.fixed_dictionaries({"type": st.just("refusal"), "refusal": optional_text}),
)


def items(item_id: str) -> st.SearchStrategy[dict[str, Any]]:
    mine = {"id": st.just(item_id)}
    call = {"call_id": st.just(f"call_{item_id}"), "name": names}
    reasoning_texts = st.lists(
        st.fixed_dictionaries({"type": st.just("reasoning_text"), "text": optional_text}), max_size=2
    )
    return st.one_of(
        st.fixed_dictionaries(
            mine
            | {"type": st.just("message"), "role": st.just("assistant"), "status": statuses}
            | {"content": st.lists(parts, max_size=3)},
            optional={"phase": st.sampled_from(["commentary", "final_answer"])},
        ),
        st.fixed_dictionaries(
            mine
            | {
                "type": st.just("reasoning"),
                "summary": st.lists(
                    st.fixed_dictionaries({"type": st.just("summary_text"), "text": optional_text}), max_size=2
                ),
            },
            optional={"content": reasoning_texts, "encrypted_content": names, "status": statuses},
        ),
        st.fixed_dictionaries(
            mine | call | {"type": st.just("function_call"), "arguments": optional_text}, optional={"status": statuses}
        ),
        st.fixed_dictionaries(mine | call | {"type": st.just("custom_tool_call"), "input": optional_text}),
        st.fixed_dictionaries(
            mine | {"type": st.just("compaction"), "encrypted_content": names}, optional={"created_by": names}
        ),
    )


outputs = st.integers(0, 4).flatmap(lambda many: st.tuples(*(items(f"item_{number}") for number in range(many))))
wholes = st.builds(
    lambda output, incomplete, beside: response(
        list(output),
        **({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}} if incomplete else {}),
        **beside,
    ),
    outputs,
    st.booleans(),
    st.fixed_dictionaries({}, optional={"completed_at": st.just(1741487326), "service_tier": st.just("default")}),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


class TestProperties:
    @settings(max_examples=120, deadline=None)
    @given(wholes)
    def test_a_replay_is_read_as_the_stored_response_by_us_and_by_the_official_client(
        self, whole: dict[str, Any]
    ) -> None:
        stream = replayed(whole)
        events = parsed(stream)
        assert assembled(events) == whole
        assert all(assembled(events[:end]) is None for end in range(len(events)))
        for number, event in enumerate(events):
            assert EVENT.validate_json(event.data).sequence_number == number
        assert plain(official(stream)) == plain(whole)

    @settings(max_examples=80, deadline=None)
    @given(wholes, st.data())
    def test_a_stream_that_lost_a_delta_of_the_answer_has_no_result(self, whole: dict[str, Any], data: Any) -> None:
        events = parsed(replayed(whole))
        answer = ("output_text", "refusal", "function_call_arguments", "custom_tool_call_input")
        lossy = [
            place for place, event in enumerate(events) if event.event in {f"response.{name}.delta" for name in answer}
        ]
        if lossy:
            lost = data.draw(st.sampled_from(lossy))
            kept = [event for place, event in enumerate(events) if place != lost]
            if sum(place_of(events[lost]) == place_of(events[place]) for place in lossy) > 1:
                assert assembled(kept) is None

    @settings(max_examples=60, deadline=None)
    @given(st.dictionaries(st.sampled_from(["status", "output", "error", "usage", "model"]), values))
    def test_judging_and_replaying_never_raise(self, whole: dict[str, Any]) -> None:
        DIALECT.judge(whole)
        DIALECT.judge({**response([]), **whole})
        replayed(whole)

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.fixed_dictionaries(
                {
                    "type": st.sampled_from(
                        [
                            "response.created", "response.completed", "response.output_item.added",
                            "response.output_item.done", "response.output_text.delta", "response.output_text.done",
                        ]
                    )
                    | values
                },
                optional={
                    "output_index": st.just(0) | values,
                    "content_index": st.just(0) | values,
                    "delta": values,
                    "text": values,
                    "item": values,
                    "response": values | st.fixed_dictionaries({"output": values}),
                },
            ),
            max_size=6,
        )
    )  # fmt: skip
    def test_assembling_never_raises(self, events: list[dict[str, Any]]) -> None:
        assembled([Event(json.dumps(event)) for event in events])

    @settings(max_examples=100, deadline=None)
    @given(
        st.fixed_dictionaries(
            {"model": st.just("m"), "input": st.just("Hi") | values},
            optional=dict.fromkeys(("tools", "include", "stream", "top_logprobs", "background", "prompt"), values),
        )
    )
    def test_reading_raises_nothing_but_request_errors(self, body: dict[str, Any]) -> None:
        with contextlib.suppress(RequestError):
            DIALECT.read(body)


def place_of(event: Event) -> tuple[str, int, int | None]:
    body = json.loads(event.data)
    return body["type"], body["output_index"], body.get("content_index")


def read(**fields: Any) -> Asked:
    return DIALECT.read({"model": "gpt-4.1", "input": "What is a cache?", **fields})


def identity(asked: Asked) -> Any:
    request = CacheRequest(messages=asked.messages, model=asked.model, params=asked.params)
    return identify(request, Normalizer(), RULES)


class TestReading:
    def test_what_is_asked(self) -> None:
        asked = read(instructions="Be brief.", stream=True, user="u1", temperature=0.5, truncation="auto")
        assert asked.messages == [{"role": "user", "content": "What is a cache?"}]
        assert (asked.model, asked.stream, asked.user, asked.shape) == ("gpt-4.1", True, "u1", "")
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


def test_a_recording_without_an_end_is_not_taken_for_one() -> None:
    open_ended = recorded("", TEXT_WHOLE | {"status": "queued"})
    assert assembled(parsed(open_ended)) is None
