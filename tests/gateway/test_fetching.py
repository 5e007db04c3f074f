"""What a caller waits for, and what comes after its answer."""

from __future__ import annotations

from typing import Any

import pytest

from semcache.gateway import fetching
from semcache.gateway.recorder import Recorder, Recording
from tests.gateway.conftest import Open


def test_an_answer_is_out_before_its_store_begins(open_gateway: Open) -> None:
    gateway = open_gateway()
    front = gateway.service.front
    assert front is not None
    cache, answered = front._parts.cache, gateway._server.server_state
    store, seen = cache.store, []

    async def watched(*given: Any, **named: Any) -> Any:
        seen.append(answered.total_requests)
        return await store(*given, **named)

    cache.store = watched  # type: ignore[method-assign]
    for number in range(3):
        before = answered.total_requests
        assert gateway.chat(f"question {number}").status == "MISS"
        gateway.settled()
        assert seen.pop() == before + 1
    assert gateway.is_kept("question 0")


def test_a_stream_ends_before_it_is_read_what_it_was(open_gateway: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = open_gateway()
    answered, seen = gateway._server.server_state, []

    class Watched(Recorder):
        def finish(self) -> Recording:
            seen.append(answered.total_requests)
            return super().finish()

    monkeypatch.setattr(fetching, "Recorder", Watched)
    before = answered.total_requests
    streamed = gateway.chat("question", stream=True)
    assert streamed.status == "MISS"
    gateway.settled()
    assert seen == [before + 1]
    assert gateway.chat("question").text == streamed.text
    assert gateway.chat("question", stream=True).status == "HIT"
