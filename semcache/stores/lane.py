"""A lane: one connection on which many calls are under way at once. Answers come in the order of the calls.

redis-py gives each call a connection, or a pipeline that waits for its end; either costs the client more than the
server takes for a read. Here a call is a write, and its answer is given to whoever waits in the very turn in which it
came. redis-py makes the connection (address, TLS, credentials, Sentinel), then its transport speaks to the lane.

A lane promises nothing: a call whose answer cannot be had (`Lost`) must be one that may be made again, another way.
One server only; in a cluster there is no lane. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import hiredis
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from semcache.stores.lua import Argument

MOST: Final = 1000
"""Calls under way: what comes beyond them goes another way."""
_SECOND_LOOK_S: Final = 0.002
_NOTHING: Final = object()
_OWN_FAULT: Final = ("NOSCRIPT", "WRONGTYPE", "ERR")
"""How errors begin that speak of a call, and not of the server."""


class Lost(Exception):
    """A call's answer will not come this way."""


def packed(command: tuple[Argument, ...]) -> bytes:
    """A command as its bytes. Raises TypeError for an argument that has none."""
    whole: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub has one argument
    return whole


class _Hearer:
    """Who waits by a function, in the place of a future: it is called in the turn in which the answer comes."""

    __slots__ = ("_hear",)

    def __init__(self, hear: Callable[[Any], None]) -> None:
        self._hear = hear

    def done(self) -> bool:
        """It can only be told."""
        return False

    def set_result(self, found: Any) -> None:
        """Tell it."""
        self._hear(found)

    def set_exception(self, error: Exception) -> None:
        """Tell it that nothing will come."""
        self._hear(error)


class Lane(asyncio.Protocol):
    """One connection, from its opening to its end."""

    def __init__(self, deadline_s: float) -> None:
        """`deadline_s`: a server that leaves a call unanswered for so long is given up."""
        self._deadline_s = deadline_s
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._waiting: deque[tuple[float, asyncio.Future[Any] | _Hearer]] = deque()
        self._outgoing: list[bytes] = []
        self._transport: asyncio.WriteTransport | None = None
        self._former: asyncio.BaseProtocol | None = None
        self._connection: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._late: asyncio.Future[Any] | _Hearer | None = None
        """The call that was found to wait too long at the last look."""

    async def open(self, connection: Any) -> None:
        """Take over a connection of redis-py that was just made. Raises its errors; Lost where it cannot be taken."""
        await connection.connect()
        writer, reader = connection._writer, connection._reader
        if writer is None or reader._buffer or connection._parser._reader.has_data():
            await connection.disconnect()
            raise Lost("the server has said more than it was asked")
        self._connection = connection
        self._former = writer.transport.get_protocol()
        writer.transport.set_protocol(self)
        self._transport = writer.transport

    @property
    def usable(self) -> bool:
        """Whether a call may be made."""
        return self._transport is not None and len(self._waiting) < MOST

    @property
    def ended(self) -> bool:
        """Whether it is open no more."""
        return self._transport is None

    def now(self) -> float:
        """The clock of its deadline, in seconds."""
        return self._loop.time()

    def call(self, *command: Argument) -> asyncio.Future[Any]:
        """Send a command; a future of its answer, or of the server's error as a value. Fails with Lost."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._send(command, answer)
        return answer

    def tell(self, hear: Callable[[Any], None], *command: Argument) -> None:
        """Send a command; `hear` is given its answer, the server's error as a value, or Lost. It must not raise."""
        self._send(command, _Hearer(hear))

    def _send(self, command: tuple[Argument, ...], answer: asyncio.Future[Any] | _Hearer) -> None:
        if not self._outgoing:  # a write is a system call: those of one turn of the loop share one
            self._loop.call_soon(self._write)
        self._outgoing.append(packed(command))
        until = self._loop.time() + self._deadline_s
        self._waiting.append((until, answer))
        if self._timer is None:
            self._timer = self._loop.call_at(until, self._look)

    def _write(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if self._transport is not None:
            self._transport.write(b"".join(outgoing))

    def close(self) -> None:
        """End it: who waits has lost."""
        transport, self._transport = self._transport, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if transport is not None:
            transport.abort()
            self._connection._close()
        waiting, self._waiting = self._waiting, deque()
        for _, answer in waiting:
            if not answer.done():
                answer.set_exception(Lost())

    def _look(self) -> None:
        """Whether the oldest call waits too long. One timer for all: most of them end long before.

        A loop that was late itself may have the answer at hand: what is read before the second look counts.
        """
        self._timer = None
        if not self._waiting:
            return
        until, oldest = self._waiting[0]
        if until > self._loop.time():
            self._timer = self._loop.call_at(until, self._look)
        elif oldest is self._late:
            self.close()
        else:
            self._late = oldest
            self._timer = self._loop.call_later(_SECOND_LOOK_S, self._look)

    # -- asyncio.Protocol -----------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Give each whole answer to whom it is for."""
        reader, waiting = self._reader, self._waiting
        reader.feed(data)
        try:
            while (found := reader.gets()) is not _NOTHING:
                if isinstance(found, hiredis.PushNotification):
                    continue
                _, answer = waiting.popleft()
                if not answer.done():  # else its caller went away
                    answer.set_result(found)
                if isinstance(found, Exception) and not str(found).startswith(_OWN_FAULT):
                    self.close()
                    return
        except (hiredis.HiredisError, IndexError):  # not the protocol, or an answer that nobody asked for
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        """The server is gone, or the connection was closed."""
        self.close()
        if self._former is not None:  # what waits there for its end
            with contextlib.suppress(RedisError):
                self._former.connection_lost(error)
