"""What this process wrote itself: of this the change log tells it nothing new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from semcache.ports import Row, ShardChanges

_OWN: Final = 4096
"""Own stores kept until the log tells of them; it tells of those beyond that as of any other's."""


class Own:
    """Rows of the live index that this process wrote with their records, by which change."""

    def __init__(self) -> None:
        self._seqs: dict[str, int] = {}

    def note(self, rows: Sequence[Row], seqs: Sequence[int]) -> None:
        """Each row was written by the change in its place; those without one are not known as own."""
        for row, seq in zip(rows, seqs, strict=False):
            self._seqs[row.entry_id] = seq
        while len(self._seqs) > _OWN:
            del self._seqs[next(iter(self._seqs))]

    def disown(self, entry_ids: Iterable[str]) -> None:
        """Have these read when the log tells of them, whoever wrote them."""
        for entry_id in entry_ids:
            self._seqs.pop(entry_id, None)

    def clear(self) -> None:
        """Disown all."""
        self._seqs.clear()

    def others(self, change: ShardChanges) -> ShardChanges:
        """A change without what this process has written and nobody has changed since: its rows are in the index."""
        own = self._seqs
        if change.gap:
            own.clear()
        if not own or not change.seqs:
            return change
        told = dict(zip(change.entry_ids, change.seqs, strict=True))
        others = tuple(entry_id for entry_id, seq in told.items() if own.get(entry_id) != seq)
        self.disown(change.entry_ids)
        return msgspec.structs.replace(change, entry_ids=others, seqs=())
