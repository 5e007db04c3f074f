"""What was written and removed, shard by shard, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far a reader has come in one shard's change log."""

    stream_id: str = "0-0"
    seq: int = 0
    """The shard's change counter at that entry: a reader that sees `seq + 1` next has missed nothing."""


class ShardChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Ids that changed in one shard since a position; level-triggered: read them, do not trust the order."""

    shard: int
    entry_ids: tuple[str, ...]
    position: Position
    seqs: tuple[int, ...] = ()
    """The number of each id's last change (`Position.seq`), in the same order."""
    gap: bool = False
    """The log no longer reaches back to the position, or went backwards: the shard must be scanned."""
    lost: bool = False
    """It went backwards: the store has lost writes."""
    namespaces: tuple[str, ...] = ()
    """Whose entries in the shard were all invalidated at once; "" for those of every namespace."""
    more: bool = False
    """The log goes on after these: ask again."""


class ChangeLog(Protocol):
    """A trimmed stream per shard that carries only ids."""

    async def generation(self) -> str:
        """Identity of the store's contents; a store that lost everything has a new one."""

    async def tails(self) -> list[Position]:
        """Where each of the SHARDS logs ends now, index = shard."""

    async def changes(self, positions: Sequence[Position], *, wait_s: float) -> list[ShardChanges]:
        """What came after `positions` (one a shard); waits up to `wait_s` for the first change."""
