"""A flight that another process leads, read from the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from semcache.coalesce.flight import Flight
from semcache.coalesce.lease import PACE_S
from semcache.errors import StoreUnavailable
from semcache.ports import Flights

_IDLE_S: Final = 0.1
"""Longest pause between two looks while none come."""
_ABANDONED_S: Final = 1.0
"""A flight of another process to which nobody here has listened for so long is no longer followed."""
_PATIENCE_S: Final = 1.0
"""How long a follower without a single frame waits for a store that does not answer; with some, a whole lease."""


class Following:
    """Reads the flights that other processes lead."""

    def __init__(
        self,
        store: Flights,
        lease_s: float,
        degraded: Callable[[str, str, str], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._lease_s = lease_s
        self._degraded = degraded
        self._monotonic = monotonic

    async def listen(self, flight: Flight) -> None:
        """Read what another process publishes, for all who listen here, until it has settled or is lost."""
        heard = attended = self._monotonic()
        pause, failing = PACE_S, False
        while True:
            try:
                feed = await self._store.follow(flight.entry_id, flight.token, flight.count)
            except StoreUnavailable as error:
                if not failing:
                    self._degraded("store", error.code, str(error))
                failing = True
                patience = self._lease_s if flight.count else min(_PATIENCE_S, self._lease_s)
                if self._monotonic() - heard >= patience:
                    return
                await asyncio.sleep(_IDLE_S)
                continue
            failing = False
            heard = self._monotonic()
            for frame in feed.frames:
                flight.push(frame)
            if feed.landed:
                flight.land()
            if not feed.alive or (feed.landed and feed.settled):
                return
            if flight.listened:
                attended = heard
            elif heard - attended >= _ABANDONED_S:
                return
            pause = PACE_S if feed.frames or feed.landed else min(1.5 * pause, _IDLE_S)
            await asyncio.sleep(pause)
