"""Whether the store is sound."""

from __future__ import annotations

from typing import Protocol

import msgspec

from semcache.ports.progress import Progress


class StoreHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator wants to know of the store."""

    reachable: bool
    detail: str = ""
    server: str = ""
    used_memory_bytes: int = 0
    max_memory_bytes: int = 0
    eviction_policy: str = ""
    warnings: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a self-check found, as often as `count`; `repaired` of these were mended."""

    code: str
    detail: str
    count: int = 1
    repaired: int = 0
    fault: bool = True
    """False: it comes of ordinary work (eviction, expiry, a log not yet followed) and mends itself."""


class Audit(Protocol):
    """The store's self-check, key by key."""

    async def check(self, *, repair: bool, progress: Progress) -> list[Finding]:
        """What is wrong, one Finding a code. Safe beside live traffic, repairs included."""
