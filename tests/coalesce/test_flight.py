"""Frames: whole, in order, to each reader at its own pace."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from semcache.coalesce import Flight, Passage
from tests.coalesce.replicas import FOLLOW, FRAMES, LEAD, Kitchen, Start, read, until


async def test_frames_cross_over_as_they_come(replica: Start) -> None:
    one, two = await replica(), await replica()
    kitchen = Kitchen()
    passage = await one.board(kitchen.work)
    assert passage.boarding is LEAD
    assert passage.flight is not None
    assert passage.flight.led_here
    follower = await two.board(kitchen.work)
    assert follower.boarding is FOLLOW
    assert follower.flight is not None
    assert (follower.flight.led_here, follower.flight.token) == (False, passage.flight.token)
    async with aclosing(follower.flight.frames()) as frames:
        assert [await anext(frames) for _ in range(5)] == FRAMES[:5]  # before the others are even made
        kitchen.go.set()
        assert [frame async for frame in frames] == FRAMES[5:]
    assert kitchen.begun == 1


async def test_many_frames_and_large_ones_arrive_whole(replica: Start) -> None:
    one, two = await replica(), await replica()
    frames = [bytes([n % 256]) * 150_000 for n in range(20)] + [b"%d" % n for n in range(5000)]

    async def work(flight: Flight) -> None:
        for frame in frames:
            flight.push(frame)
        await asyncio.sleep(0.3)

    leader = await one.board(work)
    follower = await two.board(work)
    assert follower.boarding is FOLLOW
    assert await read(leader) == await read(follower) == frames


async def test_each_reads_at_its_own_pace(replica: Start) -> None:
    one, two = await replica(), await replica()
    kitchen = Kitchen()
    kitchen.go.set()
    passages = [await one.board(kitchen.work), await two.board(kitchen.work)]

    async def slowly(passage: Passage) -> list[bytes]:
        assert passage.flight is not None
        found = []
        async for frame in passage.flight.frames():
            found.append(frame)
            await asyncio.sleep(0.01)
        return found

    slow = [asyncio.create_task(slowly(passage)) for passage in passages]
    assert [await read(passage) for passage in passages] == [FRAMES, FRAMES]
    assert not any(task.done() for task in slow)
    assert await asyncio.gather(*slow) == [FRAMES, FRAMES]


async def test_work_that_forgets_to_land_is_landed(replica: Start) -> None:
    async def work(flight: Flight) -> None:
        flight.push(b"a")

    one = await replica()
    assert await read(await one.board(work)) == [b"a"]


async def test_a_flight_that_has_ended_takes_no_more_frames(replica: Start) -> None:
    raised: list[Exception] = []

    async def work(flight: Flight) -> None:
        flight.land()
        flight.land()
        try:
            flight.push(b"late")
        except RuntimeError as error:
            raised.append(error)

    one = await replica()
    assert await read(await one.board(work)) == []
    await until(lambda: len(raised) == 1)
