"""How much a caller may ask for."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a caller's rate."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: float
    """Seconds until the limit is whole again; past the limit, until the next request may come."""


class RateLimiter(Protocol):
    """Counts requests of callers, right across replicas."""

    async def take(
        self, caller: str, route_class: str, *, per_minute: int, cost: int = 1, spend: bool = True
    ) -> Allowance:
        """Spend `cost` requests (a batch is several) of the caller's rate, all or none; `spend=False` only looks.

        Raises StoreUnavailable.
        """
