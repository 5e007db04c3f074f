"""The flights of one process: who leads, who follows, who came too late."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine

import msgspec

from semcache.coalesce.flight import Flight, FlightLost
from semcache.coalesce.following import Following
from semcache.coalesce.lease import Lease
from semcache.errors import StoreUnavailable
from semcache.ports import Boarding, Flights, Seat

log = logging.getLogger(__name__)

Work = Callable[[Flight], Awaitable[None]]
"""What a leader does: push frames, land, store. It must end by itself; what it raises is logged."""


class Passage(msgspec.Struct, frozen=True):
    """What came of boarding. LANDED has no flight: look the entry up again. Who would not join may have none either."""

    boarding: Boarding
    flight: Flight | None = None


class Coalescer:
    """The flights of one process. Belongs to one event loop."""

    def __init__(
        self,
        flights: Flights,
        *,
        lease_s: float,
        degraded: Callable[[str, str, str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lease_s`: a leader that is silent so long is replaced. `degraded`: `Observer.degraded`."""
        self._store = flights
        self._lease_s = lease_s
        self._degraded = degraded
        self._following = Following(flights, lease_s, degraded, monotonic)
        self._flights: dict[str, Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def board(self, entry_id: str, *, since_ms: int | None, work: Work, join: bool = True) -> Passage:
        """Join the flight of an entry, or begin one: then `work` is run, whatever becomes of the caller.

        LEAD: `work` was started; FOLLOW: another's was. Either way `Passage.flight` has the frames. LANDED: the entry
        was written at or after `since_ms` (the store's clock, as the caller's lookup read it), or a flight has just
        ended here: look again. With the store down it leads: one flight in this process still; `since_ms` None says
        that the caller has just found it so: it is not asked again, and any name will do for an entry id.
        `join` False is for who may have no answer that was asked for before: FOLLOW then says that a flight is under
        way, to be left alone. One that has ended here is waited for, so that what it stores is the older of the two.
        Raises RequestError for text that is no entry id, FlightLost where the process stops.
        """
        while (flight := self._flights.get(entry_id)) is not None and flight.over:
            try:
                async with asyncio.timeout(None if flight.ended and not flight.landed else self._lease_s):
                    await flight.settled()
            except TimeoutError:  # its store hangs, and its frames are good
                break
            if flight.landed:
                return Passage(Boarding.LANDED)
        if flight is not None and not join:
            return Passage(Boarding.FOLLOW)
        begun = flight is None
        if flight is None:
            flight = self._begin(entry_id, since_ms, work)
        boarding = await asyncio.shield(flight.boarded)
        if boarding is Boarding.LANDED:
            return Passage(boarding)
        if not begun or boarding is Boarding.FOLLOW:
            boarding = Boarding.FOLLOW
            flight.followers += 1
        return Passage(boarding, flight)

    def begin(self, entry_id: str, *, since_ms: int, work: Work) -> None:
        """Begin a flight that nobody waits for, unless one is under way already, in whatever process."""
        if entry_id not in self._flights:
            self._begin(entry_id, since_ms, work)

    def solo(self, work: Work) -> Flight:
        """Begin a flight that nobody else can join, and that knows of no other."""
        flight = Flight("")
        flight.led_here = True
        flight.boarded.set_result(Boarding.LEAD)
        self._keep(flight, self._lead(flight, work))
        return flight

    async def aclose(self, *, within_s: float = 10.0) -> None:
        """Wait for the flights under way, at most so long, then end them: their readers get FlightLost."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _begin(self, entry_id: str, since_ms: int | None, work: Work) -> Flight:
        flight = self._flights[entry_id] = Flight(entry_id)
        self._keep(flight, self._fly(flight, since_ms, work))
        return flight

    def _keep(self, flight: Flight, flying: Coroutine[None, None, None]) -> None:
        """Run a flight, and end it for all who wait, whatever became of its task: it may not even have begun."""
        task = asyncio.create_task(flying, name=f"flight {flight.entry_id}")
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if self._flights.get(flight.entry_id) is flight:
                del self._flights[flight.entry_id]
            error = None if task.cancelled() else task.exception()
            if error is not None and flight.boarded.done():
                log.error("flight failed entry=%s", flight.entry_id, exc_info=error)
            flight.end_all(error or FlightLost("this process stops"))

        task.add_done_callback(ended)

    async def _seat(self, entry_id: str, since_ms: int | None) -> Seat:
        if since_ms is None:
            return Seat(Boarding.LEAD)
        try:
            return await self._store.board(entry_id, since_ms=since_ms, ttl_s=self._lease_s)
        except StoreUnavailable as error:
            self._degraded("store", error.code, str(error))
            return Seat(Boarding.LEAD)

    async def _fly(self, flight: Flight, since_ms: int | None, work: Work) -> None:
        seat = await self._seat(flight.entry_id, since_ms)
        flight.token = seat.token
        flight.led_here = seat.boarding is Boarding.LEAD
        if seat.boarding is Boarding.LANDED:
            del self._flights[flight.entry_id]  # before anybody hears of it: whoever comes now asks anew
        flight.boarded.set_result(seat.boarding)
        if flight.led_here:
            await self._lead(flight, work)
        elif seat.boarding is Boarding.FOLLOW:
            await self._following.listen(flight)

    async def _lead(self, flight: Flight, work: Work) -> None:
        lease = Lease(self._store, flight, self._lease_s, self._degraded)
        holding = asyncio.create_task(lease.hold()) if flight.token else None
        flight.parted = functools.partial(self._part, flight, lease)
        try:
            await work(flight)
            flight.land()
        except Exception:  # the task's boundary; readers are told that the flight is lost
            log.exception("work of a flight failed entry=%s", flight.entry_id)
        finally:
            flight.lose("the leader could not fetch the answer")
            lease.over.set()
            if holding is not None:
                await holding

    def _part(self, flight: Flight, lease: Lease) -> None:
        """A flight has become one reader's: others may begin another."""
        if self._flights.get(flight.entry_id) is flight:
            del self._flights[flight.entry_id]
        lease.over.set()
