"""The whole store on servers of other kinds, and when they fail half-way."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import warnings

import pytest

from semcache.errors import StoreTimeout, StoreUnavailable
from semcache.models import CacheIdentity, Strategy
from semcache.ports import Written
from semcache.settings import Settings, StoreSettings
from semcache.stores.store import RedisStore
from tests import servers
from tests.contract.records import draft, eventually, identity
from tests.patience import LONG_S


def _store(url: str, **options: object) -> RedisStore:
    return RedisStore(Settings(redis_url=url, store=StoreSettings(**options)), None)  # type: ignore[arg-type]


async def _works(store: RedisStore) -> bool:
    people = [identity(f"p{n}") for n in range(30)]
    for who in people:
        assert isinstance(await store.entries.put(draft(who)), Written)
    many = await store.entries.read_many([who.entry_id for who in people])
    assert len(many.found) == len(people)
    assert await store.catalog.raise_epoch("default") > 0
    return (await store.entries.read(people[0], Strategy.SEMANTIC)).exact is not None


async def test_over_tls() -> None:
    with servers.tls() as server:
        store = _store(server.url, tls_ca_file=server.ca_file, deadline_s=LONG_S)
        try:
            await store.start()
            assert await _works(store)
            assert (await store.health()).reachable
        finally:
            await store.aclose()


async def test_behind_sentinel_through_a_failover() -> None:
    with servers.sentinel() as group:
        store = _store(
            group.url,
            sentinel_master=group.master,
            password="data-secret",
            sentinel_password="watch-secret",
            deadline_s=5,
            breaker_pause_s=0.1,
        )
        try:
            await store.start()
            assert await _works(store)
            group.primary.kill()

            async def again() -> bool:
                try:
                    return await _works(store)
                except StoreUnavailable:
                    return False

            await eventually(again)
        finally:
            await store.aclose()


async def test_an_epoch_that_not_every_shard_took_is_an_error() -> None:
    with servers.cluster_servers() as nodes:
        store = _store(nodes[0].url, cluster=True, deadline_s=5)
        try:
            await store.start()
            assert await _works(store)
            nodes[2].kill()
            with pytest.raises(StoreUnavailable):
                await store.catalog.raise_epoch("default")
            assert not (await store.health()).reachable
        finally:
            await store.aclose()
            del store
            with warnings.catch_warnings():  # redis-py drops the nodes of a lost topology without closing them
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()


async def test_calls_that_were_given_up_leave_no_answer_to_others() -> None:
    """A connection whose caller ran out of time must not hand its late answer to the next one.

    Calls that are late lie beside calls that are not, on few connections. Which deadline makes it so depends on the
    machine: the shortest of these that is not too short for it.
    """
    people = [identity(f"p{n}") for n in range(64)]
    with servers.server() as server:
        patient = _store(server.url, deadline_s=LONG_S, write_deadline_s=LONG_S)
        try:
            await patient.start()
            for who in people:
                await patient.entries.put(draft(who, response=who.prompt.encode()))
        finally:
            await patient.aclose()
        for deadline_s in (0.02, 0.08, 0.32, 1.28, 5.12):
            if await _late_and_answered(server, people, deadline_s) >= 10:
                return
        pytest.fail("no deadline was met by some calls and missed by others")


async def _late_and_answered(server: servers.Server, people: list[CacheIdentity], deadline_s: float) -> int:
    """Ask in bursts while the server pauses about as long as the deadline.

    Every answer is held to its question. Returns how many calls were late, or how many were not: the smaller.
    """
    store = _store(server.url, deadline_s=deadline_s, connect_timeout_s=LONG_S, breaker_failures=1_000_000, pool_size=4)
    rng = random.Random(7)
    outcomes = {"answered": 0, "late": 0}

    async def ask() -> None:
        who = rng.choice(people)
        ids = [other.entry_id for other in rng.sample(people, 3)]
        try:
            if rng.random() < 0.5:
                read = await store.entries.read(who, Strategy.EXACT)
                assert read.exact is not None
                assert read.exact.entry.response == who.prompt.encode()
            else:
                found = (await store.entries.read_many(ids)).found
                assert set(found) == set(ids)
                assert all(found[at].entry.entry_id == at for at in ids)
            outcomes["answered"] += 1
        except StoreTimeout:
            outcomes["late"] += 1

    try:
        with contextlib.suppress(StoreTimeout):  # it is attached all the same
            await store.start()
        for _ in range(15):
            waiting = [asyncio.create_task(ask()) for _ in range(20)]
            await asyncio.sleep(0)
            server.pause()
            await asyncio.sleep(deadline_s * (0.25 + 1.5 * rng.random()))
            server.resume()
            await asyncio.gather(*waiting)
    finally:
        server.resume()
        await store.aclose()
    return min(outcomes.values())
