"""A flight: frames as they come, for any number of readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

from semcache.errors import Unavailable
from semcache.ports import Boarding

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
        self.boarded: asyncio.Future[Boarding] = asyncio.get_running_loop().create_future()
        self.parted: Callable[[], None] = _nothing
        """Called where it becomes one reader's alone."""
        self.news = asyncio.Event()
        """Set at the next frame, or the end; each time another event."""
        self.end = asyncio.Event()
        """Set once no further frame will come."""
        self._frames: list[bytes] = []
        self._dropped = 0
        self._ahead = 0
        self._readers = 0
        self._was_read = False
        self._read = asyncio.Event()
        self._landed = False
        self._out = False
        self._lost = ""
        self._listeners = 0
        self._settled = asyncio.Event()

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

    @property
    def listened(self) -> bool:
        """Whether somebody in this process waits for frames, or for it to settle."""
        return self._listeners > 0

    @property
    def count(self) -> int:
        """Frames that are kept: of a shared flight all that have come."""
        return len(self._frames)

    def portion(self, at: int) -> list[bytes]:
        """Of a shared flight the frames from `at` that one beat publishes: the store does nothing else meanwhile."""
        size, end = 0, at
        while end < len(self._frames) and end - at < _PORTION_FRAMES and size < _PORTION_BYTES:
            size += len(self._frames[end])
            end += 1
        return self._frames[at:end]

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
            self.end.set()
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
                await self.news.wait()
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
            self.parted()
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

    def lose(self, why: str) -> None:
        """No further frame will come though the last is missing: readers get FlightLost when they have read all."""
        if not self.ended:
            self._lost = why
            self.end.set()
            self._tell()

    def end_all(self, error: BaseException) -> None:
        """Nobody works on it any more: whoever waits goes on. `error` is for those who still wait to board."""
        self.lose("the leader has given up, or is gone")
        if not self.boarded.done():
            self.boarded.set_exception(error)
            self.boarded.exception()  # perhaps nobody waits
        self._settled.set()

    def _tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


def _nothing() -> None:
    """Who is told that a flight has parted, before it is led."""
