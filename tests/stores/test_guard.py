"""Deadlines, the error table and the breaker, against real servers that are paused, full, loading or dead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis import exceptions as foreign
from redis.asyncio import Redis

from semcache.errors import StoreFull, StoreTimeout, StoreUnavailable
from semcache.settings import Settings, StoreSettings
from semcache.stores.connect import connect
from semcache.stores.guard import Guard, translate
from tests import servers
from tests.patience import LONG_S
from tests.servers import Server


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Calls:
    """A store that fails as it is told, and counts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.count = 0

    async def __call__(self) -> str:
        self.count += 1
        if self.error is not None:
            raise self.error
        return "answer"


class Waiting:
    """A call that fails once its gate is open."""

    def __init__(self, gate: asyncio.Event) -> None:
        self.gate = gate

    async def __call__(self) -> None:
        await self.gate.wait()
        raise DEAD


DEAD = foreign.ConnectionError("refused")


def guard_of(clock: Clock, **settings: Any) -> Guard:
    return Guard(StoreSettings(**{"breaker_failures": 3, "breaker_pause_s": 1.0} | settings), clock=clock)


async def fail(guard: Guard, calls: Calls, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(StoreUnavailable):
            await guard.run(calls)


@pytest.fixture
def server() -> Iterator[Server]:
    with servers.server() as one:
        yield one


@pytest.mark.parametrize("how", ["client pause", "sigstop"])
async def test_a_paused_server_is_left_at_the_deadline_and_found_again(server, how):
    client = await connect(Settings(), server.url)
    guard = Guard(StoreSettings(deadline_s=0.1))
    await guard.run(lambda: client.execute_command("SET", "k", "v"), deadline_s=LONG_S)
    with server.client() as direct:
        if how == "sigstop":
            server.pause()
        else:
            direct.client_pause(1500)  # ends by itself: CLIENT UNPAUSE would be paused too
        began = time.monotonic()
        with pytest.raises(StoreTimeout):
            await guard.run(lambda: client.execute_command("GET", "k"))
        assert time.monotonic() - began > 0.09
        if how == "sigstop":
            server.resume()
    assert await guard.run(lambda: client.execute_command("GET", "k"), deadline_s=LONG_S) == b"v"
    await client.aclose()


async def test_no_answer_of_an_abandoned_call_reaches_a_later_one(store_backend, key_prefix):
    store = StoreSettings(cluster=store_backend.cluster, pool_size=256)
    client = await connect(Settings(redis_url=store_backend.url, store=store), None)
    guard = Guard(StoreSettings(breaker_failures=10_000, deadline_s=LONG_S))
    for number in range(20):
        await guard.run(lambda number=number: client.execute_command("SET", f"{key_prefix}{number}", str(number)))

    async def read(number: int) -> None:
        deadline_s = 0.0005 if number % 3 else LONG_S
        try:
            answer = await guard.run(
                lambda: client.execute_command("GET", f"{key_prefix}{number % 20}"), deadline_s=deadline_s
            )
        except StoreTimeout:
            return
        assert answer == str(number % 20).encode()

    for _ in range(5):
        await asyncio.gather(*(read(number) for number in range(200)))
    await client.aclose()


async def test_a_full_server_is_said_to_be_full_by_commands_and_scripts():
    with servers.server(maxmemory="2mb") as server:
        client = await connect(Settings(), server.url)
        guard = Guard(StoreSettings(breaker_failures=1, deadline_s=LONG_S))
        with server.client() as direct:
            direct.config_set("maxmemory", 1)
        with pytest.raises(StoreFull):
            await guard.run(lambda: client.execute_command("SET", "k", "v"))
        with pytest.raises(StoreFull):
            await guard.run(
                lambda: client.execute_command("EVAL", "#!lua\nreturn redis.call('SET', KEYS[1], 'v')", 1, "k")
            )
        assert not guard.open
        await client.aclose()


@pytest.mark.parametrize(
    ("error", "becomes", "dead"),
    [
        (TimeoutError(), StoreTimeout, True),
        (foreign.TimeoutError("t"), StoreTimeout, True),
        (foreign.OutOfMemoryError("OOM"), StoreFull, False),
        (foreign.BusyLoadingError("LOADING"), StoreUnavailable, True),
        (foreign.AuthenticationError("no"), StoreUnavailable, True),
        (foreign.MaxConnectionsError("many"), StoreUnavailable, False),
        (foreign.ConnectionError("c"), StoreUnavailable, True),
        (foreign.ClusterDownError("CLUSTERDOWN"), StoreUnavailable, True),
        (foreign.SlotNotCoveredError("s"), StoreUnavailable, True),
        (foreign.ReadOnlyError("READONLY"), StoreUnavailable, True),
        (foreign.NoScriptError("NOSCRIPT"), StoreUnavailable, False),
        (foreign.ResponseError("WRONGTYPE"), StoreUnavailable, False),
        (foreign.DataError("d"), StoreUnavailable, False),
        (ConnectionResetError(), StoreUnavailable, True),
    ],
)
def test_the_table(error, becomes, dead):
    ours, speaks_of_death = translate(error)
    assert type(ours) is becomes
    assert speaks_of_death is dead


def test_every_exception_of_the_client_is_in_the_table():
    for theirs in vars(foreign).values():
        if isinstance(theirs, type) and issubclass(theirs, foreign.RedisError | foreign.RedisClusterException):
            assert isinstance(translate(theirs.__new__(theirs))[0], StoreUnavailable)


async def test_a_bug_is_not_taken_for_an_outage():
    guard = guard_of(Clock())
    with pytest.raises(KeyError):
        await guard.run(Calls(KeyError("bug")))
    assert not guard.open


async def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through():
    clock, calls = Clock(), Calls(DEAD)
    guard = guard_of(clock)
    await fail(guard, calls, 2)
    calls.error = None
    await guard.run(calls)  # a success between them: not in a row
    calls.error = DEAD
    await fail(guard, calls, 3)
    assert guard.open
    asked = calls.count
    await fail(guard, calls, 5)
    assert calls.count == asked
    clock.now += 1.0
    await fail(guard, calls, 5)
    assert calls.count == asked + 1
    clock.now += 1.0
    calls.error = None
    assert await guard.run(calls) == "answer"
    assert not guard.open


async def test_only_one_probe_at_a_time_and_a_cancelled_one_makes_room():
    clock = Clock()
    guard = guard_of(clock)
    await fail(guard, Calls(DEAD), 3)
    clock.now += 1.0
    probe = asyncio.create_task(guard.run(lambda: asyncio.sleep(60), deadline_s=60))
    await asyncio.sleep(0)
    calls = Calls()
    await fail(guard, calls)
    assert calls.count == 0
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert await guard.run(calls) == "answer"


async def test_an_error_reply_is_a_sign_of_life():
    guard = guard_of(Clock())
    for _ in range(5):
        await fail(guard, Calls(DEAD), 2)
        await fail(guard, Calls(foreign.ResponseError("WRONGTYPE")))
    assert not guard.open


async def test_calls_that_were_under_way_at_a_failure_belong_to_it():
    clock = Clock()
    guard = guard_of(clock)
    for incident in range(1, 4):
        gates = [asyncio.Event() for _ in range(10)]
        under_way = [asyncio.create_task(guard.run(Waiting(gate), deadline_s=60)) for gate in gates]
        await asyncio.sleep(0)
        for task, gate in zip(under_way, gates, strict=True):  # they need not fail in the same moment
            clock.now += 0.1
            gate.set()
            with pytest.raises(StoreUnavailable):
                await task
        assert guard.open is (incident == 3)
        clock.now += 0.001


async def test_what_a_call_waited_another_way_counts_as_its_own_wait():
    clock = Clock()
    guard = guard_of(clock, deadline_s=0.5)
    await fail(guard, Calls(DEAD))
    for _ in range(5):  # with nothing left of their deadline: they were asked before that failure
        clock.now += 0.1
        with pytest.raises(StoreUnavailable):
            await guard.run(Calls(DEAD), deadline_s=0.001)
    assert not guard.open
    for _ in range(2):
        clock.now += 0.5
        with pytest.raises(StoreUnavailable):
            await guard.run(Calls(DEAD), deadline_s=0.001)
    assert guard.open


async def test_a_late_failure_of_an_incident_that_is_over_is_none():
    clock = Clock()
    guard = guard_of(clock, breaker_failures=1)
    gate = asyncio.Event()
    under_way = asyncio.create_task(guard.run(Waiting(gate), deadline_s=60))
    await asyncio.sleep(0)
    clock.now += 0.1
    await fail(guard, Calls(DEAD))
    clock.now += 1.0
    await guard.run(Calls())
    gate.set()
    with pytest.raises(StoreUnavailable):
        await under_way
    assert guard.steady
    assert not guard.open


async def test_no_room_on_this_side_is_no_sign_of_life():
    clock = Clock()
    guard = guard_of(clock)
    await fail(guard, Calls(DEAD), 2)
    await fail(guard, Calls(foreign.MaxConnectionsError("many")))
    await fail(guard, Calls(DEAD))
    assert guard.open
    clock.now += 1.0
    await fail(guard, Calls(foreign.MaxConnectionsError("many")))
    assert guard.open
    assert await guard.run(Calls()) == "answer"


async def test_calls_under_way_when_it_opened_do_not_prolong_the_pause():
    clock = Clock()
    guard = guard_of(clock)
    gate = asyncio.Event()
    under_way = asyncio.create_task(guard.run(Waiting(gate), deadline_s=60))
    await asyncio.sleep(0)
    await fail(guard, Calls(DEAD), 3)
    clock.now += 0.9
    gate.set()
    with pytest.raises(StoreUnavailable):
        await under_way
    clock.now += 0.2
    assert await guard.run(Calls()) == "answer"


async def test_a_dead_server_costs_next_to_nothing_once_the_breaker_is_open(server):
    client: Redis = await connect(Settings(), server.url)
    guard = Guard(StoreSettings(breaker_failures=2, breaker_pause_s=0.2, deadline_s=LONG_S))
    server.kill()
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await guard.run(lambda: client.execute_command("GET", "k"))
    assert guard.open
    await asyncio.to_thread(server.start)
    deadline = time.monotonic() + LONG_S
    while guard.open:
        try:
            await guard.run(lambda: client.execute_command("GET", "k"))
        except StoreUnavailable:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
    await client.aclose()
