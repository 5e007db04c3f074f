from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from semcache.gateway.sse import Event
from tests.gateway.dialects.official_messages import (
    assembled,
    official,
    parsed,
    plain,
    replayed,
)
from tests.gateway.dialects.streams_messages import STREAMS, TEXT, TOOLS, recorded

EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
EVIDENCE = {"cache_hit": True, "tier": "exact"}


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
