from __future__ import annotations

import contextlib
import json
from typing import Any

from anthropic.types import RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from semcache.errors import RequestError
from semcache.gateway.sse import Event
from tests.gateway.dialects.official_messages import (
    DIALECT,
    USER,
    assembled,
    official,
    parsed,
    plain,
    replayed,
)
from tests.gateway.dialects.streams_messages import message

EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
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
