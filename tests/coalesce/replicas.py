"""Replicas that coalesce, and what their leaders do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from semcache.coalesce import Coalescer, Flight, Passage, Work
from semcache.models import FillToken, Strategy
from semcache.ports import Boarding
from semcache.settings import Settings
from semcache.stores.store import RedisStore
from tests.contract.records import draft, eventually, identity

LEAD, FOLLOW, LANDED = Boarding.LEAD, Boarding.FOLLOW, Boarding.LANDED
FAR = 1 << 50
WHO = identity("q")
FRAMES = [b"head", *(b"chunk %d" % n for n in range(20)), b"end"]


class Replica:
    """A store of its own and the coalescer on it: one process's view."""

    def __init__(self, settings: Settings, *, lease_s: float = 5.0) -> None:
        self.store = RedisStore(settings, None)
        self.degraded: list[tuple[str, str, str]] = []
        self.coalescer = Coalescer(
            self.store.flights, lease_s=lease_s, degraded=lambda *what: self.degraded.append(what)
        )

    async def board(self, work: Work, *, since_ms: int = FAR) -> Passage:
        return await self.coalescer.board(WHO.entry_id, since_ms=since_ms, work=work)


class Kitchen:
    """What leaders do here: push FRAMES, the rest of them once `go` is set, and store as a gateway would."""

    def __init__(self, replica: Replica | None = None, *, pause_s: float = 0.0) -> None:
        self.replica = replica
        self.pause_s = pause_s
        self.begun = 0
        self.go = asyncio.Event()
        self.store_go = asyncio.Event()
        self.store_go.set()
        self.outcomes: list[Any] = []

    async def work(self, flight: Flight) -> None:
        self.begun += 1
        for frame in FRAMES[:5]:
            flight.push(frame)
        await self.go.wait()
        for frame in FRAMES[5:]:
            flight.push(frame)
            await asyncio.sleep(self.pause_s)
        flight.land()
        await self.store_go.wait()
        if self.replica is not None:
            entries = self.replica.store.entries
            read = await entries.read(WHO, Strategy.EXACT)
            fill = FillToken(WHO.entry_id, read.epoch, read.fence, read.now_ms, flight.token)
            self.outcomes.append(await entries.put(draft(WHO, fill=fill)))


Start = Callable[..., Awaitable[Replica]]


async def read(passage: Passage) -> list[bytes]:
    assert passage.flight is not None
    return [frame async for frame in passage.flight.frames()]


async def until(condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await eventually(holds, timeout_s=20)
