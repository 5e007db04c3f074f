"""SegmentedIndex: what is searched and written. A view of a few segments and one delta; merges swap the view.

Readers take the view once and never wait. Writers are serialised by one lock, which a merge holds only to read
the dead marks when it starts and to swap when it is done: a row that died in between dies again in the new segment.
Background merges run on one thread, which exists only while there is something to merge.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from semcache.errors import IndexUnavailable
from semcache.ports import Neighbour, Row
from semcache.vectors import engine, tiers
from semcache.vectors.delta import Delta
from semcache.vectors.keys import group_key, hex_ids, id_array, id_bytes
from semcache.vectors.merging import merge
from semcache.vectors.segment import Segment, seal

DELTA_ROWS: Final = 2_048
"""Rows of the flat delta: few enough that scoring all of them costs about 40 us."""
WRITE_ROWS: Final = 256
"""Rows that a long upsert writes before it lets other writers in."""
LEAST_ROWS: Final = 1_024
"""Rows of cells that are scanned in a small segment beside large ones, however small its share of all rows."""
UNIT_SLACK: Final = 0.01
LARGE_ROWS: Final = 50_000
"""After a merge of this many rows the memory of what it replaced is returned; for less that takes too long."""
MERGE_NICE: Final = 5
"""Niceness of the threads that merge: of a core that both want, lookups get three quarters."""

log = logging.getLogger(__name__)


class _View(NamedTuple):
    segments: tuple[Segment, ...]
    delta: Delta


class _GivenUp(Exception):
    """The index was closed while a merge ran."""


class SegmentedIndex:
    """VectorIndex over FAISS segments in memory, or mapped from a snapshot.

    `scan_rows`: rows of one group that a search scans; a larger group lies in cells. `delta_rows`: rows kept flat
    before they become a segment. `merge_failures` counts background merges that raised (they are logged and tried
    again with the next segment).
    """

    def __init__(
        self,
        space: str,
        dimension: int,
        *,
        segments: Sequence[Segment] = (),
        scan_rows: int = engine.SCAN_ROWS,
        delta_rows: int = DELTA_ROWS,
    ) -> None:
        if dimension < 1:
            raise IndexUnavailable(f"a vector space has at least 1 dimension, not {dimension}")
        engine.faiss()
        self.space = space
        self.dimension = dimension
        self.merge_failures = 0
        self.searches = 0
        self.scan_rows = scan_rows
        """May be raised at any time: searches then scan more."""
        self._delta_rows = delta_rows
        self._view = _View(tuple(segments), Delta(dimension, delta_rows))
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._merging = threading.Lock()
        """One merge at a time; taken before `_lock`, never after it."""
        self._worker: threading.Thread | None = None
        self._closed = False
        self._failed = False
        self._filling = False

    # --- writing ---------------------------------------------------------------------------------------------

    def upsert(self, rows: Sequence[Row]) -> None:
        """Add rows, replacing those of the same entry id. Raises IndexUnavailable, nothing written, for bad rows."""
        self._check(rows)
        for at in range(0, len(rows), WRITE_ROWS):
            with self._lock:
                self._write(rows[at : at + WRITE_ROWS])

    def remove(self, entry_ids: Iterable[str]) -> int:
        """Mark rows dead; returns how many were alive."""
        raw_ids = {id_bytes(entry_id) for entry_id in entry_ids}
        if not raw_ids:
            return 0
        with self._lock:
            delta = self._view.delta
            dead = sum([delta.kill(raw) for raw in raw_ids])
            dead += self._kill_in_segments(raw_ids)
            self._wake()
        return dead

    def _check(self, rows: Sequence[Row]) -> None:
        for row in rows:
            id_bytes(row.entry_id)
            group_key(row.partition, row.context)
            if np.shape(row.vector) != (self.dimension,):
                raise IndexUnavailable(
                    f"entry {row.entry_id}: the vector has shape {np.shape(row.vector)}, "
                    f"this index has {self.dimension} dimensions"
                )
            if not abs(float(np.dot(row.vector, row.vector)) - 1.0) < 2 * UNIT_SLACK:  # NaN fails this too
                raise IndexUnavailable(f"entry {row.entry_id}: the vector is not of unit length")

    def _write(self, rows: Sequence[Row]) -> None:
        at = 0
        while at < len(rows):
            delta = self._view.delta
            room = rows[at : at + delta.capacity - delta.used]
            for row in room:
                delta.put(row)
            # The new row is visible before the old one dies: a search may see both, and prefers the new one.
            self._kill_in_segments({id_bytes(row.entry_id) for row in room})
            at += len(room)
            if delta.full:
                self._seal()

    def _kill_in_segments(self, raw_ids: set[bytes]) -> int:
        wanted = id_array(raw_ids)
        dead = 0
        for segment in self._view.segments:
            rows = segment.find(wanted)
            if len(rows):
                segment.kill(rows)
                dead += len(rows)
        return dead

    def _seal(self) -> None:
        segment = seal(self._view.delta)
        segments = (*self._view.segments, segment) if segment else self._view.segments
        self._view = _View(segments, Delta(self.dimension, self._delta_rows))
        self._failed = False
        self._wake()

    # --- reading ---------------------------------------------------------------------------------------------

    def search(self, partition: bytes, context: bytes | None, query: NDArray[np.float32], k: int) -> list[Neighbour]:
        """The k nearest live rows of the partition, and of the context unless it is None; best first."""
        query = np.ascontiguousarray(query, dtype=np.float32)
        if query.shape != (self.dimension,):
            raise IndexUnavailable(f"the query has shape {query.shape}, this index has {self.dimension} dimensions")
        if k < 1:
            return []
        self.searches += 1
        segments, delta = self._view
        total = max(1, sum(segment.live for segment in segments))
        try:
            hits = [
                (similarity, segment, row)
                for segment in segments
                for similarity, row in segment.search(
                    partition, context, query, k, max(LEAST_ROWS, self.scan_rows * segment.live // total)
                )
            ]
            # The delta comes last: what moves, moves there, so that a row replaced meanwhile is not missed.
            newest = delta.search(partition, context, query, k)
        except RuntimeError as error:  # FAISS
            raise IndexUnavailable(f"search failed: {error}") from error
        hits.sort(key=lambda hit: -hit[0])
        found = {raw: similarity for similarity, raw in newest}
        for similarity, segment, row in hits:
            if len(found) - len(newest) == k:
                break
            raw = segment.id_at(row)
            if raw not in found and raw not in delta.slots:
                found[raw] = similarity
        best = sorted(found.items(), key=lambda item: -item[1])[:k]
        return [Neighbour(raw.hex(), min(1.0, similarity)) for raw, similarity in best]

    def holds(self, partition: bytes, context: bytes) -> bool:
        """See `VectorIndex.holds`."""
        group = group_key(partition, context)
        segments, delta = self._view
        return delta.holds(group) or any(segment.holds(partition, context) for segment in segments)

    def __len__(self) -> int:
        with self._lock:
            return self._view.delta.live + sum(segment.live for segment in self._view.segments)

    def ids(self, shard: int | None = None) -> list[str]:
        """Entry ids of the live rows (of one shard)."""
        with self._lock:
            segments, delta = self._view
            tables = [segment.live_ids(shard) for segment in segments]
            newest = [raw for raw in delta.slots if shard is None or raw[0] == shard]
        return [entry_id for table in (*tables, id_array(newest)) for entry_id in hex_ids(table)]

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments of the current view, for snapshots, statistics and tests."""
        return self._view.segments

    def freeze(self) -> list[tuple[Segment, NDArray[np.bool_]]]:
        """Seal the delta; the segments that now hold everything, with a copy of who is alive. For snapshots."""
        with self._lock:
            if self._view.delta.used:
                self._seal()
            return [(segment, segment.alive.copy()) for segment in self._view.segments]

    # --- merging ---------------------------------------------------------------------------------------------

    def flush(self, timeout_s: float | None = None) -> bool:
        """Seal the delta and wait until no merge is due; False where `timeout_s` was too short."""
        with self._lock:
            if self._view.delta.used:
                self._seal()
            self._wake()
            return self._idle.wait_for(lambda: self._worker is None, timeout_s)

    def filling(self) -> None:
        """See `VectorIndex.filling`."""
        self._filling = True

    def merge_now(self) -> None:
        """Merge all into one segment: what a rebuild ends with. Given up if the index is closed meanwhile."""
        self._filling = False
        self.freeze()
        with ThreadPoolExecutor(1, "semcache-merge", initializer=_give_way) as aside:
            aside.submit(self._merge_all).result()
        engine.give_back()

    def _merge_all(self) -> None:
        with self._merging:
            segments = self._view.segments
            if len(segments) > 1 or any(s.live < s.rows or s.largest_flat > self.scan_rows for s in segments):
                try:
                    self._merge(segments, self.scan_rows)
                except _GivenUp:
                    log.debug("merge given up: the index was closed")

    def close(self) -> None:
        """Stop background merges and wait for their thread. Searching and writing go on without merges."""
        with self._lock:
            self._closed = True
            worker = self._worker
        if worker is not None:
            worker.join()

    def _wake(self) -> None:
        """Start the merging thread if a merge is due. The caller holds the lock."""
        if self._worker is None and not self._closed and not self._failed and self._due():
            self._worker = threading.Thread(target=self._work, name="semcache-merge", daemon=True)
            self._worker.start()

    def _due(self, busy: Sequence[Segment] = ()) -> list[Segment]:
        free = [segment for segment in self._view.segments if segment not in busy]
        chosen = [free[at] for at in tiers.choose([segment.live for segment in free])]
        if chosen or busy or self._filling:
            return chosen
        if any(segment.largest_flat > self.scan_rows for segment in free):
            return self._with_small(free)
        return next(([segment] for segment in free if segment.wasteful), [])

    def _with_small(self, free: Sequence[Segment]) -> list[Segment]:
        """Those that lack cells, and all that are not larger than they together: it is one work, and one to search."""
        flat = [segment for segment in free if segment.largest_flat > self.scan_rows]
        most = sum(segment.live for segment in flat)
        return [segment for segment in free if segment in flat or segment.live <= most]

    def _work(self) -> None:
        _give_way()
        while True:
            with self._lock:
                if self._closed or self._failed or not self._due():
                    self._worker = None
                    self._idle.notify_all()
                    return
            try:
                with self._merging:
                    with self._lock:
                        due = self._due()
                        scan_rows = None if self._filling else self.scan_rows
                    if due:
                        self._merge(due, scan_rows)
                    large, due = sum(segment.rows for segment in due) >= LARGE_ROWS, []  # nobody holds them now
                if large:
                    engine.give_back()
            except _GivenUp:
                log.debug("merge given up: the index was closed")
            except Exception:
                log.exception("background merge failed; searches go on over the unmerged segments")
                with self._lock:
                    self.merge_failures += 1
                    self._failed = True

    def _merge(self, chosen: Sequence[Segment], scan_rows: int | None) -> None:
        """Merge and swap. The caller holds `_merging`."""
        with self._lock:
            taken = [segment.alive.copy() for segment in chosen]
            closed_before = self._closed  # who merges a closed index means to

        def progress() -> None:
            if self._closed and (not closed_before or threading.current_thread() is self._worker):
                raise _GivenUp
            if scan_rows is not None:  # else this is the relief
                self._relieve(chosen)

        merged = merge(chosen, taken, scan_rows, progress)
        with self._lock:
            new = merged.segment
            for segment, mask, moved in zip(chosen, taken, merged.moved, strict=True):
                if new is not None:
                    new.kill(moved[mask & ~segment.alive])
            kept = tuple(segment for segment in self._view.segments if segment not in chosen)
            self._view = _View((*kept, new) if new is not None and new.live else kept, self._view.delta)

    def _relieve(self, busy: Sequence[Segment]) -> None:
        """Between two steps of a long merge: merge what piled up meanwhile, without cells, so it stays little."""
        with self._lock:
            due = self._due(busy)
        if due:
            self._merge(due, None)


def _give_way() -> None:
    """Let this thread, and those that FAISS starts for it, yield to lookups, where threads have a niceness."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), MERGE_NICE)
