"""Without the store: one flight a process, and no wait."""

from __future__ import annotations

import asyncio

import pytest

from semcache.coalesce import FlightLost, following
from semcache.settings import Settings
from tests import servers
from tests.coalesce.replicas import FOLLOW, FRAMES, LEAD, Kitchen, Replica, read
from tests.patience import LONG_S


async def test_without_a_store_there_is_one_flight_in_this_process(key_prefix: str) -> None:
    settings = Settings(redis_url="redis://127.0.0.1:1", store={"key_prefix": key_prefix})
    one = Replica(settings)  # never started
    kitchen = Kitchen()
    passages = await asyncio.gather(*(one.board(kitchen.work) for _ in range(20)))
    assert sorted(passage.boarding for passage in passages) == [FOLLOW] * 19 + [LEAD]
    assert passages[0].flight is not None
    assert passages[0].flight.token == 0
    kitchen.go.set()
    assert all(await asyncio.gather(*(read(passage) for passage in passages)))
    assert kitchen.begun == 1
    assert [what[:2] for what in one.degraded] == [("store", "store_unavailable")]
    await one.coalescer.aclose()


async def test_who_found_the_store_down_does_not_ask_it_again(key_prefix: str) -> None:
    one = Replica(Settings(redis_url="redis://127.0.0.1:1", store={"key_prefix": key_prefix}))  # never started
    kitchen = Kitchen()
    passages = [await one.coalescer.board("unread", since_ms=None, work=kitchen.work) for _ in range(3)]
    assert [passage.boarding for passage in passages] == [LEAD, FOLLOW, FOLLOW]
    kitchen.go.set()
    assert all(await asyncio.gather(*(read(passage) for passage in passages)))
    assert kitchen.begun == 1
    assert one.degraded == []
    await one.coalescer.aclose()


async def test_a_store_that_dies_under_way(key_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_PATIENCE_S", 0.2)
    with servers.server() as server:
        settings = Settings(redis_url=server.url, store={"key_prefix": key_prefix, "breaker_pause_s": 0.1})
        one, two = Replica(settings, lease_s=2.0), Replica(settings, lease_s=2.0)
        await one.store.start()
        await two.store.start()
        kitchen = Kitchen()
        leader, follower = await one.board(kitchen.work), await two.board(kitchen.work)
        assert follower.boarding is FOLLOW
        reader = asyncio.create_task(read(follower))
        server.kill()
        with pytest.raises(FlightLost):
            await asyncio.wait_for(reader, LONG_S)
        kitchen.go.set()
        assert await read(leader) == FRAMES
        alone = await two.board(kitchen.work)  # one call a process, and no wait
        assert alone.boarding is LEAD
        assert await read(alone) == FRAMES
        assert len(two.degraded) == 2  # the followed flight, however often it was asked for; and the boarding
        for each in (one, two):
            await each.coalescer.aclose()
            await each.store.aclose()
