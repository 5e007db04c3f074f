"""Coalescing over two replicas on real stores: one leader, the same frames for everyone, whoever leaves or dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from semcache import coalesce
from semcache.coalesce import Coalescer, Flight, FlightLost, Passage, Work
from semcache.errors import RequestError
from semcache.models import FillToken, RefusedReason, Strategy
from semcache.ports import Boarding, Fenced, Seat, Written
from semcache.settings import Settings
from semcache.stores.store import RedisStore
from tests import servers
from tests.conftest import Backend
from tests.contract.records import draft, eventually, identity
from tests.ops import settings_for
from tests.patience import LONG_S

LEAD, FOLLOW, LANDED = Boarding.LEAD, Boarding.FOLLOW, Boarding.LANDED
FAR = 1 << 50
WHO = identity("q")
FRAMES = [b"head", *(b"chunk %d" % n for n in range(20)), b"end"]


class Replica:
    """A store of its own and the coalescer on it: one process's view."""

    def __init__(self, settings: Settings, *, lease_s: float = 5.0) -> None:
        self.store = RedisStore(settings, None)
        self.degraded: list[tuple[str, str, str]] = []
        self.coalescer = Coalescer(
            self.store.flights, lease_s=lease_s, degraded=lambda *what: self.degraded.append(what)
        )

    async def board(self, work: Work, *, since_ms: int = FAR) -> Passage:
        return await self.coalescer.board(WHO.entry_id, since_ms=since_ms, work=work)


class Kitchen:
    """What leaders do here: push FRAMES, the rest of them once `go` is set, and store as a gateway would."""

    def __init__(self, replica: Replica | None = None, *, pause_s: float = 0.0) -> None:
        self.replica = replica
        self.pause_s = pause_s
        self.begun = 0
        self.go = asyncio.Event()
        self.store_go = asyncio.Event()
        self.store_go.set()
        self.outcomes: list[Any] = []

    async def work(self, flight: Flight) -> None:
        self.begun += 1
        for frame in FRAMES[:5]:
            flight.push(frame)
        await self.go.wait()
        for frame in FRAMES[5:]:
            flight.push(frame)
            await asyncio.sleep(self.pause_s)
        flight.land()
        await self.store_go.wait()
        if self.replica is not None:
            entries = self.replica.store.entries
            read = await entries.read(WHO, Strategy.EXACT)
            fill = FillToken(WHO.entry_id, read.epoch, read.fence, read.now_ms, flight.token)
            self.outcomes.append(await entries.put(draft(WHO, fill=fill)))


async def read(passage: Passage) -> list[bytes]:
    assert passage.flight is not None
    return [frame async for frame in passage.flight.frames()]


async def until(condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await eventually(holds, timeout_s=20)


@pytest.fixture
async def replica(store_backend: Backend, key_prefix: str) -> AsyncIterator[Callable[..., Awaitable[Replica]]]:
    """Starts replicas over the same keys."""
    made: list[Replica] = []

    async def start(**options: Any) -> Replica:
        made.append(Replica(settings_for(store_backend, key_prefix), **options))
        await made[-1].store.start()
        return made[-1]

    yield start
    for one in made:
        await one.coalescer.aclose(within_s=0)
        await one.store.aclose()


Start = Callable[..., Awaitable[Replica]]


# -- one call for all -----------------------------------------------------------------------------------------------


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


# -- who leaves, who is slow, who fails -------------------------------------------------------------------------------


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
        await asyncio.sleep(2 * coalesce._PACE_S)  # past the first pause of the lease
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


async def test_an_id_that_is_none_is_the_callers_error(replica: Start) -> None:
    one = await replica()
    with pytest.raises(RequestError):
        await one.coalescer.board("no id", since_ms=0, work=Kitchen().work)


async def test_a_flight_of_another_process_that_nobody_reads_is_left(
    replica: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalesce, "_ABANDONED_S", 0.1)
    one, two = await replica(), await replica()
    kitchen = Kitchen()
    await one.board(kitchen.work)
    passage = await two.board(kitchen.work)
    reader = asyncio.create_task(read(passage))
    await asyncio.sleep(0.3)
    flight = passage.flight
    assert flight is not None
    assert not flight.ended  # somebody listens
    reader.cancel()
    await until(lambda: flight.ended)
    again = await two.board(kitchen.work)  # and may be boarded anew
    assert again.boarding is FOLLOW
    kitchen.go.set()
    assert await read(again) == FRAMES


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


# -- leaders that die -------------------------------------------------------------------------------------------------


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


# -- a store that is down ---------------------------------------------------------------------------------------------


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
    monkeypatch.setattr(coalesce, "_PATIENCE_S", 0.2)
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
