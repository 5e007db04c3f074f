"""No lookup waits on a dead dependency longer than its deadline: not alone, not among many, not between two tiers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from semcache.errors import StoreUnavailable
from semcache.models import Hit, Miss, MissReason
from semcache.service import Service
from tests import servers
from tests.integration.conftest import MakeService, eventually
from tests.never.conftest import keep, request
from tests.patience import LONG_S
from tests.prompts import prompt, reworded

STORE_S = 1.0
SLACK_S = 8.0
"""What a busy machine adds."""
DEAD = {MissReason.STORE_TIMEOUT, MissReason.STORE_UNAVAILABLE, MissReason.DEADLINE}


@pytest.fixture
def server() -> Iterator[servers.Server]:
    with servers.server() as running:
        yield running


async def timed(service: Service, text: str) -> float:
    """Seconds that a lookup took which must end in a miss that says the store is dead."""
    began = time.monotonic()
    outcome = await service.cache.lookup(request(text))
    assert isinstance(outcome, Miss), outcome
    assert outcome.reason in DEAD, outcome
    return time.monotonic() - began


async def test_two_hundred_lookups_of_a_hung_store_all_end_in_time(
    make_service: MakeService, server: servers.Server
) -> None:
    """Far more than there are connections: waiting for one counts too."""
    store = {"deadline_s": STORE_S, "write_deadline_s": STORE_S, "pool_size": 8}
    service = await make_service(url=server.url, store=store)
    stored = await keep(service, request(prompt(0)), "answer")
    server.pause()
    try:
        seconds = await asyncio.gather(*(timed(service, prompt(number % 50)) for number in range(200)))
        assert max(seconds) < STORE_S + SLACK_S
        for call in (
            service.cache.entry(stored.entry_id),
            service.cache.feedback(stored.entry_id, prompt=prompt(1), asker=None, correct=False),
        ):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await call
            assert time.monotonic() - began < STORE_S + SLACK_S
    finally:
        server.resume()

    async def back() -> bool:
        return isinstance(await service.cache.lookup(request(prompt(0))), Hit)

    await eventually(back, what="a hit after the pause")


async def test_a_store_that_hangs_between_two_tiers_is_waited_for_once(
    make_service: MakeService, server: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers the exact read and hangs before the candidates are read."""
    deadline_s = 3.0  # two of them are more than one and what a busy machine adds
    service = await make_service(url=server.url, store={"deadline_s": deadline_s})
    await keep(service, request(prompt(0)), "answer")
    embedder = service.embedder
    assert embedder is not None
    embed = embedder.embed

    async def and_then_it_hangs(*args: object, **named: object) -> object:
        vectors = await embed(*args, **named)  # type: ignore[arg-type]
        server.pause()
        return vectors

    monkeypatch.setattr(embedder, "embed", and_then_it_hangs)
    try:
        assert await timed(service, reworded(0)) < 2 * deadline_s
    finally:
        server.resume()


async def test_the_whole_lookup_has_a_deadline_above_those_of_its_parts(make_service: MakeService) -> None:
    """An embedder that never answers, and keeps no deadline of its own."""
    service = await make_service(limits={"lookup_deadline_s": 0.3})
    await keep(service, request(prompt(0)), "answer")
    assert service.embedder is not None

    async def never(*args: object, **named: object) -> object:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    service.embedder.embed = never  # type: ignore[method-assign, assignment]
    began = time.monotonic()
    outcome = await service.cache.lookup(request(reworded(0)))
    assert isinstance(outcome, Miss)
    assert outcome.reason is MissReason.DEADLINE
    assert time.monotonic() - began < LONG_S / 2
    assert isinstance(await service.cache.lookup(request(prompt(0))), Hit)
