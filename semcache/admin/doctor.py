"""The doctor: does what the store, its bookkeeping and the vector index say of each other hold? Mends what it can.

It looks through the ports alone: the store's own audit of its keys, then records against index rows, shard by shard.
A finding is a fault, or a note of what ordinary work leaves behind (eviction, expiry, a prompt not yet embedded) and
clears up by itself. Safe beside a live service. Against a live index it mends rows; a snapshot it only judges, since
a start brings that up to the store anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from semcache.errors import ConfigError, EmbedderUnavailable, SemcacheError, SnapshotRejected
from semcache.models import SHARDS, Entry, Strategy
from semcache.ports import (
    Audit,
    Catalog,
    ChangeLog,
    Embedder,
    EntryStore,
    Finding,
    IndexShelf,
    LiveIndex,
    Progress,
    Row,
    StoreHealth,
    VectorIndex,
)

_READ: Final = 256
_EMBED: Final = 64


class Report(msgspec.Struct, frozen=True):
    """What a check came to."""

    findings: list[Finding]
    entries: int
    """Records read."""

    @property
    def healthy(self) -> bool:
        """Whether there is no fault, or every one was mended."""
        return not any(finding.fault and finding.repaired < finding.count for finding in self.findings)


class Doctor:
    """Checks one store, and the index or snapshot of one replica."""

    def __init__(
        self,
        *,
        audit: Audit,
        entries: EntryStore,
        log: ChangeLog,
        catalog: Catalog,
        health: Callable[[], Awaitable[StoreHealth]],
        embedder: Embedder | None = None,
        live: LiveIndex | None = None,
        shelf: IndexShelf | None = None,
    ) -> None:
        """`live` is checked where it is given; else the newest snapshot of `shelf`; else only the store."""
        self._audit = audit
        self._entries = entries
        self._log = log
        self._catalog = catalog
        self._health = health
        self._embedder = embedder
        self._live = live
        self._shelf = shelf

    async def check(self, repair: bool = False, progress: Progress = lambda done, total: None) -> Report:
        """Check everything, mend what can be mended if `repair`; `progress` counts records, twice over.

        Never raises for a broken store: that is a finding.
        """
        health = await self._health()
        if not health.reachable:
            return Report([Finding(code="store_unreachable", detail=health.detail or "the store does not answer")], 0)
        findings = [Finding(code="store_setting", detail=warning, fault=False) for warning in health.warnings]
        if health.eviction_policy.startswith("allkeys-"):
            findings.append(Finding(code="eviction_policy", detail=f"{health.eviction_policy} evicts bookkeeping"))
        try:
            generation = await self._log.generation()
            findings += await self._audit.check(repair=repair, progress=lambda done, total: progress(done, 2 * total))
            entries, compared = await self._records_and_rows(generation, repair, progress)
        except ConfigError as error:
            return Report([*findings, Finding(code="store_format", detail=str(error))], 0)
        except SemcacheError as error:
            return Report([*findings, Finding(code="interrupted", detail=f"{error.code}: {error}")], 0)
        return Report(findings + compared, entries)

    # -- records against rows -------------------------------------------------------------------------------------

    async def _records_and_rows(self, generation: str, repair: bool, progress: Progress) -> tuple[int, list[Finding]]:
        index, live, findings = await self._index(generation)
        space = index.space if index is not None else self._space()
        total = sum(group.entries for group in await self._catalog.groups())
        compared = _Compared(live)
        try:
            for shard in range(SHARDS):
                await self._shard(shard, index, space, compared)
                if repair and live:
                    self._mend_rows(compared)
                progress(total + min(compared.entries, total), 2 * total)
        finally:
            if index is not None and not live:
                index.close()
        embedded = await self._embed(compared.unembedded) if repair else 0
        return compared.entries, findings + compared.findings(embedded)

    async def _index(self, generation: str) -> tuple[VectorIndex | None, bool, list[Finding]]:
        """What to hold the records against: an index or nothing, whether it is live, and what is wrong with it."""
        if self._live is not None:
            if self._live.index is None or not self._live.caught_up:
                return None, False, [Finding(code="index_warming", detail="the index is not caught up", fault=False)]
            return self._live.index, True, []
        if self._shelf is None or self._embedder is None:
            return None, False, []
        try:
            space, dimension = self._embedder.space, self._embedder.dimension
            opened = await asyncio.to_thread(self._shelf.open, space, dimension, generation)
        except EmbedderUnavailable as error:
            return None, False, [Finding(code="space_unknown", detail=str(error), fault=False)]
        except SnapshotRejected as error:  # the next start scans the store instead, and writes a new one
            return None, False, [Finding(code="snapshot_rejected", detail=str(error), fault=False)]
        return opened.index, False, []

    def _space(self) -> str | None:
        try:
            return self._embedder.space if self._embedder is not None else None
        except EmbedderUnavailable:
            return None

    async def _shard(self, shard: int, index: VectorIndex | None, space: str | None, compared: _Compared) -> None:
        rows = set(index.ids(shard)) if index is not None else set()
        async for ids in self._catalog.ids(shard=shard):
            await self._compare(ids, rows, index is not None, space, compared)
            rows.difference_update(ids)
        # rows of what is not listed: stored since the listing began, or dead
        left = list(rows)
        for start in range(0, len(left), _READ):
            found = (await self._entries.read_many(left[start : start + _READ])).found
            compared.dead += [entry_id for entry_id in left[start : start + _READ] if entry_id not in found]

    async def _compare(
        self, ids: Sequence[str], rows: set[str], indexed: bool, space: str | None, compared: _Compared
    ) -> None:
        for start in range(0, len(ids), _READ):
            batch = ids[start : start + _READ]
            read = await self._entries.read_many(batch, space=space)
            compared.entries += len(read.found)
            compared.dead += [entry_id for entry_id in batch if entry_id in rows and entry_id not in read.found]
            for entry_id, candidate in read.found.items():
                entry = candidate.entry
                if entry.epoch < read.epochs[entry_id]:
                    compared.invalidated += 1
                elif not entry.prompt or entry.reach is not Strategy.SEMANTIC or space is None:
                    continue
                elif candidate.embedding is None:
                    compared.unembedded.append(entry)
                elif indexed and entry_id not in rows:
                    compared.rowless.append(Row(entry_id, entry.partition, entry.context, candidate.embedding.pooled))

    def _mend_rows(self, compared: _Compared) -> None:
        if self._live is None:
            return
        if compared.rowless:
            self._live.upsert(compared.rowless)
        if compared.dead:
            self._live.remove(compared.dead)
        compared.settle()

    async def _embed(self, waiting: Sequence[Entry]) -> int:
        """Embed what has no vectors in the current space, if the embedder is up; replicas learn it from the log."""
        if self._embedder is None or not self._embedder.state().ready:
            return 0
        attached = 0
        for start in range(0, len(waiting), _EMBED):
            batch = waiting[start : start + _EMBED]
            embeddings = await self._embedder.embed([entry.compared for entry in batch])
            for entry, embedding in zip(batch, embeddings, strict=True):
                if embedding is not None:
                    attached += await self._entries.attach(entry.entry_id, entry.digest, embedding)
        return attached


class _Compared:
    """Differences between records and rows. Rows are kept for one shard at a time, then only counted."""

    def __init__(self, live: bool) -> None:
        self.live = live
        self.entries = 0
        self.invalidated = 0
        self.unembedded: list[Entry] = []
        self.rowless: list[Row] = []
        self.dead: list[str] = []
        self._mended = {"row_missing": 0, "row_dead": 0}

    def settle(self) -> None:
        """Count what was mended and forget it."""
        self._mended["row_missing"] += len(self.rowless)
        self._mended["row_dead"] += len(self.dead)
        self.rowless, self.dead = [], []

    def findings(self, embedded: int) -> list[Finding]:
        behind = "the index" if self.live else "the snapshot; a start mends that from the change log"
        found = []
        for code, left, detail in (
            ("row_missing", len(self.rowless), f"records with vectors and no row in {behind}"),
            ("row_dead", len(self.dead), f"rows without a record in {behind}"),
        ):
            mended = self._mended[code]
            if left + mended:
                fault = self.live and code == "row_missing"  # a dead row costs a read, a missing one costs hits
                found.append(Finding(code=code, detail=detail, count=left + mended, repaired=mended, fault=fault))
        if self.unembedded:
            detail = "records without vectors in the current space; a running service embeds them"
            count = len(self.unembedded)
            found.append(Finding(code="vector_missing", detail=detail, count=count, repaired=embedded, fault=False))
        if self.invalidated:
            detail = "invalidated records that are not deleted yet; they are never served"
            found.append(Finding(code="invalidated_record", detail=detail, count=self.invalidated, fault=False))
        return found
