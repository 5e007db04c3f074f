"""A leader in a process of its own is killed, or stands still and comes back: replaced, it stores nothing any more."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from semcache.coalesce import Coalescer, Flight, FlightLost, Passage, Work
from semcache.models import FillToken, RefusedReason, Strategy
from semcache.ports import Boarding, Fenced, Written
from semcache.settings import Settings
from semcache.stores.store import RedisStore
from tests.conftest import Backend
from tests.contract.records import draft, identity
from tests.ops import opened, settings_for
from tests.patience import LONG_S

LEASE_S = 1.5
WHO = identity("q")

LEADER = """
import asyncio, sys

from semcache.coalesce import Coalescer
from semcache.models import FillToken, Strategy
from semcache.settings import Settings
from semcache.stores.store import RedisStore
from tests.contract.records import draft, identity


async def main(settings, lease_s):
    store, who = RedisStore(Settings.model_validate_json(settings), None), identity("q")
    await store.start()
    read = await store.entries.read(who, Strategy.EXACT)

    async def work(flight):
        flight.push(b"half")
        print(flight.token, flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        fill = FillToken(who.entry_id, read.epoch, read.fence, read.now_ms, flight.token)
        print(await store.entries.put(draft(who, response=b'"late"', fill=fill)), flush=True)

    coalescer = Coalescer(store.flights, lease_s=float(lease_s), degraded=lambda *what: None)
    passage = await coalescer.board(who.entry_id, since_ms=1 << 50, work=work)
    await passage.flight.settled()
    await store.aclose()


asyncio.run(main(*sys.argv[1:]))
"""


class Leader:
    """The leader's process, once it leads and has pushed a first frame."""

    def __init__(self, settings: Settings) -> None:
        told = settings.model_dump_json(include={"store"})[:-1] + f',"redis_url":"{_url(settings)}"}}'
        self._process = subprocess.Popen(
            [sys.executable, "-c", LEADER, told, str(LEASE_S)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.token = int(self.line())

    def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def go_on(self) -> None:
        """Let it store."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def send(self, number: signal.Signals) -> None:
        """Kill, pause, wake."""
        self._process.send_signal(number)

    def end(self) -> None:
        """End it in any case."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _url(settings: Settings) -> str:
    assert settings.redis_url is not None
    return settings.redis_url.get_secret_value()


@pytest.fixture
def settings(store_backend: Backend, key_prefix: str) -> Settings:
    return settings_for(store_backend, key_prefix)


@pytest.fixture
def leader(settings: Settings) -> Iterator[Leader]:
    made = Leader(settings)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[RedisStore]:
    async with opened(settings) as store:
        yield store


@pytest.fixture
async def replicas(store: RedisStore) -> AsyncIterator[list[Coalescer]]:
    """Two that follow."""
    made = [Coalescer(store.flights, lease_s=LEASE_S, degraded=lambda *what: None) for _ in range(2)]
    yield made
    for each in made:
        await each.aclose(within_s=0)


class Fetches:
    """Counts calls of upstream, and stores what they bring."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self.begun = 0
        self.outcomes: list[object] = []

    async def work(self, flight: Flight) -> None:
        self.begun += 1
        read = await self._store.entries.read(WHO, Strategy.EXACT)
        flight.push(b"whole")
        flight.land()
        fill = FillToken(WHO.entry_id, read.epoch, read.fence, read.now_ms, flight.token)
        self.outcomes.append(await self._store.entries.put(draft(WHO, response=b'"in time"', fill=fill)))


async def _fetch(replica: Coalescer, work: Work, seen: list[bytes]) -> bytes:
    """As a caller does: read, and where the flight is lost board again. Returns the whole frame."""
    since_ms, deadline = 1 << 50, time.monotonic() + LONG_S
    while time.monotonic() < deadline:
        passage: Passage = await replica.board(WHO.entry_id, since_ms=since_ms, work=work)
        if passage.boarding is Boarding.LANDED:
            return b"whole"
        assert passage.flight is not None
        try:
            frames = []
            async for frame in passage.flight.frames():
                frames.append(frame)
                seen.append(frame)
            return frames[-1]
        except FlightLost:
            since_ms = 0
    raise AssertionError("no answer")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_leader_that_falls_silent_is_replaced(
    number: signal.Signals, leader: Leader, store: RedisStore, replicas: list[Coalescer]
) -> None:
    fetches = Fetches(store)
    seen: list[list[bytes]] = [[], []]
    callers = [asyncio.create_task(_fetch(replicas[n % 2], fetches.work, seen[n % 2])) for n in range(20)]
    async with asyncio.timeout(LONG_S):
        while not all(b"half" in each for each in seen):  # its frames come over
            await asyncio.sleep(0.01)
    leader.send(number)
    assert set(await asyncio.gather(*callers)) == {b"whole"}
    assert fetches.begun == 1
    async with asyncio.timeout(LONG_S):
        while not fetches.outcomes:  # callers have their answer before it is stored
            await asyncio.sleep(0.01)
    assert isinstance(fetches.outcomes[0], Written)
    if number is signal.SIGSTOP:  # it comes back, and has its answer at last
        leader.go_on()
        leader.send(signal.SIGCONT)
        assert await asyncio.to_thread(leader.line) == f"{Fenced(RefusedReason.SUPERSEDED)}\n"
    read = await store.entries.read(WHO, Strategy.EXACT)
    assert read.exact is not None
    assert read.exact.entry.response == b'"in time"'
    assert (await store.flights.board(WHO.entry_id, since_ms=1 << 50, ttl_s=1)).token > leader.token
