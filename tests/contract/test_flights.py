"""What every Flights keeps to: one leader an entry, tokens that rise, frames in order and each once, nothing leaked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from semcache.errors import RequestError
from semcache.models import CacheIdentity, FillToken, RefusedReason, Strategy
from semcache.ports import Boarding, Fenced, Seat, Written
from semcache.stores import flights as flights_module
from semcache.stores.lane import Lane, Lost
from semcache.stores.store import RedisStore
from tests.contract.conftest import MakeStore
from tests.contract.records import draft, eventually, identity, put

LEAD, FOLLOW, LANDED = Boarding.LEAD, Boarding.FOLLOW, Boarding.LANDED
FAR = 1 << 50
"""A moment after every record."""


async def lead(store: RedisStore, who: CacheIdentity, *, ttl_s: float = 30.0) -> int:
    seat = await store.flights.board(who.entry_id, since_ms=FAR, ttl_s=ttl_s)
    assert seat.boarding is LEAD
    return seat.token


async def beat(store: RedisStore, who: CacheIdentity, token: int, *frames: bytes, at: int = 0, **more: Any) -> Any:
    return await store.flights.beat(who.entry_id, token, frames, at=at, **{"ttl_s": 30.0, **more})


async def fill_of(store: RedisStore, who: CacheIdentity, token: int) -> FillToken:
    read = await store.entries.read(who, Strategy.EXACT)
    return FillToken(who.entry_id, read.epoch, read.fence, read.now_ms, token)


# -- boarding -------------------------------------------------------------------------------------------------------


async def test_one_leads_and_all_others_follow(store: RedisStore, make_store: MakeStore) -> None:
    who, other = identity("q"), await make_store()
    seats = await asyncio.gather(
        *((store, other)[n % 2].flights.board(who.entry_id, since_ms=FAR, ttl_s=30) for n in range(40))
    )
    assert sorted(seat.boarding for seat in seats) == [FOLLOW] * 39 + [LEAD]
    assert len({seat.token for seat in seats}) == 1
    assert seats[0].token > 0
    assert (await store.flights.board(identity("r").entry_id, since_ms=FAR, ttl_s=30)).boarding is LEAD


@contextmanager
def losing(lane: Lane) -> Iterator[None]:
    """Of one call in here the answer is lost, though the server has done it."""
    call, lost = lane.call, 0

    def without_answer(*command: Any) -> asyncio.Future[Any]:
        nonlocal lost
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        call(*command).add_done_callback(lambda _: answer.set_exception(Lost()))
        lost += 1
        return answer

    lane.call = without_answer  # type: ignore[method-assign]
    yield
    lane.call = call  # type: ignore[method-assign]
    assert lost == 1


async def test_who_boards_once_more_as_the_answer_was_lost_leads_still(store: RedisStore) -> None:
    who = identity("q")
    with losing(await lane_of(store, who)):
        token = await lead(store, who)
    assert await store.flights.board(who.entry_id, since_ms=FAR, ttl_s=30) == Seat(FOLLOW, token)


async def test_a_landing_whose_answer_was_lost_is_made_again(store: RedisStore) -> None:
    who = identity("q")
    lane = await lane_of(store, who)
    token = await lead(store, who)
    with losing(lane):
        assert await store.flights.land(who.entry_id, token, linger_s=30)
    seat = await store.flights.board(who.entry_id, since_ms=FAR, ttl_s=30)
    assert seat.boarding is LEAD
    assert seat.token > token


async def lane_of(store: RedisStore, who: CacheIdentity) -> Lane:
    """The lane on which boarding goes; skips where there is none."""
    boards = store.flights._boards
    if store._link.clustered:
        pytest.skip("no lane in a cluster")

    async def opened() -> bool:
        await store.flights.board(identity("other").entry_id, since_ms=FAR, ttl_s=0.001)
        return boards._lane is not None

    await eventually(opened)
    assert boards._lane is not None
    return boards._lane


async def test_tokens_rise_whether_a_flight_landed_or_died(store: RedisStore) -> None:
    who, tokens = identity("q"), [0]
    for n in range(6):
        tokens.append(await lead(store, who, ttl_s=0.001 if n % 2 else 30.0))
        if n % 2:
            dead = tokens[-1]

            async def over(dead: int = dead) -> bool:
                return not (await store.flights.follow(who.entry_id, dead, 0)).alive

            await eventually(over)
        else:
            assert await store.flights.land(who.entry_id, tokens[-1], linger_s=0.001)
    assert tokens == sorted(set(tokens))


async def test_a_record_written_since_the_lookup_says_to_look_again(store: RedisStore) -> None:
    who = identity("q")
    written = (await put(store, who)).entry
    for since_ms in (0, written.created_ms):
        seat = await store.flights.board(who.entry_id, since_ms=since_ms, ttl_s=30)
        assert seat == Seat(LANDED)
    await lead(store, who)
    assert (await store.flights.board(who.entry_id, since_ms=written.created_ms, ttl_s=30)).boarding is LANDED
    seat = await store.flights.board(who.entry_id, since_ms=written.created_ms + 1, ttl_s=30)
    assert seat.boarding is FOLLOW


async def test_an_id_that_is_none_is_the_callers_error(store: RedisStore) -> None:
    with pytest.raises(RequestError):
        await store.flights.board("no id", since_ms=0, ttl_s=1)


# -- frames ---------------------------------------------------------------------------------------------------------


async def test_frames_come_in_order_and_each_once(store: RedisStore, make_store: MakeStore) -> None:
    who, other = identity("q"), await make_store()
    token = await lead(store, who)
    assert not (await beat(store, who, token)).watched
    feed = await other.flights.follow(who.entry_id, token, 0)
    assert (feed.frames, feed.position, feed.alive, feed.landed, feed.settled) == ([], 0, True, False, False)
    told = await beat(store, who, token, b"a", b"", b"c\0\xff")
    assert (told.alive, told.watched, told.published) == (True, True, 3)
    for _ in range(2):  # a beat may be repeated, and overlap
        assert (await beat(store, who, token, b"c\0\xff", b"d", at=2)).published == 4
    assert (await beat(store, who, token, b"x", b"y")).published == 4
    feed = await other.flights.follow(who.entry_id, token, 1)
    assert (feed.frames, feed.position) == ([b"", b"c\0\xff", b"d"], 4)
    assert (await beat(store, who, token, b"f", at=5)).published == 4  # e is missing: what comes after it must wait
    assert (await other.flights.follow(who.entry_id, token, 4)).frames == []
    await beat(store, who, token, b"e", b"f", at=4, last=True)
    feed = await other.flights.follow(who.entry_id, token, 0)
    assert feed.frames == [b"a", b"", b"c\0\xff", b"d", b"e", b"f"]
    assert (feed.alive, feed.landed, feed.settled) == (True, True, False)


async def test_to_board_behind_a_leader_is_to_listen(store: RedisStore) -> None:
    who = identity("q")
    token = await lead(store, who)
    await store.flights.board(who.entry_id, since_ms=FAR, ttl_s=30)
    assert (await beat(store, who, token)).watched


async def test_a_leader_lands_only_when_those_who_listen_have_everything(store: RedisStore) -> None:
    who = identity("q")
    token = await lead(store, who)
    await store.flights.follow(who.entry_id, token, 0)
    await beat(store, who, token, b"a")
    assert not await store.flights.land(who.entry_id, token, linger_s=30)
    assert (await beat(store, who, token, b"a", b"b", last=True)).published == 2
    assert await store.flights.land(who.entry_id, token, linger_s=30)
    feed = await store.flights.follow(who.entry_id, token, 0)
    assert (feed.frames, feed.alive, feed.landed, feed.settled) == ([b"a", b"b"], True, True, True)
    assert not (await beat(store, who, token)).alive  # a call that the landing overtook holds no lease
    newer = await lead(store, who)
    feed = await store.flights.follow(who.entry_id, token, 1)  # and the next flight leaves its frames alone
    assert (feed.frames, feed.alive, feed.landed, feed.settled) == ([b"b"], True, True, True)
    assert (await store.flights.follow(who.entry_id, newer, 0)).frames == []


async def test_a_flight_that_broke_off_is_lost_at_once(store: RedisStore) -> None:
    who = identity("q")
    token = await lead(store, who)
    await store.flights.follow(who.entry_id, token, 0)
    await beat(store, who, token, b"a")
    assert await store.flights.land(who.entry_id, token, linger_s=30, whole=False)
    feed = await store.flights.follow(who.entry_id, token, 0)
    assert (feed.alive, feed.landed, feed.settled) == (False, False, True)
    await lead(store, who)


async def test_long_answers_come_in_portions(store: RedisStore) -> None:
    who = identity("q")
    token = await lead(store, who)
    frames = [bytes([n]) * 400_000 for n in range(10)]
    await beat(store, who, token, *frames[:5])
    await beat(store, who, token, *frames[5:], at=5, last=True)
    found: list[bytes] = []
    while True:
        feed = await store.flights.follow(who.entry_id, token, len(found))
        assert 0 < len(feed.frames) <= 3
        found += feed.frames
        if feed.landed:
            break
    assert found == frames


async def test_a_flight_too_large_to_share_is_lost_to_those_who_listen(
    store: RedisStore, raw: Any, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flights_module, "MOST_BYTES", 10_000)
    who = identity("q", shard=4)
    token = await lead(store, who)
    assert (await beat(store, who, token, b"x" * 9_000)).alive
    told = await beat(store, who, token, b"x" * 1_000, at=1)
    assert not told.alive
    assert not (await beat(store, who, token, at=2)).alive
    feed = await store.flights.follow(who.entry_id, token, 0)
    assert (feed.frames, feed.alive, feed.landed) == ([], False, False)
    assert await raw.hlen(f"{key_prefix}:{{s04}}:f:{who.entry_id}:{token}") == 1
    newer = await lead(store, who)
    assert newer > token
    late = await store.entries.put(draft(who, fill=await fill_of(store, who, token)))
    assert late == Fenced(RefusedReason.SUPERSEDED)


# -- leases ---------------------------------------------------------------------------------------------------------


async def test_a_silent_leader_is_replaced_and_can_do_nothing_more(store: RedisStore, make_store: MakeStore) -> None:
    who, other = identity("q"), await make_store()
    old = await lead(store, who, ttl_s=0.1)
    await beat(store, who, old, b"half", ttl_s=0.1)
    assert (await other.flights.follow(who.entry_id, old, 0)).frames == [b"half"]

    async def replaced() -> Seat | None:
        seat = await other.flights.board(who.entry_id, since_ms=FAR, ttl_s=30)
        return seat if seat.boarding is LEAD else None

    new = (await eventually(replaced)).token
    assert new > old
    told = await beat(store, who, old, b"more", at=1, last=True)
    assert (told.alive, told.watched, told.published) == (False, False, 0)
    feed = await other.flights.follow(who.entry_id, old, 0)
    assert (feed.alive, feed.landed, feed.settled) == (False, False, True)
    assert b"more" not in feed.frames
    assert await store.flights.land(who.entry_id, old, linger_s=30)  # takes nothing from the new leader
    assert (await beat(other, who, new)).alive
    assert await store.entries.put(draft(who, fill=await fill_of(store, who, old))) == Fenced(RefusedReason.SUPERSEDED)
    assert isinstance(await other.entries.put(draft(who, fill=await fill_of(other, who, new))), Written)
    assert await other.flights.land(who.entry_id, new, linger_s=30)
    assert await store.entries.put(draft(who, fill=await fill_of(store, who, old))) == Fenced(RefusedReason.SUPERSEDED)


async def test_a_silent_leader_that_nobody_replaced_goes_on(store: RedisStore) -> None:
    who = identity("q")
    token = await lead(store, who, ttl_s=0.001)

    async def run_out() -> bool:
        return not (await store.flights.follow(who.entry_id, token, 0)).alive

    await eventually(run_out)
    assert (await beat(store, who, token, b"a")).alive
    assert (await store.flights.board(who.entry_id, since_ms=FAR, ttl_s=30)) == Seat(FOLLOW, token)
    assert isinstance(await store.entries.put(draft(who, fill=await fill_of(store, who, token))), Written)


async def test_a_store_that_lost_a_flight_takes_it_up_again(store: RedisStore, raw: Any, key_prefix: str) -> None:
    who = identity("q", shard=6)
    token = await lead(store, who)
    await store.flights.follow(who.entry_id, token, 0)
    await beat(store, who, token, b"a", b"b")
    for key in (f"f:{who.entry_id}", f"f:{who.entry_id}:{token}"):
        await raw.delete(f"{key_prefix}:{{s06}}:{key}")
    told = await beat(store, who, token, b"c", at=2)
    assert (told.alive, told.published) == (True, 0)  # the leader learns where to go on
    assert (await beat(store, who, token, b"a", b"b", b"c")).published == 3
    assert (await store.flights.follow(who.entry_id, token, 2)).frames == [b"c"]
    await raw.delete(f"{key_prefix}:{{s06}}:f:{who.entry_id}")
    assert await lead(store, who) > token


async def test_a_fill_without_a_flight_is_judged_as_ever(store: RedisStore) -> None:
    who = identity("q")
    await lead(store, who)
    assert isinstance(await store.entries.put(draft(who, fill=await fill_of(store, who, 0))), Written)


async def test_nothing_stays(store: RedisStore, raw: Any, key_prefix: str) -> None:
    async def lives() -> dict[str, int]:
        keys = [key async for key in raw.scan_iter(match=f"{key_prefix}:{{s08}}:f:*", count=1000)]
        return {key.decode().split(":f:")[1]: await raw.pttl(key) for key in keys}

    who = identity("q", shard=8)
    token = await lead(store, who)
    await store.flights.follow(who.entry_id, token, 0)
    await beat(store, who, token, b"a", last=True)
    found = await lives()
    assert set(found) == {who.entry_id, f"{who.entry_id}:{token}"}
    assert 500_000 < found[who.entry_id] <= 600_000
    assert 0 < found[f"{who.entry_id}:{token}"] <= 90_000
    assert await store.flights.land(who.entry_id, token, linger_s=5)
    found = await lives()
    assert all(0 < life <= 5_000 for life in found.values()), found
    await store.flights.follow(who.entry_id, token, 0)
    await store.flights.follow(who.entry_id, token + 7, 0)
    found = await lives()
    assert set(found) == {who.entry_id, f"{who.entry_id}:{token}"}
    assert all(0 < life <= 5_000 for life in found.values()), found
