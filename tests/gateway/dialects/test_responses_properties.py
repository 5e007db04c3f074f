from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from semcache.errors import RequestError
from semcache.gateway.sse import Event
from tests.gateway.dialects.official_responses import (
    DIALECT,
    assembled,
    official,
    parsed,
    plain,
    replayed,
)
from tests.gateway.dialects.streams_responses import response

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
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
