"""Commands to all replicas, and small state that they share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Control(Protocol):
    """Small shared state beside the entries: jobs, history, counters, leases, the replicas that are alive."""

    async def hset(self, name: str, fields: Mapping[str, str], *, ttl_s: float | None = None) -> None:
        """Write fields of a named hash."""

    async def hget_all(self, name: str) -> dict[str, str]:
        """Read a named hash; {} where absent."""

    async def add(self, name: str, deltas: Mapping[str, float]) -> None:
        """Add to counters (fields) of a named hash, atomically."""

    async def append(self, name: str, fields: Mapping[str, str], *, cap: int) -> str:
        """Append to a named, capped stream; returns the entry's stream id."""

    async def tail(
        self, name: str, *, after: str = "0-0", count: int = 100, newest: bool = False
    ) -> list[tuple[str, dict[str, str]]]:
        """Entries of a named stream after an id in order, or the newest `count`, newest first."""

    async def acquire(self, name: str, owner: str, ttl_s: float) -> bool:
        """Take or renew a lease; False while another owner holds it."""

    async def release(self, name: str, owner: str) -> None:
        """Give a lease back if `owner` still holds it."""

    async def names(self, prefix: str) -> list[str]:
        """Names of hashes that start so (registered at first write), live ones only."""
