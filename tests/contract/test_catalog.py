"""What every Catalog keeps to: enumeration, narrowing, the coldest, sweeping."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from semcache.models import CacheIdentity
from semcache.ports import GroupCount, Selector, Touch
from semcache.stores import catalog
from semcache.stores.store import RedisStore
from tests.contract.conftest import MakeStore
from tests.contract.records import draft, eventually, identity


async def put(store: RedisStore, people: Iterable[CacheIdentity], **parts: Any) -> list[str]:
    people = list(people)
    for start in range(0, len(people), 50):
        await asyncio.gather(*(store.entries.put(draft(who, **parts)) for who in people[start : start + 50]))
    return [who.entry_id for who in people]


async def listed(store: RedisStore, shard: int | None = None, **selector: Any) -> set[str]:
    wanted = Selector(**selector) if selector else None
    return {entry_id async for batch in store.catalog.ids(shard=shard, selector=wanted) for entry_id in batch}


@pytest.fixture
async def world(store: RedisStore) -> dict[str, set[str]]:
    """Entries of two namespaces, two models, two versions, with tags."""
    parts = {
        "plain": ({}, ()),
        "tagged": ({}, ("a",)),
        "both": ({}, ("a", "b")),
        "v2": ({"model_version": "v2"}, ("b",)),
        "m2": ({"model": "m2"}, ()),
        "n2": ({"namespace": "n2"}, ("a",)),
    }
    made = {}
    for name, (fields, tags) in parts.items():
        made[name] = set(await put(store, [identity(f"{name} {n}", **fields) for n in range(20)], tags=tags))
    return made


async def test_groups_are_counted(store: RedisStore, world: dict[str, set[str]]) -> None:
    assert await store.catalog.groups() == [
        GroupCount("default", "m1", "v1", 60),
        GroupCount("default", "m1", "v2", 20),
        GroupCount("default", "m2", "v1", 20),
        GroupCount("n2", "m1", "v1", 20),
    ]
    await store.entries.remove(list(world["m2"]))
    assert sum(group.entries for group in await store.catalog.groups()) == 100
    assert "m2" not in {group.model for group in await store.catalog.groups()}


async def test_ids_are_narrowed_by_the_sets(store: RedisStore, world: dict[str, set[str]]) -> None:
    everything = set().union(*world.values())
    assert await listed(store) == everything
    assert await listed(store, all=True) == everything
    shard = int(next(iter(everything))[:2], 16)
    assert await listed(store, shard) == {entry_id for entry_id in everything if int(entry_id[:2], 16) == shard}
    assert await listed(store, namespace="default") == everything - world["n2"]
    assert await listed(store, namespace="absent") == set()
    assert await listed(store, model="m1") == everything - world["m2"]
    assert await listed(store, model_version="v2") == world["v2"]
    assert await listed(store, namespace="default", model="m1", model_version="v1") == (
        world["plain"] | world["tagged"] | world["both"]
    )
    assert await listed(store, tags=("a",)) == world["tagged"] | world["both"] | world["n2"]
    assert await listed(store, namespace="default", tags=("a",)) == world["tagged"] | world["both"]
    assert await listed(store, namespace="default", tags=("a", "b")) == world["both"]
    assert await listed(store, tags=("b",), model_version="v1") == world["both"]
    assert await listed(store, tags=("absent",)) == set()
    assert await listed(store, tags=("a",), namespace="absent") == set()
    # ids that somebody names stay inside the namespace that was given with them
    named = (*world["n2"], *world["tagged"])
    assert await listed(store, entry_ids=named) == set(named)
    assert await listed(store, namespace="default", entry_ids=named) == world["tagged"]
    assert await listed(store, namespace="default", tags=("b",), entry_ids=named) == set()
    # what the sets cannot express is left to the caller
    assert await listed(store, namespace="n2", prefix="zzz") == world["n2"]


async def test_batches_are_bounded_and_complete(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await put(store, [identity(f"p{n}", shard=3) for n in range(1300)], tags=("t",))
    for selector in (None, Selector(namespace="default"), Selector(tags=("t",)), Selector(entry_ids=tuple(ids))):
        batches = [batch async for batch in store.catalog.ids(shard=3, selector=selector)]
        assert {entry_id for batch in batches for entry_id in batch} == set(ids)
        assert max(map(len, batches)) <= 1000
        assert len(batches) > 1


async def test_a_replaced_entry_leaves_the_sets_it_left(store: RedisStore) -> None:
    who = identity("moves")
    await put(store, [who], tags=("a", "b"))
    await put(store, [who], tags=("b", "c"))
    found = {tag: await listed(store, namespace="default", tags=(tag,)) for tag in ("a", "b", "c")}
    assert found == {"a": set(), "b": {who.entry_id}, "c": {who.entry_id}}


async def test_sweep_drops_what_the_server_let_go(
    store: RedisStore, raw: Any, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "_PAGE", 50)
    alive = await put(store, [identity(f"alive {n}", shard=8) for n in range(150)], tags=("t",))
    dead = await put(store, [identity(f"dead {n}", shard=8, model="gone") for n in range(170)], tags=("t", "u"))
    base = f"{key_prefix}:{{s08}}:"
    for entry_id in dead:
        await raw.delete(f"{base}e:{entry_id}")  # as an eviction does
    # one that was evicted and then stored anew with other tags
    back = await put(store, [identity("dead 0", shard=8, model="gone")], tags=("v",))
    assert await listed(store, namespace="default", tags=("u",)) == set(dead)
    tails = await store.log.tails()
    assert await store.catalog.sweep(8) == 169
    assert await store.catalog.sweep(8) == 0
    assert await listed(store) == {*alive, *back}
    assert await listed(store, namespace="default", tags=("t",)) == set(alive)
    assert await listed(store, namespace="default", tags=("u",)) == set()
    assert await listed(store, model="gone") == set(back)
    (change,) = await store.log.changes(tails, wait_s=0.0)
    assert set(change.entry_ids) == set(dead[1:])  # the indexes are told
    await raw.delete(*[f"{base}e:{entry_id}" for entry_id in (*alive, *back)])
    assert await store.catalog.sweep(8) == 151
    assert await store.catalog.groups() == []
    left = [key async for key in raw.scan_iter(match=f"{base}*", count=1000)]
    kept = {f"{base}{name}".encode() for name in ("epochs", "log", "seq")}
    assert {key for key in left if not key.startswith(f"{base}p:".encode())} == kept
    assert await store.catalog.sweep(9) == 0


async def test_sweep_drops_the_expired(store: RedisStore) -> None:
    who = identity("short", shard=4)
    await put(store, [who], ttl_s=0.05)

    async def gone() -> bool:
        return not (await store.entries.read_many([who.entry_id])).found

    await eventually(gone)
    assert await store.catalog.sweep(4) == 1
    assert await listed(store) == set()


async def later(store: RedisStore) -> None:
    """Let the store's clock move on by a millisecond at least."""
    now = (await store.entries.read_many([])).now_ms

    async def moved() -> bool:
        return (await store.entries.read_many([])).now_ms > now

    await eventually(moved)


async def test_the_least_recently_used_are_the_coldest(store: RedisStore) -> None:
    ids: list[str] = []
    for n in range(12):
        ids += await put(store, [identity(f"p{n}", namespace="odd" if n % 2 else "even")])
        await later(store)
    assert await store.catalog.coldest(3) == ids[:3]
    assert await store.catalog.coldest(100) == ids
    assert await store.catalog.coldest(0) == []
    assert await store.catalog.coldest(2, namespace="odd") == [ids[1], ids[3]]
    assert await store.catalog.coldest(2, namespace="absent") == []
    await store.entries.touch({ids[0]: Touch(1, False), ids[1]: Touch(1, False)})
    assert await store.catalog.coldest(2) == [ids[2], ids[3]]
    await later(store)
    await put(store, [identity("p2", namespace="even")])
    assert (await store.catalog.coldest(100))[-1] == ids[2]
    assert await store.catalog.coldest(1, namespace="odd") == [ids[3]]


async def test_the_coldest_may_all_be_in_one_shard(store: RedisStore) -> None:
    crowded = await put(store, [identity(f"p{n}", shard=3) for n in range(150)])
    await later(store)
    await put(store, [identity(f"q{n}") for n in range(100)])
    assert set(await store.catalog.coldest(150)) == set(crowded)
    assert len(await store.catalog.coldest(1000)) == 250


async def test_the_least_frequently_used_are_the_coldest(make_store: MakeStore) -> None:
    store = await make_store(eviction="lfu")
    # one after the other: the first of all starts below those that come later
    ids = [entry_id for n in range(4) for entry_id in await put(store, [identity(f"p{n}", shard=1)])]
    await store.entries.touch({ids[1]: Touch(5, False), ids[2]: Touch(1, False)})
    await store.entries.touch({ids[3]: Touch(2, False)})
    order = await store.catalog.coldest(10)
    assert order[-1] == ids[1]
    assert order.index(ids[0]) < order.index(ids[2]) <= order.index(ids[3])
    await store.entries.remove([ids[0], ids[2]])
    # a newcomer starts just above the coldest, however long the others have been counted
    for _ in range(50):
        await store.entries.touch({ids[1]: Touch(10, False), ids[3]: Touch(10, False)})
    (newcomer,) = await put(store, [identity("new", shard=1)])
    assert await store.catalog.coldest(3) == [ids[3], newcomer, ids[1]]
    await store.entries.touch({newcomer: Touch(10, False)})
    assert (await store.catalog.coldest(1)) == [ids[3]]
