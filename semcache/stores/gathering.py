"""Gathering: calls of one script that are made in one turn of the event loop go to the store together.

A round trip of the client costs several times what the store takes for a read, so under load the cost is that of the
number of trips. Nobody waits for company: a call that is made while none is under way goes by itself, at once; only
what comes while others are on their way is sent with what else comes in that turn. One that fails by itself (a damaged
key) fails alone; a connection that breaks, or a deadline, ends all that it carried, as it would have ended each. In a
cluster each call goes by itself, since one dead node must not fail what others hold. What one caller needs at once
(`run_each`) is one turn's as well.

Where all is well, calls go over a lane, at a fraction of the cost; all else is for when there is none: at the start,
in a cluster, and from the first sign of trouble (a call that failed, an answer that is an error) until a call by the
other way has succeeded. A call whose answer was lost is made again: it is a read, or a write that may be done twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.asyncio import RedisCluster
from redis.exceptions import RedisError

from semcache.errors import StoreUnavailable
from semcache.stores.lane import Lane, Lost
from semcache.stores.lua import Argument, Call, Link, script

log = logging.getLogger(__name__)

_MOST: Final = 128
"""Calls sent together: more are sent as several."""
_AGAIN_S: Final = 1.0
"""Between two attempts to open a lane."""


class Gathering:
    """Calls of one script over a `Link`. Belongs to one event loop."""

    def __init__(
        self, link: Link, name: str, *, beside: Gathering | None = None, deadline_s: float | None = None
    ) -> None:
        """`beside`: whose lane it uses, instead of one of its own, which is given up at that one's deadline.

        `deadline_s`: the data plane's by default. Where there is no lane, calls with another go each by itself.
        """
        self._beside = beside
        self._deadline_s = deadline_s
        self._link = link
        self._name = name
        self._under_way = 0
        self._waiting: list[tuple[Call, asyncio.Future[Any]]] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._sha = script(name).sha
        self._lane: Lane | None = None
        self._opening: asyncio.Task[None] | None = None
        self._next_s = 0.0

    async def run(self, base: bytes, args: Sequence[Argument]) -> Any:
        """As `Link.run`, inside the deadline. Raises StoreUnavailable."""
        lane = self._usable()
        if lane is None:
            return await self._otherwise(base, args)
        asked_s = lane.now()
        return await self._came(lane, asked_s, lane.call("EVALSHA", self._sha, 1, base, *args), (base, args))

    def begin(self, base: bytes, args: Sequence[Argument], hear: Callable[[Any], None]) -> bool:
        """As `run`; `hear` is given the answer in the turn in which it comes, or the error in its place.

        False, and nothing was done, where not all is well just now: `run` knows other ways.
        """
        lane = self._usable()
        if lane is None:
            return False
        asked_s = lane.now()

        def heard(found: Any) -> None:
            if isinstance(found, Exception):
                task = asyncio.create_task(self._told_later(lane, asked_s, (base, args), hear))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            else:
                _tell(hear, found)

        lane.tell(heard, "EVALSHA", self._sha, 1, base, *args)
        return True

    async def _told_later(self, lane: Lane, asked_s: float, call: Call, hear: Callable[[Any], None]) -> None:
        try:
            found = await self._again(lane, asked_s, call)
        except Exception as error:  # noqa: BLE001 - a value like an answer: who hears it has no frame to raise it in
            found = error
        _tell(hear, found)

    async def run_each(self, calls: Sequence[Call]) -> list[Any]:
        """As `Link.run_each`, inside the data plane's deadline. Raises StoreUnavailable, the first there is."""
        lane = self._usable()
        if lane is None:
            return await self._link.run_each(self._name, calls, deadline_s=self._deadline_s)
        asked_s = lane.now()
        answers = [lane.call("EVALSHA", self._sha, 1, base, *args) for base, args in calls]
        try:
            return [await self._came(lane, asked_s, one, call) for one, call in zip(answers, calls, strict=True)]
        finally:
            for answer in answers:  # of those after one that failed nobody asks
                if not answer.cancel() and not answer.cancelled():
                    answer.exception()

    @property
    def _limit_s(self) -> float:
        return self._link.guard.deadline_s if self._deadline_s is None else self._deadline_s

    def _usable(self) -> Lane | None:
        """The lane, where all is well; else one is opened for later."""
        if self._beside is not None:
            return self._beside._usable()
        lane = self._lane
        if lane is not None and lane.usable and self._link.guard.steady:
            return lane
        self._open()
        return None

    async def _came(self, lane: Lane, asked_s: float, answer: asyncio.Future[Any], call: Call) -> Any:
        """What came over the lane, or else what comes the other way."""
        try:
            found = await answer
            if not isinstance(found, Exception):
                return found
        except Lost:
            pass
        return await self._again(lane, asked_s, call)

    async def _again(self, lane: Lane, asked_s: float, call: Call) -> Any:
        """Make a call again that a lane has failed."""
        # A server that was silent for the whole deadline has none left to answer in: that is a timeout like any other.
        left_s = max(0.0, self._limit_s - (lane.now() - asked_s))
        return await self._link.run(self._name, *call, deadline_s=left_s)

    def close(self) -> None:
        """End the lane."""
        if self._opening is not None:
            self._opening.cancel()
        if self._lane is not None:
            self._lane.close()
        self._lane = None

    def _open(self) -> None:
        """Have a lane opened, where there may be one."""
        link, now_s = self._link, asyncio.get_running_loop().time()
        if self._opening is not None or now_s < self._next_s or not link.attached or link.laneless:
            return
        client = link.client
        if isinstance(client, RedisCluster):
            return
        if self._lane is None or self._lane.ended:
            self._next_s = now_s + _AGAIN_S
            self._opening = asyncio.create_task(self._opened(client.connection_pool))

    async def _opened(self, pool: Any) -> None:
        lane = Lane(self._limit_s)
        try:
            await lane.open(pool.make_connection())  # beside the pool's own: it is never given back
            self._lane = lane
        except (Lost, RedisError, OSError) as error:  # whoever asks the store is told by it
            log.debug("no lane: %s", error)
        except AttributeError as error:  # the client's insides are others in another version
            if not self._link.laneless:
                log.warning(
                    "reads go without a lane of their own, this version of redis-py has none to offer: %s", error
                )
            self._link.laneless = True
        finally:
            self._opening = None

    async def _otherwise(self, base: bytes, args: Sequence[Argument]) -> Any:
        if not self._under_way or self._link.clustered or self._deadline_s is not None:
            self._under_way += 1
            try:
                return await self._link.run(self._name, base, args, deadline_s=self._deadline_s)
            finally:
                self._under_way -= 1
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._send)
        self._waiting.append(((base, args), answer))
        return await answer

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), _MOST):
            task = asyncio.create_task(self._together(waiting[start : start + _MOST]))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _together(self, waiting: Sequence[tuple[Call, asyncio.Future[Any]]]) -> None:
        self._under_way += 1
        try:
            wanted = [(call, answer) for call, answer in waiting if not answer.done()]
            answers = await self._link.run_apart(self._name, [call for call, _ in wanted]) if wanted else []
            for (_, answer), found in zip(wanted, answers, strict=True):
                if answer.done():  # its caller went away
                    continue
                if isinstance(found, StoreUnavailable):
                    answer.set_exception(found)
                else:
                    answer.set_result(found)
        except Exception as error:  # noqa: BLE001 - each waiter gets what it would have got by itself
            for _, answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
        finally:
            self._under_way -= 1
            for _, answer in waiting:
                answer.cancel()


def _tell(hear: Callable[[Any], None], found: Any) -> None:
    try:
        hear(found)
    except Exception:  # the boundary of a turn of the event loop: it would end the lane for all
        log.exception("whoever had asked could not be told")
