"""The pace of a rebuild, which gives way to lookups."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

_GIVE_WAY: Final = 3.0
"""While lookups come, a rebuild pauses for this many times what it just took: its quarter of the loop is enough."""
_GIVE_WAY_S: Final = 1.0
"""Lookups come while the last one is not longer ago than this."""


class Pace:
    """Of one piece of work beside lookups, step by step."""

    def __init__(self, searches: Callable[[], int], monotonic: Callable[[], float]) -> None:
        """`searches`: how many were made up to now."""
        self._count = searches
        self._monotonic = monotonic
        self._searches = searches()
        self._searched = float("-inf")
        self._began = monotonic()

    async def give_way(self) -> None:
        """Pause between two steps if lookups were made lately."""
        now = self._monotonic()
        if (searches := self._count()) != self._searches:
            self._searches, self._searched = searches, now
        if now - self._searched < _GIVE_WAY_S:
            await asyncio.sleep(_GIVE_WAY * (now - self._began))
        self._began = self._monotonic()
