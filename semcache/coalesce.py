"""Coalescing: identical concurrent requests fetch one answer, over all replicas.

One flight an entry: whoever boards first leads, all others read the leader's frames. In this process they are read
from memory; other processes read them from the store (`ports.Flights`), where the leader publishes only while somebody
there listens. The work of a flight runs in a task of the coalescer: no caller who leaves can end it, and none is left
waiting for one who did. A leader that dies is replaced when its lease runs out; its fencing token then keeps a late
answer of its own out of the store (`FillToken.flight`).

It knows ports only: neither HTTP, nor what a frame is, nor what the work does.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Final

import msgspec

from semcache.errors import StoreUnavailable, Unavailable
from semcache.ports import Boarding, Flights, Seat

log = logging.getLogger(__name__)

_QUIET_S: Final = 0.25
"""Longest pause between two beats, if the lease is not shorter yet: how soon a leader learns that somebody listens."""
_PACE_S: Final = 0.02
"""Pause between two beats, or two looks, while frames come."""
_IDLE_S: Final = 0.1
"""Longest pause between two looks while none come."""
_ABANDONED_S: Final = 1.0
"""A flight of another process to which nobody here has listened for so long is no longer followed."""
_PATIENCE_S: Final = 1.0
"""How long a follower without a single frame waits for a store that does not answer; with some, a whole lease."""
_LINGER_S: Final = 10.0
"""How long frames stay in the store after the landing, for those who have not read them all."""
_AHEAD_BYTES: Final = 4 * 1024 * 1024
"""How far an answer that is for one reader alone may be ahead of it."""
_PORTION_BYTES: Final = 512 * 1024
_PORTION_FRAMES: Final = 1000


class FlightLost(Unavailable):
    """The leader died or gave up before its last frame, or its frames are gone. To board again is to replace it."""

    code = "flight_lost"


class Flight:
    """One fetch as this process sees it: led here, or followed from another replica. Belongs to one event loop."""

    def __init__(self, entry_id: str) -> None:
        self.entry_id = entry_id
        self.token = 0
        """Fencing token, for `FillToken.flight`; 0 where the store could not be asked and only this process shares."""
        self.led_here = False
        self.followers = 0
        """Passages besides the leader's, in this process."""
        self.deposed = False
        """The store knows another leader by now: whoever reads here may read on, the answer will not be stored."""
        self.watched = False
        """Somebody in another process listens, as the last beat told."""
        self.private = False
        """For one reader alone, see `ease`: nobody else can join, and what it has had is gone."""
        self._frames: list[bytes] = []
        self._dropped = 0
        self._ahead = 0
        self._readers = 0
        self._was_read = False
        self._read = asyncio.Event()
        self._parted: Callable[[], None] = _nothing
        self._landed = False
        self._out = False
        self._lost = ""
        self._listeners = 0
        self._news = asyncio.Event()
        self._end = asyncio.Event()
        self._settled = asyncio.Event()
        self._boarded: asyncio.Future[Boarding] = asyncio.get_running_loop().create_future()

    @property
    def landed(self) -> bool:
        """Whether all frames have come."""
        return self._landed

    @property
    def ended(self) -> bool:
        """Whether no further frame will come."""
        return self._landed or bool(self._lost)

    @property
    def over(self) -> bool:
        """Whether readers have, or soon will have, all that they want of it: to board it now is to come too late."""
        return self._out or self.ended

    def push(self, frame: bytes) -> None:
        """Give a frame to all readers; never waits. For the leader's work only."""
        if self.ended:
            raise RuntimeError("this flight has ended: it takes no further frame")
        self._frames.append(frame)
        if self.private:
            self._ahead += len(frame)
        self._tell()

    def out(self) -> None:
        """What readers pass on has all been pushed, though not yet the last frame. For the leader's work only."""
        self._out = True

    def land(self) -> None:
        """No further frame will come: readers end when they have read all. For the leader's work only."""
        if not self.ended:
            self._landed = True
            self._end.set()
            self._tell()

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """All frames from the first, each as soon as it is there. Raises FlightLost after the last of a lost flight.

        May be called by any number of readers, each at its own pace; leaving harms nobody.
        """
        if self.private:
            raise FlightLost("the answer is too long to be shared")
        at = 0
        self._was_read = True
        self._readers += 1
        self._listeners += 1
        try:
            while True:
                while at < self._dropped + len(self._frames):
                    frame = self._frames[at - self._dropped]
                    at += 1
                    self._had(at)
                    yield frame
                if self._landed:
                    return
                if self._lost:
                    raise FlightLost(self._lost)
                await self._news.wait()
        finally:
            self._readers -= 1
            self._listeners -= 1
            self._read.set()

    async def ease(self) -> bool:
        """For the leader's work, of an answer too long to be kept, after each frame: bound what it takes in memory.

        Where one reader alone is left, here and elsewhere, the flight is that one's from now on: whoever comes begins
        another, frames that were read are dropped, and the work waits while its reader is far behind. False where the
        last reader has left: to go on would serve nobody.
        """
        if not self.private:
            if self.watched or self._readers > 1 or not self._was_read:
                return True
            self.private = True
            self._parted()
        while self._readers and self._ahead > _AHEAD_BYTES:
            self._read.clear()
            await self._read.wait()
        return bool(self._readers)

    def _had(self, end: int) -> None:
        if not self.private:
            return
        gone = end - self._dropped
        self._ahead = max(0, self._ahead - sum(map(len, self._frames[:gone])))
        del self._frames[:gone]
        self._dropped = end
        self._read.set()

    async def settled(self) -> None:
        """Wait until the leader's work, its store included, has ended, well or not."""
        self._listeners += 1
        try:
            await self._settled.wait()
        finally:
            self._listeners -= 1

    def _lose(self, why: str) -> None:
        if not self.ended:
            self._lost = why
            self._end.set()
            self._tell()

    def _end_all(self, error: BaseException) -> None:
        """Nobody works on it any more: whoever waits goes on. `error` is for those who still wait to board."""
        self._lose("the leader has given up, or is gone")
        if not self._boarded.done():
            self._boarded.set_exception(error)
            self._boarded.exception()  # perhaps nobody waits
        self._settled.set()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


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
        self._monotonic = monotonic
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
        boarding = await asyncio.shield(flight._boarded)
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
        flight._boarded.set_result(Boarding.LEAD)
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
            if error is not None and flight._boarded.done():
                log.error("flight failed entry=%s", flight.entry_id, exc_info=error)
            flight._end_all(error or FlightLost("this process stops"))

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
        flight._boarded.set_result(seat.boarding)
        if flight.led_here:
            await self._lead(flight, work)
        elif seat.boarding is Boarding.FOLLOW:
            await self._listen(flight)

    # -- leading --------------------------------------------------------------------------------------------------

    async def _lead(self, flight: Flight, work: Work) -> None:
        lease = _Lease(self._store, flight, self._lease_s, self._degraded)
        holding = asyncio.create_task(lease.hold()) if flight.token else None
        flight._parted = functools.partial(self._part, flight, lease)
        try:
            await work(flight)
            flight.land()
        except Exception:  # the task's boundary; readers are told that the flight is lost
            log.exception("work of a flight failed entry=%s", flight.entry_id)
        finally:
            flight._lose("the leader could not fetch the answer")
            lease.over.set()
            if holding is not None:
                await holding

    def _part(self, flight: Flight, lease: _Lease) -> None:
        """A flight has become one reader's: others may begin another."""
        if self._flights.get(flight.entry_id) is flight:
            del self._flights[flight.entry_id]
        lease.over.set()

    # -- following ------------------------------------------------------------------------------------------------

    async def _listen(self, flight: Flight) -> None:
        """Read what another process publishes, for all who listen here, until it has settled or is lost."""
        heard = attended = self._monotonic()
        pause, failing = _PACE_S, False
        while True:
            try:
                feed = await self._store.follow(flight.entry_id, flight.token, len(flight._frames))
            except StoreUnavailable as error:
                if not failing:
                    self._degraded("store", error.code, str(error))
                failing = True
                patience = self._lease_s if flight._frames else min(_PATIENCE_S, self._lease_s)
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
            if flight._listeners:
                attended = heard
            elif heard - attended >= _ABANDONED_S:
                return
            pause = _PACE_S if feed.frames or feed.landed else min(1.5 * pause, _IDLE_S)
            await asyncio.sleep(pause)


class _Lease:
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
        frames = _portion(flight._frames, self._published) if self._watched else []
        last = self._watched and flight.landed and self._published + len(frames) == len(flight._frames)
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
            await _within(_PACE_S, self.over)
        if self._failing:
            await _within(self._quiet_s, self.over)
            return
        while not self.over.is_set() and not self._behind():
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0:
                return
            flight = self._flight
            await _within(left_s, self.over if flight.ended else flight._news if self._watched else flight._end)
        if self._flight.landed and not self._watched:
            await _within(_PACE_S, self.over)  # as a rule all is stored by then, and giving back asks who listens

    def _behind(self) -> bool:
        if self._flight.landed:
            return not self._told
        return self._watched and self._published < len(self._flight._frames)


def _nothing() -> None:
    """Who is told that a flight has parted, before it is led."""


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Wait for an event, at most so long."""
    if event.is_set():
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _portion(frames: list[bytes], at: int) -> list[bytes]:
    """What one beat publishes: the store does nothing else meanwhile."""
    size, end = 0, at
    while end < len(frames) and end - at < _PORTION_FRAMES and size < _PORTION_BYTES:
        size += len(frames[end])
        end += 1
    return frames[at:end]
