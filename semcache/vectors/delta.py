"""The newest rows: a small flat buffer, written by one thread at a time and read by any without a lock.

Slots are only ever appended. A slot's content is complete before `_used` counts it, so a reader that takes `_used`
first sees whole rows. Groups are numbered as they come; a search compares numbers, not bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semcache.ports import Row
from semcache.vectors import engine
from semcache.vectors.keys import group_key, id_bytes


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
        self.alive: NDArray[np.bool_] = np.zeros(capacity, np.bool_)
        self._partition_of: NDArray[np.int32] = np.zeros(capacity, np.int32)
        self._group_of: NDArray[np.int32] = np.zeros(capacity, np.int32)
        self._partitions: dict[bytes, int] = {}
        self._groups: dict[bytes, int] = {}
        self._used = 0

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

    def kill(self, raw: bytes) -> bool:
        """Mark a row dead; False where there is none."""
        slot = self.slots.pop(raw, None)
        if slot is None:
            return False
        self.alive[slot] = False
        self.live -= 1
        return True

    def holds(self, group: bytes) -> bool:
        """Whether a row of the group was ever put here."""
        return group in self._groups

    def search(
        self, partition: bytes, context: bytes | None, query: NDArray[np.float32], k: int
    ) -> list[tuple[float, bytes]]:
        """(similarity, raw id) of the k best live rows, best first."""
        used = self._used
        if context is None:
            number, numbers = self._partitions.get(partition), self._partition_of
        else:
            number, numbers = self._groups.get(partition + context), self._group_of
        if number is None:
            return []
        asked = (numbers[:used] == number) & self.alive[:used]
        if not asked.any():
            return []
        # Not NumPy's product: its BLAS wakes a thread for each core, and on a busy machine waits for them.
        return [(near, self.ids[slot]) for near, slot in engine.scan(self.vectors[:used], query, k, asked)]
