"""The seat of a flight that is led here, and what its leader tells the other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from semcache.coalesce.flight import Flight
from semcache.errors import StoreUnavailable
from semcache.ports import Flights

_QUIET_S: Final = 0.25
"""Longest pause between two beats, if the lease is not shorter yet: how soon a leader learns that somebody listens."""
PACE_S: Final = 0.02
"""Pause between two beats, or two looks, while frames come."""
_LINGER_S: Final = 10.0
"""How long frames stay in the store after the landing, for those who have not read them all."""


class Lease:
    """The seat of a flight that is led here: renewed while the work goes on, and given back at its end.

    Frames are published while somebody elsewhere listens, at a pace; the first beat after that began sends them all.
    """

    def __init__(
        self, store: Flights, flight: Flight, lease_s: float, degraded: Callable[[str, str, str], None]
    ) -> None:
        self.over = asyncio.Event()
        """Set once the work has ended."""
        self._store = store
        self._flight = flight
        self._lease_s = lease_s
        self._quiet_s = min(_QUIET_S, lease_s / 10)
        self._degraded = degraded
        self._watched = False
        self._published = 0
        self._told = False
        self._failing = False

    async def hold(self) -> None:
        """Beat until the work is over and the lease given back, or another leader has taken over."""
        flight = self._flight
        while not flight.deposed:
            await self._until_due()
            over = self.over.is_set()
            try:
                if over:
                    whole = flight.landed and not flight.private
                    if await self._store.land(flight.entry_id, flight.token, linger_s=_LINGER_S, whole=whole):
                        return
                    self._watched = True
                await self._beat()
                self._failing = False
            except StoreUnavailable as error:
                if not self._failing:
                    self._degraded("store", error.code, str(error))
                self._failing = True
                if over:
                    return  # it runs out by itself

    async def _beat(self) -> None:
        flight = self._flight
        frames = flight.portion(self._published) if self._watched else []
        last = self._watched and flight.landed and self._published + len(frames) == flight.count
        landed = flight.landed
        beat = await self._store.beat(
            flight.entry_id, flight.token, frames, at=self._published, ttl_s=self._lease_s, last=last
        )
        flight.deposed = not beat.alive
        self._watched = flight.watched = beat.watched
        self._published = beat.published
        # nobody who listens waits for the last frame; or nobody listens, and was asked since the landing
        self._told = landed and (last or not beat.watched)

    async def _until_due(self) -> None:
        """Sleep until there is something to say: frames to who listens, the landing, the end, or that all goes on."""
        deadline = asyncio.get_running_loop().time() + self._quiet_s
        if self._watched or self._failing or self._flight.landed:  # else nothing is to be said before it lands
            await _within(PACE_S, self.over)
        if self._failing:
            await _within(self._quiet_s, self.over)
            return
        while not self.over.is_set() and not self._behind():
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0:
                return
            flight = self._flight
            await _within(left_s, self.over if flight.ended else flight.news if self._watched else flight.end)
        if self._flight.landed and not self._watched:
            await _within(PACE_S, self.over)  # as a rule all is stored by then, and giving back asks who listens

    def _behind(self) -> bool:
        if self._flight.landed:
            return not self._told
        return self._watched and self._published < self._flight.count


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Wait for an event, at most so long."""
    if event.is_set():
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
