"""Warming on a real store: bounded, budgeted, resumable by another replica."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from semcache.admin import jobs
from semcache.admin.job_record import JobContext
from semcache.admin.jobs import Jobs
from semcache.errors import ConfigError, RequestError, UpstreamUnavailable
from semcache.gateway.warm_list import numbered, read_lines
from semcache.gateway.warm_store import WarmLists
from semcache.gateway.warming import Fetched, Warmer, WarmItem
from semcache.settings import Settings
from semcache.stores.store import RedisStore
from tests.conftest import Backend
from tests.ops import opened, settings_for, until

UPSTREAM = {"upstream_base_url": "http://127.0.0.1:1", "upstream_api_key": "k"}


@pytest.fixture
def settings(standalone_server: str, key_prefix: str) -> Settings:
    return settings_for(Backend(standalone_server), key_prefix, **UPSTREAM)


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[RedisStore]:
    async with opened(settings) as store:
        yield store


class Upstream:
    """Stands for the gateway: fetches each prompt once, and counts."""

    def __init__(self, answer: Callable[[WarmItem], Awaitable[Fetched]] | None = None) -> None:
        self.asked: Counter[int] = Counter()
        self.present: set[bytes] = set()
        self.inside = self.most = 0
        self._answer = answer

    async def fetch(self, item: WarmItem) -> Fetched:
        if item.body in self.present:
            return Fetched(outcome="present", cost_usd=0.0)
        self.asked[item.line] += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await asyncio.sleep(0)
            fetched = await self._answer(item) if self._answer else Fetched(outcome="stored", cost_usd=0.5)
        finally:
            self.inside -= 1
        if fetched.outcome == "stored":
            self.present.add(item.body)
        return fetched


class Replica:
    """A job runner with a warmer, which may die."""

    def __init__(self, settings: Settings, store: RedisStore, upstream: Upstream, name: str = "a") -> None:
        self.jobs = Jobs(store.control, name, poll_s=0.02, lease_s=1.0)
        self.warmer = Warmer(settings, store.control, self.jobs, upstream.fetch)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.jobs.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def finished(self, job_id: str) -> Any:
        async def look() -> Any:
            status = await self.jobs.get(job_id)
            return status if status.finished else None

        return await until(look, what=f"the end of job {job_id}")


def items(count: int) -> list[WarmItem]:
    lines = (b"Question %d" % number for number in range(count))
    return read_lines(numbered(lines), model="m", namespace=lambda name: name or "default", longest=1000)


async def test_what_is_missing_is_fetched_a_few_at_a_time(settings: Settings, store: RedisStore) -> None:
    upstream = Upstream()
    replica = Replica(settings, store, upstream)
    upstream.present = {item.body for item in items(10)}
    async with replica.running():
        job_id = await replica.warmer.queue(items(500), who="ada", concurrency=3)
        status = await replica.finished(job_id)
    assert (status.state, status.done, status.total, status.who) == ("done", 500, 500, "ada")
    assert status.result == {
        "present": 10, "stored": 490, "refused": 0, "failed": 0,
        "left": 0, "cost_usd": 245.0, "stopped": None, "reasons": {}, "problems": [],
    }  # fmt: skip
    assert upstream.most == 3
    assert set(upstream.asked.values()) == {1}
    assert status.params["namespace"] == "default"

    async def nothing_left() -> bool:
        return await store.control.names(f"warm:{status.params['list']}:") == []

    await until(nothing_left, what="the items to be forgotten")


async def test_what_came_to_nothing_is_told_by_line(settings: Settings, store: RedisStore) -> None:
    async def answer(item: WarmItem) -> Fetched:
        if item.line == 2:
            return Fetched(outcome="refused", reason="time_sensitive", cost_usd=0.0)
        if item.line == 3:
            raise UpstreamUnavailable("no connection")
        return Fetched(outcome="stored", cost_usd=None)

    replica = Replica(settings, store, Upstream(answer))
    async with replica.running():
        status = await replica.finished(await replica.warmer.queue(items(4), who="ada"))
    assert status.result["reasons"] == {"time_sensitive": 1, "upstream_unavailable": 1}
    assert status.result["problems"] == [
        {"line": 2, "outcome": "refused", "reason": "time_sensitive"},
        {"line": 3, "outcome": "failed", "reason": "upstream_unavailable"},
    ]


@pytest.mark.parametrize("configured", [None, 1.0])
async def test_nothing_is_begun_once_the_budget_is_spent(
    settings: Settings, store: RedisStore, configured: float | None
) -> None:
    settings = settings.model_copy(update={"warm": settings.warm.model_copy(update={"budget_usd": configured})})
    upstream = Upstream()
    replica = Replica(settings, store, upstream)
    asked = 1.0 if configured is None else 100.0  # the operator's is an upper bound
    async with replica.running():
        job_id = await replica.warmer.queue(items(50), who="ada", budget_usd=asked, concurrency=1)
        status = await replica.finished(job_id)
    assert (status.state, status.result["stopped"]) == ("done", "budget_spent")
    assert (status.result["stored"], status.result["left"], status.result["cost_usd"]) == (2, 48, 1.0)
    assert sum(upstream.asked.values()) == 2


async def test_a_budget_needs_prices(settings: Settings, store: RedisStore) -> None:
    async def answer(_: WarmItem) -> Fetched:
        return Fetched(outcome="stored", cost_usd=None)

    replica = Replica(settings, store, Upstream(answer))
    async with replica.running():
        job_id = await replica.warmer.queue(items(9), who="ada", budget_usd=1.0, concurrency=1)
        status = await replica.finished(job_id)
    assert (status.result["stopped"], status.result["stored"]) == ("price_unknown", 1)


async def test_an_upstream_that_only_fails_is_left_alone(settings: Settings, store: RedisStore) -> None:
    async def answer(_: WarmItem) -> Fetched:
        return Fetched(outcome="failed", reason="upstream_timeout")

    upstream = Upstream(answer)
    replica = Replica(settings, store, upstream)
    async with replica.running():
        status = await replica.finished(await replica.warmer.queue(items(500), who="ada", concurrency=2))
    assert status.result["stopped"] == "upstream_fails"
    assert sum(upstream.asked.values()) <= 21


async def test_another_replica_goes_on_where_one_died(
    settings: Settings, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semcache.gateway.warming._RECORD_S", 0.0)
    hold = asyncio.Event()

    async def answer(item: WarmItem) -> Fetched:
        if item.line > 230 and not hold.is_set():
            await hold.wait()
        return Fetched(outcome="stored", cost_usd=0.01)

    upstream = Upstream(answer)
    one, two = Replica(settings, store, upstream, "one"), Replica(settings, store, upstream, "two")

    async def reached() -> bool:
        return len(upstream.present) == 230

    task = asyncio.create_task(one.jobs.run())
    job_id = await one.warmer.queue(items(300), who="ada", concurrency=4)
    await until(reached, what="230 items")
    # It dies: no clean-up reaches the store, its lease must run out.
    store_of_one = one.warmer._lists
    monkeypatch.setattr(store_of_one, "record", lambda *_: asyncio.sleep(0))
    monkeypatch.setattr(one.jobs, "_control", _Dead())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    before = upstream.asked.copy()
    hold.set()
    async with two.running():
        status = await two.finished(job_id)
    assert (status.state, status.done) == ("done", 300)
    assert sum(status.result[name] for name in ("present", "stored", "refused", "failed")) == 300
    again = {line for line in before if upstream.asked[line] > before[line]}
    assert again == {231, 232, 233, 234}  # those that were under way when it died
    assert max(upstream.asked.values()) == 2
    assert status.result["cost_usd"] == pytest.approx(3.0)


class _Dead:
    async def release(self, *_: Any) -> None:
        return None


async def test_a_cancelled_warming_stops_between_two_items(
    settings: Settings, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, contexts = asyncio.Semaphore(5), list[JobContext]()

    def watched(job_id: str) -> JobContext:
        contexts.append(JobContext(job_id))
        return contexts[-1]

    monkeypatch.setattr(jobs, "JobContext", watched)

    async def answer(_: WarmItem) -> Fetched:
        await gate.acquire()
        return Fetched(outcome="stored", cost_usd=0.0)

    upstream = Upstream(answer)
    replica = Replica(settings, store, upstream)
    async with replica.running():
        job_id = await replica.warmer.queue(items(100), who="ada", concurrency=1)

        async def five() -> bool:
            return len(upstream.present) == 5

        await until(five, what="five items")
        await replica.jobs.cancel(job_id)

        async def noticed() -> bool:
            return contexts[0].cancelled

        await until(noticed, what="the runner to notice")
        for _ in range(10):
            gate.release()
        status = await replica.finished(job_id)
    assert (status.state, status.result["stopped"], status.result["stored"]) == ("cancelled", "cancelled", 6)


async def test_evicted_items_are_told(settings: Settings, store: RedisStore) -> None:
    replica = Replica(settings, store, Upstream())
    job_id = await replica.warmer.queue(items(450), who="ada")
    list_id = (await replica.jobs.get(job_id)).params["list"]
    await store.control.hset(f"warm:{list_id}:1", {"0": ""}, ttl_s=0.001)
    async with replica.running():
        status = await replica.finished(job_id)
    assert status.state == "failed"
    assert "evicted" in status.error


async def test_without_the_operators_key_nobody_is_asked(settings: Settings, store: RedisStore) -> None:
    keyless = settings.model_copy(update={"upstream_api_key": None})
    with pytest.raises(RequestError, match="operator's own key"):
        await Replica(keyless, store, Upstream()).warmer.queue(items(1), who="ada")
    with pytest.raises(RequestError, match="nothing to warm"):
        await Replica(settings, store, Upstream()).warmer.queue([], who="ada")


async def test_a_file_is_warmed_by_one_of_the_replicas_that_start(
    settings: Settings, store: RedisStore, tmp_path: Path
) -> None:
    file = tmp_path / "warm.jsonl"
    file.write_text('{"prompt": "Why?", "model": "m"}\n')
    replicas = [Replica(settings, store, Upstream(), name) for name in "abc"]
    queued = await asyncio.gather(*(replica.warmer.warm_file(file) for replica in replicas))
    assert len([job_id for job_id in queued if job_id is not None]) == 1
    file.write_text('{"prompt": "Why not?", "model": "m"}\n')  # another list is another matter
    assert await replicas[0].warmer.warm_file(file) is not None
    file.write_text("no model\n")
    with pytest.raises(ConfigError, match=r"warm\.jsonl': line 1: `model`"):
        await replicas[0].warmer.warm_file(file)
    with pytest.raises(ConfigError, match="No such file"):
        await replicas[0].warmer.warm_file(tmp_path / "none")


async def test_progress_survives_a_round_trip(store: RedisStore) -> None:
    lists = WarmLists(store.control)
    list_id = await lists.keep(items(3))
    progress = await lists.progress(list_id)
    progress.count(1, "failed", "upstream_timeout")
    progress.cost_usd = 0.25
    await lists.record(list_id, progress)
    assert await lists.progress(list_id) == progress
    assert [item.line async for item in lists.items(list_id, 1)] == [2, 3]
