"""Gathering: calls of one script that are made in one turn of the event loop go to the store together.

A round trip of the client costs several times what the store takes for a read, so under load the cost is that of the
number of trips. Nobody waits for company: a call that is made while none is under way goes by itself, at once; only
what comes while others are on their way is sent with what else comes in that turn. One that fails by itself (a damaged
key) fails alone; a connection that breaks, or a deadline, ends all that it carried, as it would have ended each. In a
cluster each call goes by itself, since one dead node must not fail what others hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from semcache.errors import StoreUnavailable
from semcache.stores.lua import Argument, Call, Link

_MOST: Final = 128
"""Calls sent together: more are sent as several."""


class Gathering:
    """Calls of one script over a `Link`. Belongs to one event loop."""

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self._name = name
        self._under_way = 0
        self._waiting: list[tuple[Call, asyncio.Future[Any]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self, base: bytes, args: Sequence[Argument]) -> Any:
        """As `Link.run`, inside the data plane's deadline. Raises StoreUnavailable."""
        if not self._under_way or self._link.clustered:
            self._under_way += 1
            try:
                return await self._link.run(self._name, base, args)
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
