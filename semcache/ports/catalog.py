"""Which entries there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec


class Selector(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an invalidation is about; all given parts must hold. `prefix`, `contains`, `pattern` are on the prompt."""

    namespace: str | None = None
    model: str | None = None
    model_version: str | None = None
    tags: tuple[str, ...] = ()
    older_than_s: float | None = None
    prefix: str | None = None
    contains: str | None = None
    pattern: str | None = None
    similar_to: str | None = None
    threshold: float | None = None
    entry_ids: tuple[str, ...] = ()
    all: bool = False


class GroupCount(msgspec.Struct, frozen=True):
    """Entries of one namespace, model and version."""

    namespace: str
    model: str
    model_version: str
    entries: int


class Catalog(Protocol):
    """Enumeration and invalidation, over all shards."""

    async def groups(self) -> list[GroupCount]:
        """All (namespace, model, version) with their entry counts."""

    def ids(self, *, shard: int | None = None, selector: Selector | None = None) -> AsyncIterator[list[str]]:
        """Entry ids in batches: of one shard or all, narrowed by the sets (namespace, model, version, tags).

        Other parts of the selector are not judged here. An id may be given twice; one added meanwhile may be left
        out (the change log has it).
        """

    async def coldest(self, count: int, *, namespace: str | None = None) -> list[str]:
        """The `count` least recently (LRU) or least frequently (LFU) used ids."""

    async def raise_epoch(self, namespace: str) -> int:
        """Invalidate all of a namespace at once; returns when every shard has the new epoch. Returns the highest."""

    async def raise_fence(self, selector: Selector) -> None:
        """Make fills born stale that were asked for before now and that the selector could concern."""

    async def distrust(self, shard: int) -> None:
        """A shard has lost writes: invalidate all that it holds, as a deletion may be among what it lost."""

    async def sweep(self, shard: int) -> int:
        """Drop bookkeeping (sets, recency, counts) of entries whose record is gone; returns how many."""
