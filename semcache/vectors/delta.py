"""The newest rows: a small flat buffer, written by one thread at a time and read by any without a lock.

Slots are only ever appended. A slot's content is complete before `_used` counts it, so a reader that takes `_used`
first sees whole rows. Groups are numbered as they come; a search compares numbers, not bytes. Which rows are a group's
is remembered until something is written: after a model ran, to find it out takes as long as to scan a thousand rows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from semcache.ports import Row
from semcache.vectors import engine
from semcache.vectors.keys import group_key, id_bytes

_MOST_REMEMBERED: Final = 256
"""Groups, 600 bytes each."""


class Delta:
    """Room for `capacity` rows of `dimension` components."""

    def __init__(self, dimension: int, capacity: int) -> None:
        self.capacity = capacity
        self.live = 0
        self.slots: dict[bytes, int] = {}
        """Raw id -> slot of the live rows."""
        self.ids: list[bytes] = []
        self.groups: list[bytes] = []
        self.vectors: engine.Half = np.empty((capacity, dimension), np.float16)
        self._codes = engine.Codes(self.vectors)
        self.alive: NDArray[np.bool_] = np.zeros(capacity, np.bool_)
        self._partition_of: NDArray[np.int32] = np.zeros(capacity, np.int32)
        self._group_of: NDArray[np.int32] = np.zeros(capacity, np.int32)
        self._partitions: dict[bytes, int] = {}
        self._groups: dict[bytes, int] = {}
        self._used = 0
        self._writes = 0
        self._remembered: dict[tuple[bytes, bytes | None], tuple[int, engine.Chosen | None]] = {}
        """Live rows of a group, or of a partition, as they were after so many writes."""

    @property
    def used(self) -> int:
        """Slots taken, dead ones included."""
        return self._used

    @property
    def full(self) -> bool:
        """Whether the next row needs a new delta."""
        return self._used == self.capacity

    def put(self, row: Row) -> None:
        """Append a row; an older one of the same id dies after the new one is visible."""
        raw = id_bytes(row.entry_id)
        group = group_key(row.partition, row.context)
        slot = self._used
        self.vectors[slot] = row.vector
        self._partition_of[slot] = self._partitions.setdefault(row.partition, len(self._partitions))
        self._group_of[slot] = self._groups.setdefault(group, len(self._groups))
        self.ids.append(raw)
        self.groups.append(group)
        self.alive[slot] = True
        self._used = slot + 1
        before = self.slots.get(raw)
        self.slots[raw] = slot
        if before is None:
            self.live += 1
        else:
            self.alive[before] = False
        self._writes += 1  # last, as in `kill`: who read before it has remembered for an earlier count

    def kill(self, raw: bytes) -> bool:
        """Mark a row dead; False where there is none."""
        slot = self.slots.pop(raw, None)
        if slot is None:
            return False
        self.alive[slot] = False
        self.live -= 1
        self._writes += 1
        return True

    def holds(self, group: bytes) -> bool:
        """Whether a row of the group was ever put here."""
        return group in self._groups

    def search(
        self, partition: bytes, context: bytes | None, query: NDArray[np.float32], k: int
    ) -> list[tuple[float, bytes]]:
        """(similarity, raw id) of the k best live rows, best first."""
        some = self._chosen(partition, context)
        if some is None:
            return []
        # Not NumPy's product: its BLAS wakes a thread for each core, and on a busy machine waits for them.
        return [(near, self.ids[slot]) for near, slot in engine.scan_some(self._codes, some, query, k)]

    def _chosen(self, partition: bytes, context: bytes | None) -> engine.Chosen | None:
        writes = self._writes  # before anything is read of the rows
        known = self._remembered.get((partition, context))
        if known is not None and known[0] == writes:
            return known[1]
        some = self._choose(partition, context)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[partition, context] = writes, some
        return some

    def _choose(self, partition: bytes, context: bytes | None) -> engine.Chosen | None:
        used = self._used
        if context is None:
            number, numbers = self._partitions.get(partition), self._partition_of
        else:
            number, numbers = self._groups.get(partition + context), self._group_of
        return None if number is None else engine.chosen((numbers[:used] == number) & self.alive[:used])
