"""Work that goes on by itself: what has aged out, what is too much, what the index holds in vain, snapshots.

Each tick, one replica (by lease) sweeps the store's bookkeeping and holds its bounds; every replica looks after its
own index, a share of the shards a tick. A step that fails is logged, counted, and tried again at the next tick; none
keeps another from running. Deciding what is fresh is not done here: the store's own expiry removes records, this
drops what is left of them.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from semcache.errors import SemcacheError
from semcache.models import SHARDS, base_namespace
from semcache.ports import Catalog, Control, EntryStore, LiveIndex, Selector, VectorIndex
from semcache.settings import Settings

log = logging.getLogger(__name__)

HYSTERESIS: Final = 0.99
"""Past a bound the coldest entries go until this share of it is left, so that not every store evicts."""
_LEASE: Final = "maintenance"
_QUOTA_LEASE: Final = "quota"
_BATCH: Final = 500
_INDEX_TICKS: Final = 8
"""Ticks in which every shard of the index is compared with the store once."""
_DEBOUNCE_S: Final = 1.0


class Maintenance:
    """Keeps one replica's share of the house clean."""

    def __init__(
        self,
        *,
        entries: EntryStore,
        catalog: Catalog,
        control: Control,
        settings: Settings,
        replica_id: str,
        live: LiveIndex | None = None,
        snapshot: Callable[[], Awaitable[bool]] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`snapshot` writes a snapshot of the index if it changed, and says whether it did."""
        self._entries = entries
        self._catalog = catalog
        self._control = control
        self._settings = settings
        self._replica_id = replica_id
        self._live = live
        self._snapshot = snapshot
        self._monotonic = monotonic
        self._interval_s = settings.maintenance.interval_s
        self._over = asyncio.Event()
        self._shard = 0
        first_due = monotonic() + settings.maintenance.snapshot_interval_s
        self._snapshot_due = math.inf if snapshot is None else first_due  # what never comes must not wake `run`
        self.counts: dict[str, int] = dict.fromkeys(
            ("ticks", "swept", "evicted", "dead_rows", "snapshots", "errors"), 0
        )
        """What was done since the start of this process."""

    # -- the schedule ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tick every `maintenance.interval_s`, and hold the bounds soon after they are passed; until cancelled."""
        due = self._monotonic() + self._interval_s
        while True:
            pause = max(0.0, min(due, self._snapshot_due) - self._monotonic())
            try:
                await asyncio.wait_for(self._over.wait(), pause)
            except TimeoutError:
                pass
            else:
                self._over.clear()  # first: what is stored during the pause is looked at after it
                await self._step("quota", self._hold_bounds)
                await asyncio.sleep(_DEBOUNCE_S)
            if self._monotonic() >= due:
                await self.tick()
                due = self._monotonic() + self._interval_s
            await self._snapshot_if_due()

    def over_quota(self, total: int) -> None:
        """Told the number of entries by whoever has just stored one: past the bound, eviction starts within a second.

        Cheap; `total` may be an estimate, it is counted again before anything is evicted.
        """
        if total > self._settings.max_entries:
            self._over.set()

    async def tick(self) -> Mapping[str, int]:
        """One round: store-side work if this replica has the lease, then a share of its own index."""
        return await self._round(max(1, SHARDS // _INDEX_TICKS))

    async def run_once(self) -> Mapping[str, int]:
        """Everything at once, all shards of the index included; returns what this call did, by name of `counts`."""
        done = await self._round(SHARDS)
        if self._snapshot is not None:
            self._snapshot_due = float("-inf")
            await self._snapshot_if_due()
        return done

    async def _round(self, shards: int) -> Mapping[str, int]:
        before = dict(self.counts)
        self.counts["ticks"] += 1
        await self._step("store", self._look_after_store)
        await self._step("index", lambda: self._look_after_index(shards))
        done = {name: count - before[name] for name, count in self.counts.items()}
        if done["swept"] or done["evicted"] or done["dead_rows"]:
            log.info("maintenance swept=%d evicted=%d dead_rows=%d", done["swept"], done["evicted"], done["dead_rows"])
        return done

    async def _step(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except SemcacheError as error:
            self.counts["errors"] += 1
            log.warning("maintenance of the %s failed, it is tried again: %s", name, error)
        except Exception:  # the boundary of this task: a bug in one step must not end the others for good
            self.counts["errors"] += 1
            log.exception("maintenance of the %s failed", name)

    # -- the store: one replica at a time -------------------------------------------------------------------------

    async def _look_after_store(self) -> None:
        if not await self._control.acquire(_LEASE, self._replica_id, self._lease_s):
            return
        try:
            renewed = self._monotonic()
            for shard in range(SHARDS):
                self.counts["swept"] += await self._catalog.sweep(shard)
                if self._monotonic() - renewed > self._lease_s / 3:
                    if not await self._control.acquire(_LEASE, self._replica_id, self._lease_s):
                        return
                    renewed = self._monotonic()
            await self._hold_bounds()
        finally:
            await self._control.release(_LEASE, self._replica_id)

    @property
    def _lease_s(self) -> float:
        return max(10.0, min(60.0, self._interval_s))

    async def _hold_bounds(self) -> None:
        """Evict the coldest entries of what is past its bound: namespaces first, then the whole."""
        if not await self._control.acquire(_QUOTA_LEASE, self._replica_id, self._lease_s):
            return
        try:
            total, by_namespace = 0, dict.fromkeys(self._settings.namespaces, 0)
            for group in await self._catalog.groups():
                total += group.entries
                if base_namespace(group.namespace) in by_namespace:
                    by_namespace[base_namespace(group.namespace)] += group.entries
            for namespace, entries in by_namespace.items():
                bound = self._settings.namespace(namespace).max_entries
                if bound is not None:
                    total -= await self._evict(entries, bound, namespace)
            await self._evict(total, self._settings.max_entries, None)
        finally:
            await self._control.release(_QUOTA_LEASE, self._replica_id)

    async def _evict(self, entries: int, bound: int, namespace: str | None) -> int:
        if entries <= bound:
            return 0
        surplus = entries - max(1, int(bound * HYSTERESIS))
        coldest = await self._catalog.coldest(surplus, namespace=namespace)
        for start in range(0, len(coldest), _BATCH):
            batch = coldest[start : start + _BATCH]
            self.counts["evicted"] += await self._entries.remove(batch)
            if self._live is not None:
                self._live.remove(batch)
        log.info(
            "over quota namespace=%s entries=%d bound=%d evicted=%d", namespace or "*", entries, bound, len(coldest)
        )
        return len(coldest)

    # -- the index: every replica its own -------------------------------------------------------------------------

    async def _look_after_index(self, shards: int) -> None:
        """Have rows looked at again whose records are gone. The change log tells of these too; this mends what it
        missed. A row is not removed here: its record may be stored between the read and the removal."""
        live = self._live
        for _ in range(shards):
            if live is None or live.index is None or not live.caught_up:
                return  # asked each time: a rebuild may swap the index meanwhile
            shard, self._shard = self._shard, (self._shard + 1) % SHARDS
            dead = await self._dead_rows(live.index, shard)
            if dead:
                live.doubt(dead)
                self.counts["dead_rows"] += len(dead)

    async def _dead_rows(self, index: VectorIndex, shard: int) -> list[str]:
        suspects = set(index.ids(shard))
        if not suspects:
            return []
        async for ids in self._catalog.ids(shard=shard, selector=Selector()):
            suspects.difference_update(ids)
        # one stored since the listing began is not listed: its record decides
        found = (await self._entries.read_many(list(suspects))).found if suspects else {}
        return [entry_id for entry_id in suspects if entry_id not in found]

    async def _snapshot_if_due(self) -> None:
        if self._snapshot is None or self._monotonic() < self._snapshot_due:
            return
        await self._step("snapshot", self._take_snapshot)
        self._snapshot_due = self._monotonic() + self._settings.maintenance.snapshot_interval_s

    async def _take_snapshot(self) -> None:
        if self._snapshot is not None and await self._snapshot():
            self.counts["snapshots"] += 1
