"""Calls that go together: each gets its own answer, its own error, and nobody waits for another's cancellation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.exceptions import BusyLoadingError

from semcache.errors import StoreUnavailable
from semcache.models import Strategy
from semcache.ports import Written
from semcache.stores import lua
from semcache.stores.gathering import Gathering
from semcache.stores.lane import Lane
from semcache.stores.lua import Link
from semcache.stores.store import RedisStore
from tests.conftest import Backend
from tests.contract.conftest import make_store, raw, store
from tests.contract.records import draft, eventually, identity

__all__ = ["make_store", "raw", "store"]


@pytest.fixture
def store_backend(standalone_server: str) -> Backend:
    """Gathering is done where one server has all shards."""
    return Backend(standalone_server)


def count_trips(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many calls each round trip carried."""
    trips: list[int] = []
    alone, apart = Link.run, Link.run_apart

    async def run(self: Link, name: str, *args: Any, **more: Any) -> Any:
        if name == "read":
            trips.append(1)
        return await alone(self, name, *args, **more)

    async def run_apart(self: Link, name: str, calls: Any) -> Any:
        trips.append(len(calls))
        return await apart(self, name, calls)

    monkeypatch.setattr(Link, "run", run)
    monkeypatch.setattr(Link, "run_apart", run_apart)
    monkeypatch.setattr(Gathering, "_open", lambda self: None)  # a lane makes no trips
    return trips


async def test_each_gets_its_own_answer(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [identity(f"question {number}") for number in range(300)]
    for who in people[::2]:
        await store.entries.put(draft(who))
    trips = count_trips(monkeypatch)
    reads = await asyncio.gather(*(store.entries.read(who, Strategy.SEMANTIC) for who in people))
    assert [read.exact is not None for read in reads] == [number % 2 == 0 for number in range(300)]
    for who, read in zip(people, reads, strict=True):
        assert read.exact is None or read.exact.entry.entry_id == who.entry_id
    assert trips == [1, 128, 128, 43]


async def test_one_after_another_waits_for_no_company(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    trips = count_trips(monkeypatch)
    for number in range(5):
        await store.entries.read(identity(f"question {number}"), Strategy.SEMANTIC)
    assert trips == [1] * 5


async def test_a_damaged_key_fails_its_own_read_alone(store: RedisStore, raw: Any) -> None:
    people = [identity(f"question {number}") for number in range(6)]
    for who in people:
        await store.entries.put(draft(who))
    key = store._link.keys.bases[people[3].shard] + b"e:" + people[3].entry_id.encode()
    await raw.set(key, "no hash")
    reads = await asyncio.gather(
        *(store.entries.read(who, Strategy.SEMANTIC) for who in people), return_exceptions=True
    )
    assert isinstance(reads[3], StoreUnavailable)
    assert all(read.exact is not None for number, read in enumerate(reads) if number != 3)  # type: ignore[union-attr]
    assert not store._link.guard.open


async def test_candidates_of_several_shards_come_over_a_lane(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [identity(f"question {number}") for number in range(6)]
    for who in people:
        await store.entries.put(draft(who))
    ids = [who.entry_id for who in people]
    assert len({who.shard for who in people}) > 1
    before = await store.entries.read_many(ids)
    await until_open(store)
    monkeypatch.setattr(Link, "run_each", None)  # the other way
    after = await store.entries.read_many(ids)
    assert list(after.found) == list(before.found)
    assert set(after.found) == set(ids)
    assert after.now_ms >= before.now_ms


async def test_one_damaged_candidate_fails_the_read_and_the_lane_lives(store: RedisStore, raw: Any) -> None:
    people = [identity(f"question {number}") for number in range(6)]
    for who in people:
        await store.entries.put(draft(who))
    ids = [who.entry_id for who in people]
    await store.entries.read_many(ids)
    await until_open(store)
    await raw.set(store._link.keys.bases[people[0].shard] + b"e:" + people[0].entry_id.encode(), "no hash")
    with pytest.raises(StoreUnavailable):
        await store.entries.read_many(ids)
    assert set((await store.entries.read_many(ids[1:])).found) == set(ids[1:])


async def test_a_client_with_other_insides_is_read_without_a_lane(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def other(self: Lane, connection: Any) -> None:
        raise AttributeError("_writer")

    monkeypatch.setattr(Lane, "open", other)
    who = identity("question")
    await store.entries.put(draft(who))
    for _ in range(3):
        assert (await store.entries.read(who, Strategy.SEMANTIC)).exact is not None
        if (opening := store.entries._reads._opening) is not None:
            await opening
    assert store.entries._reads._lane is None
    assert caplog.text.count("without a lane of their own") == 1


async def until_open(store: RedisStore) -> None:
    """Until there is a lane for candidates: the first read has asked for one."""
    opening = store.entries._candidates._opening
    if opening is not None:
        await opening
    assert store.entries._candidates._lane is not None


async def test_who_goes_away_takes_nobody_along(store: RedisStore) -> None:
    people = [identity(f"question {number}") for number in range(5)]
    for who in people:
        await store.entries.put(draft(who))
    tasks = [asyncio.create_task(store.entries.read(who, Strategy.SEMANTIC)) for who in people]
    await asyncio.sleep(0)  # the first is on its way, the others wait for the end of this turn
    for task in (tasks[0], tasks[2]):
        task.cancel()
    reads = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(read, asyncio.CancelledError) for read in reads] == [True, False, True, False, False]
    assert all(read.exact is not None for read in (reads[1], reads[3], reads[4]))  # type: ignore[union-attr]
    assert (await store.entries.read(people[0], Strategy.SEMANTIC)).exact is not None


async def test_a_store_that_is_gone_fails_all_of_them_with_its_name(store: RedisStore) -> None:
    await store.aclose()
    reads = await asyncio.gather(
        *(store.entries.read(identity(f"question {number}"), Strategy.SEMANTIC) for number in range(4)),
        return_exceptions=True,
    )
    assert all(isinstance(read, StoreUnavailable) for read in reads)


async def test_scripts_that_the_server_forgot_are_sent_again(store: RedisStore, raw: Any) -> None:
    who = identity("question")
    await store.entries.put(draft(who))
    await raw.script_flush()
    reads = await asyncio.gather(*(store.entries.read(who, Strategy.SEMANTIC) for _ in range(4)))
    assert all(read.exact is not None for read in reads)


async def test_an_answer_that_speaks_of_the_server_counts_against_it(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def loading(*_: Any) -> list[Any]:
        return [BusyLoadingError("loading the dataset"), BusyLoadingError("loading the dataset")]

    monkeypatch.setattr(lua, "_eval_apart", loading)
    calls = [(store._link.keys.bases[shard], ()) for shard in range(2)]
    while not store._link.guard.open:
        with pytest.raises(StoreUnavailable, match="loading"):
            await store._link.run_apart("read", calls)


async def lane_for_reads(store: RedisStore) -> None:
    """Until there is one."""
    reads = store.entries._reads
    assert not store.entries.begin_read(identity("any"), pytest.fail)  # there is none: nothing will be heard
    assert reads._opening is not None
    await reads._opening
    assert reads._lane is not None


async def begun(store: RedisStore, who: Any) -> Any:
    """What a read that was begun over a lane hears."""
    heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    assert store.entries.begin_read(who, heard.set_result)
    return await heard


async def test_a_read_that_is_begun_hears_what_a_read_returns(store: RedisStore) -> None:
    people = [identity(f"question {number}") for number in range(50)]
    for who in people[::2]:
        await store.entries.put(draft(who))
    await lane_for_reads(store)
    told = await asyncio.gather(*(begun(store, who) for who in people))
    reads = [await store.entries.read(who, Strategy.EXACT) for who in people]
    assert [one.exact for one in told] == [one.exact for one in reads]
    assert [one.epoch for one in told] == [one.epoch for one in reads]


async def test_a_read_that_is_begun_hears_of_its_failure(store: RedisStore, raw: Any) -> None:
    who, other = identity("question 1"), identity("question 2")
    await store.entries.put(draft(other))
    await lane_for_reads(store)
    await raw.set(store._link.keys.bases[who.shard] + b"e:" + who.entry_id.encode(), "no hash")
    assert isinstance(await begun(store, who), StoreUnavailable)
    assert (await begun(store, other)).exact is not None


async def test_reads_that_are_begun_are_made_again_where_the_lane_ends(store: RedisStore) -> None:
    who = identity("question 1")
    await store.entries.put(draft(who))
    await lane_for_reads(store)
    heard: list[asyncio.Future[Any]] = [asyncio.get_running_loop().create_future() for _ in range(3)]
    for one in heard:
        assert store.entries.begin_read(who, one.set_result)
    lane = store.entries._reads._lane
    assert lane is not None
    lane.close()
    assert [read.exact is not None for read in await asyncio.gather(*heard)] == [True] * 3


async def test_who_fails_at_hearing_fails_alone(store: RedisStore, caplog: pytest.LogCaptureFixture) -> None:
    who = identity("question 1")
    await store.entries.put(draft(who))
    await lane_for_reads(store)

    def broken(read: Any) -> None:
        raise ValueError("a defect")

    assert store.entries.begin_read(who, broken)
    assert (await begun(store, who)).exact is not None
    assert "could not be told" in caplog.text


async def test_a_store_is_one_call_over_the_lane_and_made_again_where_its_answer_was_lost(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    puts = store.entries._puts

    async def opened() -> bool:
        await store.entries.put(draft(identity("first")))
        return puts._lane is not None

    await eventually(opened)
    made: list[str] = []
    alone = Link.run

    async def run(self: Link, name: str, *args: Any, **more: Any) -> Any:
        made.append(name)
        return await alone(self, name, *args, **more)

    monkeypatch.setattr(Link, "run", run)
    written = await store.entries.put(draft(identity("over the lane")))
    assert isinstance(written, Written)
    assert not written.replaced
    assert made == []
    lane = puts._lane
    assert lane is not None
    putting = asyncio.create_task(store.entries.put(draft(identity("over the lane"))))
    await asyncio.sleep(0)
    lane.close()  # as where the server goes: what is under way is lost
    again = await putting
    assert isinstance(again, Written)
    assert again.replaced
    assert made == ["put"]
    made.clear()
    await store.entries.put(draft(identity("long"), response=b'"' + b"a" * 300_000 + b'"'))
    assert made == ["put"]  # others would wait behind it
