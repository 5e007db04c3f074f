"""The lease: given back at once, and lost by a leader that is silent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from semcache.coalesce import Flight, FlightLost
from semcache.coalesce.lease import PACE_S
from semcache.models import RefusedReason
from semcache.ports import Fenced, Seat, Written
from tests.coalesce.replicas import FAR, FOLLOW, FRAMES, LEAD, WHO, Kitchen, Start, read, until
from tests.contract.records import eventually


async def test_what_is_stored_at_once_is_given_back_without_a_beat_between(
    replica: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await replica()
    beat = one.store.flights.beat
    after: list[int] = []

    async def noted(*args: Any, **options: Any) -> Any:
        if landed.is_set():
            after.append(1)
        return await beat(*args, **options)

    landed = asyncio.Event()

    async def work(flight: Flight) -> None:
        await asyncio.sleep(2 * PACE_S)  # past the first pause of the lease
        flight.push(b"all")
        flight.land()
        landed.set()
        await asyncio.sleep(0)  # a store that takes no time

    monkeypatch.setattr(one.store.flights, "beat", noted)
    passage = await one.board(work)
    assert passage.flight is not None
    await passage.flight.settled()
    assert await read(passage) == [b"all"]
    assert not after
    assert (await one.board(work)).boarding is LEAD  # the lease was given back


async def test_a_dead_leader_is_replaced_and_its_late_answer_refused(replica: Start) -> None:
    one, two, three = await replica(lease_s=1.5), await replica(lease_s=1.5), await replica()
    kitchen, second = Kitchen(three), Kitchen(two)  # the first one's answer comes by another way: it must be refused
    leader = await one.board(kitchen.work)
    assert leader.flight is not None
    followers = [await two.board(second.work) for _ in range(3)]
    assert {passage.boarding for passage in followers} == {FOLLOW}
    readers = [asyncio.create_task(read(passage)) for passage in followers]
    await one.store.aclose()  # no beat comes through any more
    outcomes = await asyncio.gather(*readers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [FlightLost] * 3
    second.go.set()
    again = await asyncio.gather(*(two.board(second.work) for _ in range(3)))
    assert sorted(passage.boarding for passage in again) == [FOLLOW, FOLLOW, LEAD]
    assert [await read(passage) for passage in again] == [FRAMES] * 3
    assert again[0].flight is not None
    assert again[0].flight.token > leader.flight.token
    await again[0].flight.settled()
    kitchen.go.set()
    assert await read(leader) == FRAMES  # whoever reads where it is led reads on
    await leader.flight.settled()
    assert isinstance(second.outcomes[0], Written)
    assert kitchen.outcomes == [Fenced(RefusedReason.SUPERSEDED)]
    assert [what[:2] for what in one.degraded] == [("store", "store_unavailable")]  # once, however often it failed


async def test_a_leader_that_was_replaced_learns_it(replica: Start) -> None:
    one, two = await replica(lease_s=0.3), await replica()
    kitchen = Kitchen()
    leader = await one.board(kitchen.work)
    flight = leader.flight
    assert flight is not None
    base = one.store._link.keys.bases[WHO.shard]

    async def replaced() -> Seat | None:  # as if its lease had run out
        await one.store._link.command("HSET", base + b"f:" + WHO.entry_id.encode(), "u", "1")
        seat = await two.store.flights.board(WHO.entry_id, since_ms=FAR, ttl_s=30)
        return seat if seat.boarding is LEAD else None  # a beat came between

    seat = await eventually(replaced)
    await until(lambda: flight.deposed)
    kitchen.go.set()
    assert await read(leader) == FRAMES
    await flight.settled()
    assert (await two.store.flights.beat(WHO.entry_id, seat.token, [], at=0, ttl_s=30)).alive
