"""What a caller waits for, and what comes after its answer."""

from __future__ import annotations

from typing import Any

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
