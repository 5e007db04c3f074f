"""The follower: start-up, catch-up, following, rebuild."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from semcache.errors import EmbedderUnavailable, SemcacheError, SnapshotRejected, Unavailable
from semcache.follower.missing import Missing
from semcache.follower.own import Own
from semcache.follower.pace import Pace
from semcache.models import SHARDS, Strategy, base_namespace
from semcache.ports import (
    Catalog,
    ChangeLog,
    Embedder,
    EntryStore,
    IndexShelf,
    Position,
    Progress,
    Row,
    Selector,
    ShardChanges,
    VectorIndex,
)
from semcache.settings import MaintenanceSettings

log = logging.getLogger(__name__)

_READ: Final = 64
"""Records read in one go: two milliseconds in which no request gets on."""
_GENERATION_EVERY_S: Final = 1.0
_GATHER_S: Final = 0.05
"""Pause after changes were applied: what is stored meanwhile is read in one go, not in a round trip over all shards for
each store, beside the requests. This process has its own stores already; the others have a second."""
_SETTLE_S: Final = 0.01
"""Pause before changes are applied: the log may tell of a store before its answer has come here."""
_RETRY_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)


class Follower:
    """Owns the live index of one process. All its methods run on one event loop."""

    def __init__(
        self,
        *,
        entries: EntryStore,
        changes: ChangeLog,
        catalog: Catalog,
        shelf: IndexShelf,
        embedder: Embedder,
        settings: MaintenanceSettings,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entries = entries
        self._log = changes
        self._catalog = catalog
        self._shelf = shelf
        self._embedder = embedder
        self._missing = Missing(entries, embedder)
        self._settings = settings
        self._monotonic = monotonic
        self._index: VectorIndex | None = None
        self._building: VectorIndex | None = None
        self._positions: list[Position] = [Position()] * SHARDS
        self._generation = ""
        self._caught_up = False
        self._confirmed = float("-inf")
        self._unscanned: list[int] = []
        """Shards that the scan at the start has still to come to, the next one last."""
        self._doubted: dict[str, None] = {}
        self._own = Own()
        self._applying = asyncio.Lock()
        self._changed_since_snapshot = False
        self.detail = "not started"
        self.source = ""
        """Where the index came from: `snapshot`, or why it was scanned."""

    # -- what the cache sees --------------------------------------------------------------------------------------

    @property
    def index(self) -> VectorIndex | None:
        """The index to search; None before the embedder's vector space is known."""
        return self._index

    @property
    def caught_up(self) -> bool:
        """Whether everything acknowledged before the start is in the index."""
        return self._caught_up

    @property
    def lag_s(self) -> float:
        """Seconds since all that the log said was last applied; infinite before that."""
        return self._monotonic() - self._confirmed

    @property
    def pending(self) -> int:
        """Entries known to wait for an embedding."""
        return len(self._missing)

    def upsert(self, rows: Sequence[Row], *, seqs: Sequence[int] = ()) -> None:
        """Add rows ahead of the log, to the index being built as well, so that a swap forgets none.

        `seqs`: the changes that wrote their records (`Written.seq`): of these the log tells nothing new.
        """
        for index in (self._index, self._building):
            if index is not None and rows and len(rows[0].vector) == index.dimension:
                index.upsert(rows)
                if index is self._index:
                    self._own.note(rows, seqs)
        self._changed_since_snapshot = True

    def remove(self, entry_ids: Sequence[str]) -> None:
        """Mark rows dead ahead of the log."""
        for index in (self._index, self._building):
            if index is not None:
                index.remove(entry_ids)
        self._own.disown(entry_ids)
        self._changed_since_snapshot = True

    def doubt(self, entry_ids: Sequence[str]) -> None:
        """Look again at rows whose records were not there: one may have been stored since it was read."""
        self._doubted.update(dict.fromkeys(entry_ids))

    # -- the endless part -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Start, catch up and follow until cancelled; every failure is logged, waited out and started over."""
        failures = 0
        while True:
            try:
                await self._start()
                failures = 0
                await self._follow()
            except Unavailable as error:
                self.detail = f"{error.code}: {error}"
                if failures == 0:
                    log.warning("follower interrupted reason=%s detail=%s", error.code, error)
                await asyncio.sleep(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
                failures += 1

    async def _start(self) -> None:
        """Make the index fit the store: keep it, open a snapshot, or scan."""
        space, dimension = await self._space()
        generation = await self._log.generation()
        if self._index is not None and self._generation == generation and self._index.space == space:
            await self._scan_all(self._index)  # what an interruption left
            return  # the log, or a scan where it has a gap, tells what was missed besides
        self._caught_up = False
        if self._index is None:
            try:
                opened = await asyncio.to_thread(self._shelf.open, space, dimension, generation)
            except SnapshotRejected as rejected:
                self.source = f"scan ({rejected})"
                log.info("index scanned from the store reason=%s", rejected)
            else:
                self._adopt(opened.index, list(opened.positions), generation)
                self.source = "snapshot"
                log.info("index opened from a snapshot rows=%d", len(opened.index))
                return
        else:
            self.source = "scan (the store has other contents than before)"
            log.warning("store generation changed; the index is rebuilt from the store")
        positions = await self._log.tails()
        old = self._index
        self._adopt(self._shelf.create(space, dimension), positions, generation)
        if old is not None:
            await asyncio.to_thread(old.close)  # it may wait for a merge
        self._unscanned = list(reversed(range(SHARDS)))
        await self._scan_all(self._live())

    async def _scan_all(self, index: VectorIndex) -> None:
        """Scan the shards that are still to be scanned since the start."""
        if not self._unscanned:
            return
        index.filling()
        while self._unscanned:
            shard = self._unscanned[-1]
            self.detail = f"scanning the store, shard {shard + 1} of {SHARDS}"
            await self._scan(index, shard)
            self._unscanned.pop()
        self.detail = (
            "laying out the index"  # before anybody searches it: a million rows in a heap are 80 ms of scanning
        )
        await asyncio.to_thread(index.merge_now)

    async def _space(self) -> tuple[str, int]:
        """The vector space, as soon as the embedder knows it."""
        waited = 0
        while True:
            try:
                return self._embedder.space, self._embedder.dimension
            except EmbedderUnavailable as error:
                self.detail = f"waiting for the embedder: {error}"
                await asyncio.sleep(_RETRY_S[min(waited, 2)])
                waited += 1

    def _adopt(self, index: VectorIndex, positions: list[Position], generation: str) -> None:
        self._index = index
        self._positions = positions
        self._generation = generation
        self._unscanned = []
        self._own.clear()
        self._changed_since_snapshot = True

    def _live(self) -> VectorIndex:
        if self._index is None:
            raise RuntimeError("the follower has no index yet")
        return self._index

    async def _follow(self) -> None:
        targets: list[Position] | None = None if self._caught_up else await self._log.tails()
        checked = self._monotonic()
        while True:
            if self._monotonic() - checked >= _GENERATION_EVERY_S:
                if await self._log.generation() != self._generation:
                    return  # `run` starts over
                checked = self._monotonic()
            if targets is not None and _reached(self._positions, targets):
                targets = None
                self._caught_up = True
                log.info("index caught up rows=%d source=%s", len(self._live()), self.source)
            asked = self._monotonic()
            changed = await self._log.changes(self._positions, wait_s=self._settings.poll_s)
            if changed and self._caught_up:
                await asyncio.sleep(_SETTLE_S)
            async with self._applying:
                await self._apply(self._live(), [self._own.others(each) for each in changed], self._positions)
                await self._look_again(self._live())
            self._confirmed = asked
            if self._caught_up:
                self.detail = "following"  # again, after an interruption
                if changed:
                    await asyncio.sleep(_GATHER_S)

    # -- applying -------------------------------------------------------------------------------------------------

    async def _apply(self, index: VectorIndex, changed: Iterable[ShardChanges], positions: list[Position]) -> None:
        """Bring rows up to the records; advances `positions` in place, only past what was applied."""
        for change in changed:
            if change.gap:
                log.warning("change log gap shard=%d lost=%s: the shard is scanned", change.shard, change.lost)
                if change.lost:
                    await self._catalog.distrust(change.shard)
                await self._scan(index, change.shard)
            else:
                await self._refresh(index, change.entry_ids)
            positions[change.shard] = change.position
            self._changed_since_snapshot = True

    async def _refresh(self, index: VectorIndex, entry_ids: Sequence[str]) -> None:
        """Make the rows of these ids what their records say now."""
        unique = list(dict.fromkeys(entry_ids))
        for start in range(0, len(unique), _READ):
            ids = unique[start : start + _READ]
            read = await self._entries.read_many(ids, space=index.space)
            rows: list[Row] = []
            dead: list[str] = []
            for entry_id in ids:
                candidate = read.found.get(entry_id)
                if (
                    candidate is None
                    or candidate.entry.epoch < read.epochs[entry_id]
                    or candidate.entry.reach is not Strategy.SEMANTIC
                ):
                    dead.append(entry_id)
                elif candidate.embedding is not None:
                    entry = candidate.entry
                    rows.append(Row(entry_id, entry.partition, entry.context, candidate.embedding.pooled))
                elif candidate.entry.prompt:
                    self._missing.add(entry_id)
            if rows:
                index.upsert(rows)
            if dead:
                index.remove(dead)
                self._own.disown(dead)  # one may have been stored since it was read
                self._missing.discard(dead)

    async def _look_again(self, index: VectorIndex) -> None:
        # What is stored after this read has a log entry that is still to come, so a row cannot be lost for good.
        doubted, self._doubted = self._doubted, {}
        self._changed_since_snapshot |= bool(doubted)
        await self._refresh(index, list(doubted))

    async def _scan(self, index: VectorIndex, shard: int) -> None:
        """Make one shard's rows what the store has, and nothing else."""
        vanished = set(index.ids(shard))
        async for ids in self._catalog.ids(shard=shard):
            await self._refresh(index, ids)
            vanished.difference_update(ids)
        # what is not listed may have been stored since the listing began: its record decides
        await self._refresh(index, list(vanished))

    async def embed_pending(self) -> int:
        """Embed and attach some entries that have no vectors in this space; returns how many it attached."""
        if self._index is None:
            return 0
        return await self._missing.embed(self._index.space, lambda row: self.upsert([row]))

    # -- rebuild and snapshots ------------------------------------------------------------------------------------

    async def rebuild(self, progress: Progress, *, namespace: str | None = None, reembed: bool = False) -> int:
        """Build a new index from the store beside the live one and swap it in; lookups go on meanwhile.

        With `namespace`, its rows are renewed in place instead. With `reembed`, prompts are embedded again and the
        records' vectors replaced. Returns the rows of the index afterwards. Raises Unavailable.
        """
        live = self._live()
        groups = await self._catalog.groups()
        total = sum(each.entries for each in groups if namespace in (None, base_namespace(each.namespace)))
        done = 0
        progress(0, total)
        if namespace is not None:
            async for ids in self._catalog.ids(selector=Selector(namespace=namespace)):
                await self._renew(live, ids, reembed)
                done += len(ids)
                progress(min(done, total), total)
            return len(live)
        fresh = self._shelf.create(live.space, live.dimension)
        fresh.filling()
        positions = await self._log.tails()
        self._building = fresh
        pace = Pace(lambda: self._live().searches, self._monotonic)
        try:
            for shard in range(SHARDS):
                async for ids in self._catalog.ids(shard=shard):
                    for start in range(0, len(ids), _READ):
                        await self._renew(fresh, ids[start : start + _READ], reembed)
                        await pace.give_way()
                    done += len(ids)
                    progress(min(done, total), total)
            await asyncio.to_thread(fresh.merge_now)
            progress(total, total)  # here a cancelled job can still end with the live index as it was
            await self._catch_up(fresh, positions)
            async with self._applying:
                await self._catch_up(fresh, positions)
                self._adopt(fresh, positions, self._generation)
        except BaseException:
            await asyncio.to_thread(fresh.close)
            raise
        finally:
            self._building = None
        await asyncio.to_thread(live.close)
        return len(fresh)

    async def _catch_up(self, index: VectorIndex, positions: list[Position]) -> None:
        targets = await self._log.tails()
        while not _reached(positions, targets):
            await self._apply(index, await self._log.changes(positions, wait_s=self._settings.poll_s), positions)

    async def _renew(self, index: VectorIndex, ids: list[str], reembed: bool) -> None:
        if reembed:
            await self._missing.embed_anew(ids)
        await self._refresh(index, ids)

    async def save_snapshot(self) -> bool:
        """Write a snapshot if the index changed since the last one; False if there was nothing to do, or another
        process is the folder's writer. Raises IndexUnavailable."""
        if not self._caught_up or not self._changed_since_snapshot:
            return False
        index, positions = self._live(), list(self._positions)
        self._changed_since_snapshot = False
        try:
            saved = await asyncio.to_thread(self._shelf.save, index, self._generation, positions)
        except SemcacheError:
            self._changed_since_snapshot = True
            raise
        self._changed_since_snapshot |= not saved
        return saved

    def close(self) -> None:
        """Stop the index's background work and give the folder's lock back."""
        if self._index is not None:
            self._index.close()
        self._shelf.close()


def _reached(positions: Sequence[Position], targets: Sequence[Position]) -> bool:
    return all(position.seq >= target.seq for position, target in zip(positions, targets, strict=True))
