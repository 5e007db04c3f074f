"""Over two replicas on real stores: one leader, whoever leaves, fails or is stopped."""

from __future__ import annotations

import asyncio
import time

import pytest

from semcache.coalesce import Flight, FlightLost, Passage
from semcache.errors import RequestError
from semcache.ports import Boarding, Written
from tests.coalesce.replicas import FAR, FOLLOW, FRAMES, LANDED, LEAD, WHO, Kitchen, Replica, Start, read, until


async def test_a_hundred_callers_on_two_replicas_make_one_call(replica: Start) -> None:
    one, two = await replica(), await replica()
    kitchens = [Kitchen(one, pause_s=0.002), Kitchen(two, pause_s=0.002)]

    async def call(n: int) -> tuple[Boarding, list[bytes]]:
        passage = await (one, two)[n % 2].board(kitchens[n % 2].work)
        return passage.boarding, await read(passage)

    calls = [asyncio.create_task(call(n)) for n in range(100)]
    await until(lambda: sum(kitchen.begun for kitchen in kitchens) > 0)
    for kitchen in kitchens:
        kitchen.go.set()
    outcomes = await asyncio.gather(*calls)
    assert sorted(boarding for boarding, _ in outcomes) == [FOLLOW] * 99 + [LEAD]
    assert all(frames == FRAMES for _, frames in outcomes)
    assert sum(kitchen.begun for kitchen in kitchens) == 1
    await until(lambda: any(kitchen.outcomes for kitchen in kitchens))  # readers end before it is stored
    stored = [outcome for kitchen in kitchens for outcome in kitchen.outcomes]
    assert len(stored) == 1
    assert isinstance(stored[0], Written)
    assert (one.degraded, two.degraded) == ([], [])


async def test_a_follower_reads_to_the_end_while_the_leader_still_stores(replica: Start) -> None:
    one, two = await replica(), await replica()
    kitchen = Kitchen(one)
    kitchen.go.set()
    kitchen.store_go.clear()
    leader = await one.board(kitchen.work)
    follower = await two.board(kitchen.work)
    assert await read(leader) == await read(follower) == FRAMES
    assert leader.flight is not None
    assert follower.flight is not None
    assert leader.flight.landed
    waiting = [asyncio.create_task(passage.flight.settled()) for passage in (leader, follower)]  # type: ignore[union-attr]
    late = [asyncio.create_task(one.board(kitchen.work)), asyncio.create_task(two.board(kitchen.work))]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in (*waiting, *late))
    kitchen.store_go.set()
    await asyncio.gather(*waiting)
    assert [passage.boarding for passage in await asyncio.gather(*late)] == [LANDED, LANDED]
    written = kitchen.outcomes[0].entry
    assert (await two.board(kitchen.work, since_ms=written.created_ms)).boarding is LANDED
    assert kitchen.begun == 1


async def test_who_would_not_join_is_told_of_a_flight_or_waits_for_its_store(replica: Start) -> None:
    one, two = await replica(), await replica()
    kitchen = Kitchen(one)
    kitchen.store_go.clear()

    async def alone(who: Replica) -> Passage:
        return await who.coalescer.board(WHO.entry_id, since_ms=FAR, work=kitchen.work, join=False)

    leader = await alone(one)
    assert leader.boarding is LEAD
    assert [(await alone(who)).boarding for who in (one, two, two)] == [FOLLOW] * 3
    follower = await two.board(kitchen.work)
    assert follower.boarding is FOLLOW
    kitchen.go.set()
    assert await read(leader) == await read(follower) == FRAMES
    late = [asyncio.create_task(alone(who)) for who in (one, two)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in late)
    kitchen.store_go.set()
    assert [passage.boarding for passage in await asyncio.gather(*late)] == [LANDED, LANDED]
    assert kitchen.begun == 1


async def test_whoever_comes_after_the_landing_of_nothing_leads(replica: Start) -> None:
    one, two = await replica(), await replica()
    kitchen = Kitchen()
    kitchen.go.set()
    for n in range(4):  # an answer that is not stored is fetched again
        passage = await (one, two)[n % 2].board(kitchen.work)
        assert passage.boarding is LEAD
        assert await read(passage) == FRAMES
        assert passage.flight is not None
        await passage.flight.settled()
    assert kitchen.begun == 4


async def test_leaving_harms_nobody(replica: Start) -> None:
    one, two = await replica(), await replica()
    kitchen = Kitchen(one)
    first = asyncio.create_task(one.board(kitchen.work))
    await asyncio.sleep(0)
    others = [asyncio.create_task(one.board(kitchen.work)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()  # before the store has answered
    passages = [await other for other in others]
    assert [passage.boarding for passage in passages] == [FOLLOW] * 3
    far = await two.board(kitchen.work)
    readers = [asyncio.create_task(read(passage)) for passage in (*passages, far)]
    await until(lambda: kitchen.begun == 1)
    await asyncio.sleep(0.05)
    for reader in (readers[0], readers[3]):
        reader.cancel()
    kitchen.go.set()
    assert await asyncio.gather(*readers[1:3]) == [FRAMES, FRAMES]
    await until(lambda: len(kitchen.outcomes) == 1)
    assert isinstance(kitchen.outcomes[0], Written)


async def test_a_flight_without_readers_is_stored_all_the_same(replica: Start) -> None:
    one = await replica()
    kitchen = Kitchen(one)
    kitchen.go.set()
    passage = await one.board(kitchen.work)
    assert passage.flight is not None
    await passage.flight.settled()
    assert isinstance(kitchen.outcomes[0], Written)


async def test_a_failed_fetch_is_lost_everywhere_at_once_and_the_next_one_leads(
    replica: Start, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = await replica(lease_s=60), await replica(lease_s=60)
    fail = asyncio.Event()

    async def work(flight: Flight) -> None:
        flight.push(b"half")
        await fail.wait()
        raise ValueError("a defect of the work")

    passages = [await one.board(work), await one.board(work), await two.board(work)]
    assert passages[0].flight is not None
    assert passages[0].flight.followers == 1
    found: list[list[bytes]] = [[], [], []]

    async def reads(n: int) -> None:
        passage = passages[n]
        assert passage.flight is not None
        async for frame in passage.flight.frames():
            found[n].append(frame)

    readers = [asyncio.create_task(reads(n)) for n in range(3)]
    await until(lambda: found == [[b"half"]] * 3)
    fail.set()
    started = time.monotonic()
    outcomes = await asyncio.gather(*readers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [FlightLost] * 3
    assert "a defect of the work" in caplog.text
    kitchen = Kitchen()
    again = await asyncio.gather(one.board(kitchen.work), two.board(kitchen.work), one.board(kitchen.work))
    assert sorted(passage.boarding for passage in again) == [FOLLOW, FOLLOW, LEAD]
    kitchen.go.set()  # not before: a flight that has ended already is nobody's to follow
    assert [await read(passage) for passage in again] == [FRAMES] * 3
    assert time.monotonic() - started < 10  # nobody waited for a lease


async def test_an_id_that_is_none_is_the_callers_error(replica: Start) -> None:
    one = await replica()
    with pytest.raises(RequestError):
        await one.coalescer.board("no id", since_ms=0, work=Kitchen().work)


async def test_a_flight_alone_and_one_that_nobody_waits_for(replica: Start) -> None:
    one = await replica()
    kitchen = Kitchen()
    kitchen.go.set()
    shared = await one.board(kitchen.work)
    alone = one.coalescer.solo(kitchen.work)
    assert [frame async for frame in alone.frames()] == await read(shared) == FRAMES
    await asyncio.gather(alone.settled(), shared.flight.settled())  # type: ignore[union-attr]
    assert (kitchen.begun, alone.token) == (2, 0)
    kitchen.go.clear()
    for _ in range(2):
        one.coalescer.begin(WHO.entry_id, since_ms=FAR, work=kitchen.work)
    follower = await one.board(kitchen.work)
    assert follower.boarding is FOLLOW
    kitchen.go.set()
    assert await read(follower) == FRAMES
    assert kitchen.begun == 3
    one.coalescer.begin("no id", since_ms=FAR, work=kitchen.work)


async def test_a_stop_waits_then_ends_what_is_left(replica: Start) -> None:
    one, two = await replica(lease_s=60), await replica(lease_s=60)
    quick, stuck = Kitchen(), Kitchen()
    quick.go.set()
    quick.pause_s = 0.005
    passage = await one.board(quick.work)
    await one.coalescer.aclose()
    assert await read(passage) == FRAMES
    passages = [await one.board(stuck.work), await two.board(stuck.work)]
    readers = [asyncio.create_task(read(each)) for each in passages]
    await one.coalescer.aclose(within_s=0.05)
    outcomes = await asyncio.gather(*readers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [FlightLost] * 2  # at once: the lease was given back
    assert (await two.board(quick.work)).boarding is LEAD


async def test_a_stop_before_the_first_step_leaves_nobody_waiting(replica: Start) -> None:
    one = await replica()
    waiting = asyncio.create_task(one.board(Kitchen().work))
    while not one.coalescer._tasks:
        await asyncio.sleep(0)
    await one.coalescer.aclose(within_s=0)
    with pytest.raises(FlightLost):
        await waiting
