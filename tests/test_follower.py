"""The follower beside a real store: a first scan that is interrupted, and a rebuild that gives way to lookups."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from semcache.errors import StoreTimeout
from semcache.follower import Follower
from semcache.models import SHARDS
from semcache.ports import ManyRead, Row
from semcache.settings import Settings
from semcache.stores.entries import RedisEntries
from semcache.stores.store import RedisStore
from semcache.vectors import IndexFolder
from tests.contract.records import SPACE, embedding, eventually, put

COUNT = 300


class Announced:
    """An embedder that is only asked what its space is."""

    space = SPACE
    dimension = embedding(0).vectors.shape[1]


class Faltering:
    """Reads of entries, one of which fails."""

    def __init__(self, entries: RedisEntries, failing: int) -> None:
        self._entries = entries
        self.left = failing
        self.read: list[str] = []

    async def read_many(self, entry_ids: Sequence[str], **options: Any) -> ManyRead:
        self.left -= bool(entry_ids)
        if self.left == 0:
            raise StoreTimeout("store: no answer in time")
        self.read += entry_ids
        return await self._entries.read_many(entry_ids, **options)


@pytest.fixture
async def store(standalone_server: str, key_prefix: str) -> AsyncIterator[RedisStore]:
    settings = Settings.model_validate({"redis_url": standalone_server, "store": {"key_prefix": key_prefix}})
    store = RedisStore(settings, None)
    await store.start()
    for number in range(COUNT):
        await put(store, f"entry {number}", embedding=embedding(number))
    yield store
    await store.aclose()


def following(store: RedisStore, entries: Any, folder: Path) -> Follower:
    return Follower(
        entries=entries,
        changes=store.log,
        catalog=store.catalog,
        shelf=IndexFolder(folder),
        embedder=Announced(),  # type: ignore[arg-type]
        settings=Settings().maintenance,
    )


async def caught_up(follower: Follower) -> bool:
    return follower.caught_up


@contextlib.asynccontextmanager
async def running(follower: Follower) -> AsyncIterator[None]:
    task = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        follower.close()


async def test_a_first_scan_that_is_interrupted_goes_on_where_it_stopped(store: RedisStore, tmp_path: Path) -> None:
    entries = Faltering(store.entries, SHARDS // 2)
    follower = following(store, entries, tmp_path)
    async with running(follower):
        await eventually(lambda: caught_up(follower))
        assert follower.index is not None
        assert len(follower.index) == COUNT
        assert len(entries.read) < 1.5 * COUNT  # the shards before it were not read again


async def test_a_rebuild_under_searches_has_all_rows_and_what_came_meanwhile(store: RedisStore, tmp_path: Path) -> None:
    follower = following(store, store.entries, tmp_path)
    async with running(follower):
        await eventually(lambda: caught_up(follower))
        live = follower.index
        assert live is not None
        query = embedding(1).pooled
        written = await put(store, "meanwhile", embedding=embedding(COUNT))

        async def search() -> None:
            entry = written.entry
            while True:
                live.search(entry.partition, entry.context, query, 4)
                follower.upsert([Row(entry.entry_id, entry.partition, entry.context, embedding(COUNT).pooled)])
                await asyncio.sleep(0)

        searching = asyncio.create_task(search())
        told: list[int] = []
        try:
            assert await follower.rebuild(lambda done, total: told.append(done)) == COUNT + 1
        finally:
            searching.cancel()
        assert follower.index is not live
        assert told == sorted(told)
        assert follower.index is not None
        assert written.entry.entry_id in follower.index.ids()
