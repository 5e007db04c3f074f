"""The lane: answers in order, nobody's answer for another, and every trouble ends in the other way of asking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import hiredis
import pytest
from redis.asyncio import Redis

from semcache.errors import StoreTimeout, StoreUnavailable
from semcache.models import Strategy
from semcache.settings import Settings, StoreSettings
from semcache.stores.lane import Lane, Lost
from semcache.stores.lua import Link
from semcache.stores.store import RedisStore
from tests import servers
from tests.conftest import Backend
from tests.contract.conftest import MakeStore, make_store, raw, store
from tests.contract.records import draft, identity
from tests.integration.conftest import eventually
from tests.patience import LONG_S

__all__ = ["make_store", "raw", "store"]


@pytest.fixture
def store_backend(standalone_server: str) -> Backend:
    """There are lanes where one server has all shards."""
    return Backend(standalone_server)


@pytest.fixture
async def lane(standalone_server: str) -> AsyncIterator[Lane]:
    client: Any = Redis.from_url(standalone_server, protocol=3)
    lane = Lane(LONG_S)
    await lane.open(client.connection_pool.make_connection())
    yield lane
    lane.close()
    await client.aclose()


async def test_each_call_gets_its_own_answer(lane: Lane) -> None:
    calls = [lane.call("ECHO", b"%d" % number) for number in range(500)]
    assert await asyncio.gather(*calls) == [b"%d" % number for number in range(500)]
    big = b"x" * 3_000_000
    assert list(await asyncio.gather(lane.call("ECHO", big), lane.call("ECHO", b"small"))) == [big, b"small"]


async def test_who_goes_away_leaves_the_order_as_it_was(lane: Lane) -> None:
    calls = [lane.call("ECHO", b"%d" % number) for number in range(6)]
    calls[0].cancel()
    calls[3].cancel()
    assert [await calls[number] for number in (1, 2, 4, 5)] == [b"1", b"2", b"4", b"5"]


async def test_an_error_of_one_call_is_its_answer(lane: Lane) -> None:
    found = await asyncio.gather(lane.call("EVALSHA", "0" * 40, 0), lane.call("ECHO", b"on"))
    assert isinstance(found[0], hiredis.ReplyError)
    assert found[1] == b"on"
    assert lane.usable


async def test_what_the_server_says_unasked_is_nobodys_answer(lane: Lane) -> None:
    lane.data_received(b">2\r\n+message\r\n+hello\r\n")
    assert await lane.call("ECHO", b"on") == b"on"


@pytest.mark.parametrize("said", [b"+too much\r\n", b"?no protocol\r\n"])
async def test_a_server_that_speaks_out_of_turn_is_left(lane: Lane, said: bytes) -> None:
    lane.data_received(said)
    assert lane.ended
    assert not lane.usable


async def test_all_who_wait_have_lost_when_the_connection_ends(lane: Lane) -> None:
    call = lane.call("CLIENT", "KILL", "SKIPME", "no", "ID", await lane.call("CLIENT", "ID"))
    other = lane.call("ECHO", b"?")
    found = await asyncio.gather(call, other, return_exceptions=True)
    assert isinstance(found[1], Lost)
    assert lane.ended


async def test_a_silent_server_is_given_up(standalone_server: str) -> None:
    client: Any = Redis.from_url(standalone_server, protocol=3)
    lane = Lane(0.05)
    await lane.open(client.connection_pool.make_connection())
    with pytest.raises(Lost):
        await lane.call("BLPOP", "nothing comes here", 0)
    assert lane.ended
    await client.aclose()


# -- in the store -----------------------------------------------------------------------------------------------------


def lane_of(store: RedisStore) -> Lane | None:
    found = store.entries._reads._lane
    return found if found is not None and found.usable else None


async def opened(store: RedisStore) -> Lane:
    """The lane, which is opened beside the first reads."""

    async def looked() -> Lane | None:
        await store.entries.read(identity("anything"), Strategy.SEMANTIC)
        return lane_of(store)

    found: Lane = await eventually(looked, what="a lane")
    return found


async def test_reads_take_it_and_find_the_same(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [identity(f"question {number}") for number in range(300)]
    for who in people[::2]:
        await store.entries.put(draft(who))
    await opened(store)
    otherwise: list[str] = []
    ask = Link.run

    async def run(self: Link, name: str, *args: Any, **more: Any) -> Any:
        otherwise.append(name)
        return await ask(self, name, *args, **more)

    monkeypatch.setattr(Link, "run", run)
    reads = await asyncio.gather(*(store.entries.read(who, Strategy.SEMANTIC) for who in people))
    assert set(otherwise) <= {"meta"}, "but for the look at whose store it is, now and then"
    for number, (who, read) in enumerate(zip(people, reads, strict=True)):
        assert (read.exact is not None) == (number % 2 == 0)
        assert read.exact is None or read.exact.entry.entry_id == who.entry_id


async def test_a_lane_that_breaks_costs_no_read(store: RedisStore, raw: Any) -> None:
    who = identity("question")
    await store.entries.put(draft(who))
    lane = await opened(store)
    reads = [asyncio.create_task(store.entries.read(who, Strategy.SEMANTIC)) for _ in range(5)]
    await asyncio.sleep(0)
    lane.close()
    assert all(read.exact is not None for read in await asyncio.gather(*reads))
    assert not store._link.guard.open
    assert await opened(store) is not lane


async def test_scripts_that_the_server_forgot_are_sent_again(store: RedisStore, raw: Any) -> None:
    who = identity("question")
    await store.entries.put(draft(who))
    await opened(store)
    await raw.script_flush()
    reads = await asyncio.gather(*(store.entries.read(who, Strategy.SEMANTIC) for _ in range(4)))
    assert all(read.exact is not None for read in reads)


async def test_a_damaged_key_fails_its_own_read_alone(store: RedisStore, raw: Any) -> None:
    people = [identity(f"question {number}") for number in range(6)]
    for who in people:
        await store.entries.put(draft(who))
    lane = await opened(store)
    key = store._link.keys.bases[people[3].shard] + b"e:" + people[3].entry_id.encode()
    await raw.set(key, "no hash")
    reads = await asyncio.gather(
        *(store.entries.read(who, Strategy.SEMANTIC) for who in people), return_exceptions=True
    )
    assert isinstance(reads[3], StoreUnavailable)
    assert all(read.exact is not None for number, read in enumerate(reads) if number != 3)  # type: ignore[union-attr]
    assert lane_of(store) is lane


async def test_a_silence_is_one_failure_however_many_reads_it_meets(make_store: MakeStore, raw: Any) -> None:
    """A server that stays silent is asked for the configured number of deadlines, then no more."""
    failures = 3
    store = await make_store(deadline_s=0.4, breaker_failures=failures)
    who = identity("question")

    async def other() -> Lane | None:
        await store.entries.read_many([who.entry_id])
        return store.entries._candidates._lane

    lanes = [await opened(store), await eventually(other, what="the other lane")]
    await raw.client_pause(5000)  # it ends by itself: what would end it is paused, too
    guard = store._link.guard
    for incident in range(1, failures + 1):
        reads = [store.entries.read(who, Strategy.SEMANTIC) for _ in range(20)]
        lookups = [store.entries.read_many([who.entry_id]) for _ in range(20)]
        found = await asyncio.gather(*reads, *lookups, return_exceptions=True)
        assert all(isinstance(one, StoreTimeout) for one in found)
        assert guard.open is (incident == failures)
        assert not guard.steady
        assert all(lane.ended for lane in lanes)
    with pytest.raises(StoreUnavailable, match="not asked"):
        await store.entries.read(who, Strategy.SEMANTIC)


async def test_after_a_silence_that_ends_calls_go_on(make_store: MakeStore, raw: Any) -> None:
    store = await make_store(deadline_s=0.4)
    await opened(store)
    await raw.client_pause(600)
    who = identity("question")
    found = await asyncio.gather(
        *(store.entries.read(who, Strategy.SEMANTIC) for _ in range(20)), return_exceptions=True
    )
    assert all(isinstance(one, StoreTimeout) for one in found)
    assert not store._link.guard.open
    await raw.ping()  # it is paused as long as the others
    assert (await store.entries.read(who, Strategy.SEMANTIC)).exact is None
    assert store._link.guard.steady


async def test_a_closed_store_has_no_lane(store: RedisStore) -> None:
    lane = await opened(store)
    await store.aclose()
    assert lane.ended
    with pytest.raises(StoreUnavailable):
        await store.entries.read(identity("question"), Strategy.SEMANTIC)


@pytest.mark.parametrize("kind", ["tls", "sentinel"])
async def test_it_is_reached_as_the_store_is(kind: str) -> None:
    started: Any = servers.tls() if kind == "tls" else servers.sentinel()
    with started as server:
        options: dict[str, Any] = {"connect_timeout_s": LONG_S, "deadline_s": LONG_S, "write_deadline_s": LONG_S}
        if kind == "tls":
            options["tls_ca_file"] = server.ca_file
        else:
            options |= {
                "sentinel_master": server.master,
                "password": "data-secret",
                "sentinel_password": "watch-secret",
            }
        store = RedisStore(Settings(redis_url=server.url, store=StoreSettings(**options)), None)
        await store.start()
        lane = await opened(store)
        who = identity("question")
        await store.entries.put(draft(who))
        found = (await store.entries.read(who, Strategy.SEMANTIC)).exact
        assert found is not None
        assert lane_of(store) is lane
        await store.aclose()
        assert lane.ended
