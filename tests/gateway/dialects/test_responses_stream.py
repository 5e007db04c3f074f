from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from semcache.gateway.sse import Event
from tests.gateway.dialects.official_responses import (
    assembled,
    official,
    parsed,
    plain,
    replayed,
)
from tests.gateway.dialects.streams_responses import STREAMS, TEXT_WHOLE, recorded

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
EVIDENCE = {"cache_hit": True, "tier": "exact"}


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


def test_a_recording_without_an_end_is_not_taken_for_one() -> None:
    open_ended = recorded("", TEXT_WHOLE | {"status": "queued"})
    assert assembled(parsed(open_ended)) is None
