"""Maintenance on a real store: sweeping, bounds, dead rows, snapshots, one replica at a time, failures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semcache.admin.maintenance import Maintenance
from semcache.errors import StoreUnavailable
from semcache.models import Embedding
from semcache.ports import Row, Touch, VectorIndex
from semcache.stores.store import RedisStore
from semcache.vectors import IndexFolder
from tests.conftest import Backend
from tests.ops import alive, opened, put, put_many, settings_for, until


class Live:
    """A real index that is caught up."""

    caught_up = True

    def __init__(self, index: VectorIndex | None) -> None:
        self.index = index
        self.doubted: set[str] = set()

    def upsert(self, rows: Sequence[Row], *, seqs: Sequence[int] = ()) -> None:
        assert self.index is not None
        self.index.upsert(rows)

    def remove(self, entry_ids: Sequence[str]) -> None:
        if self.index is not None:
            self.index.remove(entry_ids)

    def doubt(self, entry_ids: Sequence[str]) -> None:
        self.doubted.update(entry_ids)


def unit(seed: int) -> Embedding:
    vector = np.random.default_rng(seed).normal(size=(1, 8)).astype(np.float32)
    return Embedding("tiny", vector / np.linalg.norm(vector), np.ones(1, np.float32))


@pytest.fixture
async def store(store_backend: Backend, key_prefix: str) -> AsyncIterator[RedisStore]:
    async with opened(settings_for(store_backend, key_prefix)) as store:
        yield store


def maintenance(
    store: RedisStore,
    name: str = "a",
    *,
    live: Any = None,
    snapshot: Any = None,
    monotonic: Callable[[], float] = time.monotonic,
    **fields: Any,
) -> Any:
    settings = settings_for(Backend("redis://127.0.0.1:1"), "unused", **fields)
    return Maintenance(
        entries=store.entries,
        catalog=store.catalog,
        control=store.control,
        settings=settings,
        replica_id=name,
        live=live,
        snapshot=snapshot,
        monotonic=monotonic,
    )


async def test_what_aged_out_leaves_no_bookkeeping(store: RedisStore) -> None:
    await put_many(store, [f"short {at}" for at in range(30)], ttl_s=0.05, tags=["t"])
    kept = await put(store, "long", tags=["t"])
    subject = maintenance(store)

    async def swept() -> bool:
        await subject.run_once()
        return subject.counts["swept"] == 30

    await until(swept, what="the sweep of expired entries")
    assert [group.entries for group in await store.catalog.groups()] == [1]
    assert await alive(store, [kept.entry_id]) == {kept.entry_id}
    assert (await subject.run_once())["swept"] == 0


async def test_the_coldest_go_past_the_bound(store: RedisStore) -> None:
    ids = await put_many(store, [f"prompt {at}" for at in range(120)])
    await asyncio.sleep(0.005)  # recency is kept in milliseconds
    await store.entries.touch({entry_id: Touch(1, False) for entry_id in ids[:50]})
    subject = maintenance(store, max_entries=100)
    done = await subject.run_once()
    assert done["evicted"] == 21  # down to 99 % of the bound
    left = await alive(store, ids)
    assert len(left) == 99
    assert set(ids[:50]) <= left
    assert (await subject.run_once())["evicted"] == 0


async def test_a_namespace_has_its_own_bound(store: RedisStore) -> None:
    small = await put_many(store, [f"prompt {at}" for at in range(30)], namespace="small")
    other = await put_many(store, [f"prompt {at}" for at in range(30)], namespace="other")
    subject = maintenance(store, max_entries=55, namespaces={"small": {"max_entries": 10}})
    assert (await subject.run_once())["evicted"] == 21
    assert len(await alive(store, small)) == 9
    assert len(await alive(store, other)) == 30


async def test_a_bound_of_one_keeps_one(store: RedisStore) -> None:
    ids = await put_many(store, ["one", "two", "three"])
    await maintenance(store, max_entries=1).run_once()
    assert len(await alive(store, ids)) == 1


async def test_the_bound_holds_soon_after_it_is_passed(store: RedisStore) -> None:
    subject = maintenance(store, max_entries=50, maintenance={"interval_s": 3600})
    task = asyncio.create_task(subject.run())
    try:
        ids = await put_many(store, [f"prompt {at}" for at in range(80)])
        subject.over_quota(50)  # not past it
        assert not subject._over.is_set()
        subject.over_quota(80)

        async def held() -> bool:
            return len(await alive(store, ids)) <= 50

        await until(held, what="the bound")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_one_replica_at_a_time_looks_after_the_store(store: RedisStore) -> None:
    await put_many(store, ["a", "b", "c"], ttl_s=0.001)
    await asyncio.sleep(0.01)
    assert await store.control.acquire("maintenance", "another", 60)
    subject = maintenance(store)
    assert (await subject.run_once())["swept"] == 0
    await store.control.release("maintenance", "another")

    async def swept() -> bool:
        await subject.run_once()
        return subject.counts["swept"] == 3

    await until(swept, what="the sweep")


async def test_dead_rows_are_found_and_new_ones_spared(store: RedisStore, tmp_path: Path) -> None:
    folder = IndexFolder(tmp_path)
    live = Live(folder.create("tiny", 8))
    try:
        ids = await put_many(store, [f"prompt {at}" for at in range(20)])
        live.upsert([Row(entry_id, b"p" * 16, b"c" * 16, unit(at).pooled) for at, entry_id in enumerate(ids)])
        await store.entries.remove(ids[:5])
        assert len(live.index or []) == 20
        subject = maintenance(store, live=live)
        live.caught_up = False
        assert (await subject.run_once())["dead_rows"] == 0
        live.caught_up = True
        assert (await subject.run_once())["dead_rows"] == 5
        assert live.doubted == set(ids[:5])
        assert live.index is not None
        assert set(live.index.ids()) == set(ids), "removing is for whoever reads the record last"
        live.remove(ids[:5])
        live.doubted.clear()
        await store.entries.remove(ids[5:6])
        for _ in range(8):  # by ticks, each a share of the shards
            await subject.tick()
        assert live.doubted == {ids[5]}
    finally:
        if live.index is not None:
            live.index.close()
        folder.close()


async def test_snapshots_and_failures(store: RedisStore) -> None:
    saved = []

    async def snapshot() -> bool:
        saved.append(1)
        if len(saved) == 1:
            raise StoreUnavailable("away")
        if len(saved) == 2:
            raise KeyError("a bug")
        return True

    subject = maintenance(store, snapshot=snapshot)
    for _ in range(3):
        await subject.run_once()
    assert (subject.counts["snapshots"], subject.counts["errors"], subject.counts["ticks"]) == (1, 2, 3)


async def test_a_dead_store_is_an_error_counted_and_no_more() -> None:
    gone = RedisStore(settings_for(Backend("redis://127.0.0.1:1"), "gone"), None)
    subject = maintenance(gone)
    done = await subject.run_once()
    assert done["errors"] == 1


async def test_nothing_that_never_comes_due_keeps_it_awake() -> None:
    looks = 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        return 0.0 if looks == 1 else 400.0  # the time of a snapshot has come, that of a tick has not

    subject = maintenance(
        RedisStore(settings_for(Backend("redis://127.0.0.1:1"), "gone"), None),
        monotonic=clock,
        maintenance={"interval_s": 3600, "snapshot_interval_s": 300},
    )
    running = asyncio.create_task(subject.run())
    for _ in range(1000):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert looks < 10
