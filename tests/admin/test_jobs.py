"""Jobs on a real store: done once or by each, taken over, cancelled, reported by any replica."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from semcache.admin.jobs import JobContext, Jobs
from semcache.errors import NotFound, RequestError, StoreUnavailable
from semcache.stores.store import RedisStore
from tests.conftest import Backend
from tests.ops import opened, settings_for, until
from tests.patience import LONG_S


@pytest.fixture
async def store(store_backend: Backend, key_prefix: str) -> AsyncIterator[RedisStore]:
    async with opened(settings_for(store_backend, key_prefix)) as store:
        yield store


def replica(store: RedisStore, name: str, **fields: Any) -> Jobs:
    return Jobs(store.control, name, poll_s=0.02, lease_s=fields.pop("lease_s", 2.0), **fields)


@asynccontextmanager
async def running(*replicas: Jobs) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(jobs.run()) for jobs in replicas]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def finished(jobs: Jobs, job_id: str) -> Any:
    async def look() -> Any:
        status = await jobs.get(job_id)
        return status if status.finished else None

    return await until(look, what=f"the end of job {job_id}")


async def test_one_replica_does_it_and_any_reports_it(store: RedisStore) -> None:
    done_by = []

    def doing(name: str) -> Any:
        async def handler(params: dict[str, Any], context: JobContext) -> Mapping[str, Any]:
            done_by.append(name)
            context.progress(params["n"], params["n"])
            return {"n": params["n"]}

        return handler

    a, b = replica(store, "a"), replica(store, "b")
    a.register("count", "one", doing("a"))
    b.register("count", "one", doing("b"))
    async with running(a, b):
        job_id = await a.submit("count", {"n": 7}, who="ada")
        status = await finished(b, job_id)
    assert len(done_by) == 1
    assert (status.state, status.done, status.total, status.result, status.who) == ("done", 7, 7, {"n": 7}, "ada")
    assert [job.job_id for job in await b.recent()] == [job_id]


async def test_each_replica_does_it_in_turn(store: RedisStore) -> None:
    inside, most, done_by = 0, 0, []

    def doing(name: str) -> Any:
        async def handler(params: dict[str, Any], context: JobContext) -> None:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.05)
            inside -= 1
            done_by.append(name)

        return handler

    replicas = [replica(store, name) for name in "abc"]
    for jobs in replicas:
        jobs.register("rebuild", "each", doing(jobs.replica_id))
    async with running(*replicas):
        await until(lambda: _count_replicas(replicas[0], 3), what="three heartbeats")
        first = await replicas[0].submit("rebuild", {}, who="ada")
        second = await replicas[1].submit("rebuild", {}, who="bob")
        statuses = [await finished(replicas[2], job_id) for job_id in (first, second)]
    assert [status.state for status in statuses] == ["done", "done"]
    assert most == 1
    assert sorted(done_by) == list("aabbcc")
    assert {name: state.state for name, state in statuses[0].replicas.items()} == dict.fromkeys("abc", "done")


async def _count_replicas(jobs: Jobs, count: int) -> bool:
    return len(await jobs.replicas()) == count


async def test_a_dead_replica_is_left_out_of_each(store: RedisStore) -> None:
    async def handler(params: dict[str, Any], context: JobContext) -> None:
        return None

    a, ghost = replica(store, "a"), replica(store, "ghost", lease_s=0.6)
    a.register("rebuild", "each", handler)
    await ghost.beat()
    async with running(a):
        job_id = await a.submit("rebuild", {}, who="ada")
        status = await finished(a, job_id)
    assert status.state == "done"
    assert list(status.replicas) == ["a"]


async def test_another_replica_takes_over_when_the_leader_dies(store: RedisStore) -> None:
    started = asyncio.Event()

    async def hanging(params: dict[str, Any], context: JobContext) -> None:
        started.set()
        await asyncio.Event().wait()

    async def quick(params: dict[str, Any], context: JobContext) -> Mapping[str, Any]:
        return {"by": "b"}

    a, b = replica(store, "a", lease_s=1.5), replica(store, "b", lease_s=1.5)
    a.register("work", "one", hanging)
    b.register("work", "one", quick)
    async with running(a):
        job_id = await a.submit("work", {}, who="ada")
        await asyncio.wait_for(started.wait(), LONG_S)
        async with running(b):  # b sees the job and cannot have it while a renews its lease
            await asyncio.sleep(2.0)
            assert (await b.get(job_id)).state == "running"
            assert (await b.get(job_id)).result is None
    async with running(b):  # a is gone; b starts after it and finds the job in the stream
        status = await finished(b, job_id)
    assert status.result == {"by": "b"}


async def test_a_wall_clock_that_is_set_back_costs_neither_heartbeat_nor_lease(store: RedisStore) -> None:
    wall = 1_000_000.0
    release = asyncio.Event()

    def clock() -> float:
        nonlocal wall
        wall -= 60.0
        return wall

    async def slow(params: dict[str, Any], context: JobContext) -> Mapping[str, Any]:
        await release.wait()
        return {"by": "a"}

    async def thief(params: dict[str, Any], context: JobContext) -> Mapping[str, Any]:
        return {"by": "b"}

    a, b = replica(store, "a", lease_s=1.5, clock=clock), replica(store, "b", lease_s=1.5)
    a.register("work", "one", slow)
    b.register("work", "one", thief)
    async with running(a):
        job_id = await a.submit("work", {}, who="ada")

        async def under_way() -> bool:
            return (await b.get(job_id)).state == "running"

        await until(under_way, what="a to begin")
        async with running(b):
            await asyncio.sleep(2.0)  # longer than the two leases: both must have been renewed
            assert "a" in await b.replicas()
            release.set()
            status = await finished(b, job_id)
    assert status.result == {"by": "a"}


async def test_cancel_stops_between_batches(store: RedisStore) -> None:
    async def handler(params: dict[str, Any], context: JobContext) -> Mapping[str, Any]:
        done = 0
        while not context.cancelled:
            done += 1
            context.progress(done, 1_000_000)
            await asyncio.sleep(0.01)
        return {"stopped": True}

    a, b = replica(store, "a"), replica(store, "b")
    a.register("work", "one", handler)
    async with running(a):
        job_id = await a.submit("work", {}, who="ada")

        async def under_way() -> Any:
            status = await b.get(job_id)
            return status if status.done and status.rate else None

        status = await until(under_way, what="progress")
        assert status.state == "running"
        assert status.eta_s is not None
        assert status.eta_s > 0
        await b.cancel(job_id)
        status = await finished(b, job_id)
    assert status.state == "cancelled"
    assert status.result == {"stopped": True}


async def test_a_job_cancelled_while_queued_never_starts(store: RedisStore) -> None:
    ran = []

    async def handler(params: dict[str, Any], context: JobContext) -> None:
        ran.append(1)

    a = replica(store, "a")
    a.register("work", "one", handler)
    job_id = await a.submit("work", {}, who="ada")
    assert (await a.cancel(job_id)).state == "cancelled"
    async with running(a):
        await until(lambda: _closed(a), what="the job to be closed")
    assert (await a.get(job_id)).state == "cancelled"
    assert not ran


async def _closed(jobs: Jobs) -> bool:
    return not jobs._open


async def test_failures_say_why_and_outages_do_not_fail_a_job(store: RedisStore) -> None:
    tries = []

    async def wrong(params: dict[str, Any], context: JobContext) -> None:
        raise RequestError("no such thing")

    async def bug(params: dict[str, Any], context: JobContext) -> None:
        raise KeyError("oops")

    async def flaky(params: dict[str, Any], context: JobContext) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnavailable("away")

    async def hopeless(params: dict[str, Any], context: JobContext) -> None:
        raise StoreUnavailable("away for good")

    a = replica(store, "a")
    for kind, handler in (("wrong", wrong), ("bug", bug), ("flaky", flaky), ("hopeless", hopeless)):
        a.register(kind, "one", handler)
    async with running(a):
        ids = {kind: await a.submit(kind, {}, who="ada") for kind in ("wrong", "bug", "flaky", "hopeless")}
        ends = {kind: await finished(a, job_id) for kind, job_id in ids.items()}
    assert (ends["wrong"].state, ends["wrong"].error) == ("failed", "invalid_request: no such thing")
    assert (ends["bug"].state, ends["bug"].error) == ("failed", "internal: KeyError: 'oops'")
    assert ends["flaky"].state == "done"
    assert len(tries) == 3
    assert ends["hopeless"].state == "failed"
    assert "away for good (after 5 attempts)" in ends["hopeless"].error


async def test_unknown_jobs_and_kinds(store: RedisStore) -> None:
    a = replica(store, "a")
    with pytest.raises(NotFound):
        await a.get("nope")
    with pytest.raises(NotFound):
        await a.cancel("nope")
    with pytest.raises(RequestError, match="no jobs of kind"):
        await a.submit("dance", {}, who="ada")


async def test_heartbeats_tell_of_live_replicas(store: RedisStore) -> None:
    a = replica(store, "a", lease_s=1.0, describe=lambda: {"rows": "3"})
    await a.beat()
    assert (await a.replicas())["a"]["rows"] == "3"
    await until(lambda: _count_replicas(a, 0), what="the heartbeat to run out")
