"""Writes under way: whether this process has changed a record otherwise while it was being written.

What was written may be kept as a copy only if nobody has changed it since. What others did is in the change log; what
this process did must count at once, and of two calls under way nobody here can tell which the store took last.
"""

from __future__ import annotations


class Write:
    """A record that is being written."""

    __slots__ = ("at_s", "changes", "entry_id", "scans", "shard")

    def __init__(self, entry_id: str, shard: int, scans: int, at_s: float) -> None:
        self.entry_id = entry_id
        self.shard = shard
        self.scans = scans
        """How often all of the shard had been dropped before."""
        self.at_s = at_s
        """Before it was asked for, in seconds of the copies' clock."""
        self.changes = 0
        """Changes of the record by this process since then."""

    @property
    def alone(self) -> bool:
        """Whether it is the only one of them."""
        return self.changes <= 1


class Writes:
    """Those under way, by entry id."""

    def __init__(self) -> None:
        self._open: dict[str, Write] = {}

    def begin(self, write: Write) -> None:
        """It is about to be asked for."""
        other = self._open.setdefault(write.entry_id, write)
        if other is not write:
            other.changes += 2
            write.changes += 2

    def changed(self, entry_id: str) -> None:
        """This process has changed a record, or may have; of a write under way it is the end, if it is nothing else."""
        write = self._open.get(entry_id)
        if write is not None:
            write.changes += 1

    def end(self, write: Write) -> None:
        """It is over."""
        if self._open.get(write.entry_id) is write:
            del self._open[write.entry_id]
