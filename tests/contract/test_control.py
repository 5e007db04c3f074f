"""What every Control keeps to, and what the store says of its health."""

from __future__ import annotations

import asyncio

import pytest

from semcache.errors import RequestError
from semcache.settings import Settings, StoreSettings
from semcache.stores.store import RedisStore
from tests import servers
from tests.conftest import Backend
from tests.contract.conftest import MakeStore
from tests.contract.records import eventually


async def test_hashes(store: RedisStore) -> None:
    control = store.control
    assert await control.hget_all("jobs:1") == {}
    await control.hset("jobs:1", {"state": "running", "ü": "ö"})
    await control.hset("jobs:1", {"state": "done"})
    await control.hset("jobs:1", {})
    assert await control.hget_all("jobs:1") == {"state": "done", "ü": "ö"}


async def test_counters(store: RedisStore) -> None:
    await asyncio.gather(*(store.control.add("stats:a", {"hits": 1, "saved": 0.25}) for _ in range(40)))
    await store.control.add("stats:a", {"hits": -1.0})
    await store.control.add("stats:a", {})
    found = await store.control.hget_all("stats:a")
    assert float(found["hits"]) == 39
    assert float(found["saved"]) == 10


async def test_names_are_those_of_live_hashes(store: RedisStore) -> None:
    control = store.control
    await control.hset("jobs:1", {"a": "1"})
    await control.hset("jobs:2", {"a": "1"}, ttl_s=0.1)
    await control.add("stats:a", {"hits": 1})
    assert await control.names("stats:") == ["stats:a"]
    assert await control.names("none:") == []

    async def one_left() -> bool:
        return await control.names("jobs:") == ["jobs:1"]

    await eventually(one_left)
    await control.hset("jobs:2", {"a": "2"})
    assert await control.names("jobs:") == ["jobs:1", "jobs:2"]
    assert await control.names("") == ["jobs:1", "jobs:2", "stats:a"]


async def test_streams(store: RedisStore) -> None:
    control = store.control
    assert await control.tail("history") == []
    ids = [await control.append("history", {"n": str(n)}, cap=10) for n in range(25)]
    whole = await control.tail("history")
    assert whole == [(ids[n], {"n": str(n)}) for n in range(15, 25)]
    assert await control.tail("history", count=2) == whole[:2]
    assert await control.tail("history", after=ids[22]) == whole[-2:]
    assert await control.tail("history", newest=True, count=3) == whole[:-4:-1]
    assert await control.tail("history", newest=True, after=ids[23]) == whole[-1:]
    with pytest.raises(RequestError):
        await control.append("history", {}, cap=10)


async def test_leases(store: RedisStore, make_store: MakeStore) -> None:
    mine, yours = store.control, (await make_store()).control
    assert await mine.acquire("index", "me", 60)
    assert await mine.acquire("index", "me", 60)
    assert not await yours.acquire("index", "you", 60)
    await yours.release("index", "you")
    assert not await yours.acquire("index", "you", 60)
    assert await yours.acquire("other", "you", 60)
    await mine.release("index", "me")
    assert await yours.acquire("index", "you", 0.1)

    async def free_again() -> bool:
        return await mine.acquire("index", "me", 60)

    await eventually(free_again)
    winners = await asyncio.gather(*(mine.acquire("race", f"p{n}", 60) for n in range(20)))
    assert sum(winners) == 1


async def test_health_of_a_store(store: RedisStore, store_backend: Backend) -> None:
    health = await store.health()
    assert health.reachable
    assert health.server.startswith("valkey ")
    assert health.used_memory_bytes > 0
    assert health.eviction_policy in ("volatile-lru", "noeviction")
    durable = store_backend.url.startswith("unix://")  # the embedded server writes an append-only file
    assert any("append-only file is off" in warning for warning in health.warnings) is not durable
    assert not any("CONFIG" in warning or "bookkeeping" in warning for warning in health.warnings)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (("--maxmemory-policy", "allkeys-lru"), "allkeys-lru may evict bookkeeping"),
        (("--maxmemory-policy", "noeviction"), "noeviction makes stores fail"),
        (("--rename-command", "CONFIG", ""), "CONFIG GET is not permitted"),
    ],
)
async def test_health_warns_of_servers_set_otherwise(extra: tuple[str, ...], expected: str, key_prefix: str) -> None:
    with servers.server(maxmemory="50mb", extra=extra) as one:
        store = RedisStore(Settings(redis_url=one.url, store=StoreSettings(key_prefix=key_prefix)), None)
        try:
            await store.start()
            health = await store.health()
            assert health.max_memory_bytes == 50 * 1024 * 1024
            assert [warning for warning in health.warnings if expected in warning]
            one.kill()
            dead = await store.health()
            assert not dead.reachable
            assert dead.detail
        finally:
            await store.aclose()
