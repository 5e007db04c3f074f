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
from semcache.ports import ManyRead, Position, Row, ShardChanges
from semcache.settings import Settings
from semcache.stores.changelog import RedisChangeLog
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


class Held:
    """A change log that tells nothing until it may."""

    def __init__(self, log: RedisChangeLog) -> None:
        self._log = log
        self.go = asyncio.Event()
        self.go.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def changes(self, positions: Sequence[Position], *, wait_s: float) -> list[ShardChanges]:
        changed = await self._log.changes(positions, wait_s=wait_s)
        await self.go.wait()
        return changed


def following(store: RedisStore, entries: Any, folder: Path, log: Any = None) -> Follower:
    return Follower(
        entries=entries,
        changes=log or store.log,
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


async def test_what_this_process_wrote_is_not_read_back_unless_another_changed_it(
    store: RedisStore, tmp_path: Path
) -> None:
    entries = Faltering(store.entries, -1)
    follower = following(store, entries, tmp_path, Held(store.log))
    async with running(follower):
        await eventually(lambda: caught_up(follower))
        entries.read.clear()
        held = follower._log
        assert isinstance(held, Held)
        held.go.clear()
        own, changed, dropped = [
            await put(store, name, embedding=embedding(COUNT + at))
            for at, name in enumerate(("own", "changed", "dropped"))
        ]
        for at, written in enumerate((own, changed, dropped)):
            entry = written.entry
            row = Row(entry.entry_id, entry.partition, entry.context, embedding(COUNT + at).pooled)
            follower.upsert([row], seqs=[written.seq])
        follower.remove([dropped.entry.entry_id])  # as who found it gone does, though it is there
        await store.entries.veto(changed.entry.entry_id, bytes(16), wrong=True)
        theirs = await put(store, "theirs", embedding=embedding(COUNT + 3))
        held.go.set()
        index = follower.index
        assert index is not None

        async def followed() -> bool:
            return {dropped.entry.entry_id, theirs.entry.entry_id} <= set(index.ids())

        await eventually(followed)
        assert own.entry.entry_id in index.ids()

        async def read() -> bool:
            return changed.entry.entry_id in entries.read

        await eventually(read)
        assert own.entry.entry_id not in entries.read
        await store.entries.remove([own.entry.entry_id])

        async def removed() -> bool:
            return own.entry.entry_id not in index.ids()

        await eventually(removed)
