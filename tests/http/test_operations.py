"""Health, readiness and metrics."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Histogram

from semcache.http.app import create_app
from semcache.http.metrics import _BUCKETS, Metrics
from semcache.models import Miss, MissReason, Usage
from semcache.ports import CallEvent, LookupEvent
from semcache.service import Service
from semcache.settings import Settings
from tests.http.conftest import Open
from tests.http.expect import assert_problem

QUESTION: dict[str, Any] = {"prompt": "How tall is the Eiffel Tower?", "model": "m1"}


def samples(text: str) -> dict[str, float]:
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


@pytest.fixture
async def unstarted(tmp_path: Path, standalone_server: str) -> AsyncIterator[httpx.AsyncClient]:
    service = Service(Settings(redis_url=standalone_server, embedder="off", data_dir=tmp_path, index_dir=tmp_path))
    transport = httpx.ASGITransport(app=create_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    await service.aclose()


async def test_before_the_start_is_complete(unstarted: httpx.AsyncClient) -> None:
    assert (await unstarted.get("/healthz")).json()["status"] == "up"
    ready = await unstarted.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "starting")
    answer = await unstarted.post("/v1/lookup", json=QUESTION)
    assert_problem(answer, 503, "starting")
    assert answer.headers["retry-after"] == "1"


async def test_ready_and_then_draining(client: httpx.AsyncClient) -> None:
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.json()["parts"]["store"]["ok"] is True
    client.app.state.site.draining = True  # type: ignore[attr-defined]
    drained = await client.get("/readyz")
    assert (drained.status_code, drained.json()["status"]) == (503, "draining")
    assert (await client.post("/v1/lookup", json=QUESTION)).status_code == 200
    assert (await client.get("/healthz")).status_code == 200


async def test_head_is_get_without_the_body(client: httpx.AsyncClient) -> None:
    answer = await client.head("/healthz")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_metrics_count_what_was_done(client: httpx.AsyncClient) -> None:
    await client.post("/v1/lookup", json=QUESTION)
    body = {**QUESTION, "response": 1, "usage": {"input_tokens": 7, "output_tokens": 3}, "cost_usd": 0.5}
    await client.post("/v1/store", json=body)
    for _ in range(3):
        await client.post("/v1/lookup", json=QUESTION)
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    seen = samples(answer.text)

    def requests(tier: str, outcome: str, reason: str) -> float:
        labels = f'model="m1",namespace="default",outcome="{outcome}",reason="{reason}",tier="{tier}"'
        ordered = {tuple(sorted(re.findall(r"\w+=\"[^\"]*\"", name))): value for name, value in seen.items()}
        return ordered[tuple(sorted(re.findall(r"\w+=\"[^\"]*\"", labels)))]

    assert requests("exact", "hit", "") == 3
    assert requests("none", "miss", "not_found") == 1
    assert seen['semcache_hits_total{namespace="default",tier="exact"}'] == 3
    assert seen['semcache_misses_total{namespace="default",reason="not_found"}'] == 1
    assert seen['semcache_tokens_saved_total{namespace="default"}'] == 30
    assert seen['semcache_cost_saved_usd_total{namespace="default"}'] == 1.5
    assert seen["llm_cache_hit_rate"] == 0.75
    assert seen['semcache_lookup_seconds_count{stage="total",tier="exact"}'] == 3
    assert seen['semcache_lookup_seconds_count{stage="store",tier="none"}'] == 1
    assert seen['semcache_stores_total{namespace="default",outcome="stored",reason=""}'] == 1
    assert seen['semcache_part_up{part="store"}'] == 1


def test_labels_that_callers_choose_are_bounded() -> None:
    metrics = Metrics()
    for number in range(500):
        metrics.looked_up(
            LookupEvent(
                namespace=f"n{number}",
                model=f"m{number}",
                outcome=Miss(reason=MissReason.NOT_FOUND),
                seconds=0,
                stages={},
            )
        )
    text = metrics.render({}, {}).decode()
    seen = {name: value for name, value in samples(text).items() if name.startswith("semcache_requests_total{")}
    assert len(seen) == 101
    assert sum(seen.values()) == 500
    assert next(value for name, value in seen.items() if 'model="other"' in name) == 400


def test_calls_are_paid_for_and_shared_ones_saved() -> None:
    metrics = Metrics()
    calls: list[tuple[int | None, bool]] = [(200, False), (200, True), (200, True), (503, False), (None, False)]
    for status, coalesced in calls:
        answered = status == 200
        metrics.called(
            CallEvent(
                namespace="n",
                model="m",
                upstream="main",
                status=status,
                seconds=3.0,
                usage=Usage(input_tokens=10, output_tokens=5) if answered else None,
                cost_usd=0.5 if answered else None,
                coalesced=coalesced,
            )
        )
    seen = samples(metrics.render({}, {}).decode())
    for label in ("200", "503", "none"):
        assert seen[f'semcache_upstream_calls_total{{status="{label}",upstream="main"}}'] == 1
    assert seen['semcache_upstream_seconds_count{upstream="main"}'] == 3
    assert seen['semcache_upstream_seconds_bucket{le="5.0",upstream="main"}'] == 3
    assert seen['semcache_coalesced_total{namespace="n"}'] == 2
    assert seen['semcache_tokens_paid_total{namespace="n"}'] == 15
    assert seen['semcache_cost_paid_usd_total{namespace="n"}'] == 0.5
    assert seen['semcache_tokens_saved_total{namespace="n"}'] == 30
    assert seen['semcache_cost_saved_usd_total{namespace="n"}'] == 1.0


def test_what_is_kept_for_a_provider_s_key_counts_in_its_namespace() -> None:
    metrics = Metrics()
    for namespace in (*(f"team~{number:016x}" for number in range(300)), "other"):
        metrics.looked_up(
            LookupEvent(namespace=namespace, model="m", outcome=Miss(reason=MissReason.NOT_FOUND), seconds=0, stages={})
        )
    seen = samples(metrics.render({}, {}).decode())
    assert seen['semcache_misses_total{namespace="team",reason="not_found"}'] == 300
    assert seen['semcache_misses_total{namespace="other",reason="not_found"}'] == 1


@pytest.mark.parametrize("shared", [False, True])
def test_each_lookup_is_counted_once_however_often_metrics_are_read(
    shared: bool,
) -> None:
    metrics = Metrics()
    metrics._shared = shared
    times = (-1.0, 0.0, 0.0001, 0.00011, 0.7, 5.0, 6.0)
    plain = Histogram("plain", "", buckets=_BUCKETS, registry=CollectorRegistry())
    text = b""
    for seconds in times:
        metrics.looked_up(
            LookupEvent(
                namespace="n",
                model="m",
                outcome=Miss(reason=MissReason.NOT_FOUND),
                seconds=seconds,
                stages={"store": seconds},
            )
        )
        plain.observe(seconds)
        text = metrics.render({}, {})
    assert text == metrics.render({}, {})
    seen = samples(text.decode())
    assert seen['semcache_requests_total{model="m",namespace="n",outcome="miss",reason="not_found",tier="none"}'] == 7
    assert seen['semcache_misses_total{namespace="n",reason="not_found"}'] == 7
    for sample in next(iter(plain.collect())).samples:
        if sample.name.endswith(("_bucket", "_sum", "_count")):
            labels = "".join(f'le="{bound}",' for bound in sample.labels.values())
            name = sample.name.replace("plain", "semcache_lookup_seconds")
            for stage in ("total", "store"):
                assert seen[f'{name}{{{labels}stage="{stage}",tier="none"}}'] == pytest.approx(sample.value)


def test_two_apps_share_no_metrics() -> None:
    one, two = Metrics(), Metrics()
    one.degraded("store", "store_timeout")
    assert b"store_timeout" in one.render({}, {})
    assert b"store_timeout" not in two.render({}, {})


async def test_a_store_that_dies_shows(open_app: Open) -> None:
    async with open_app(redis_url="redis://127.0.0.1:1", wait=False) as client:
        await client.post("/v1/lookup", json=QUESTION)
        seen = samples((await client.get("/metrics")).text)
        assert seen['semcache_part_up{part="store"}'] == 0
        assert sum(value for name, value in seen.items() if name.startswith("semcache_degraded_total{")) >= 1


_WORKER = """
from semcache.http.metrics import _BUCKETS, Metrics
from semcache.models import Miss, MissReason
from semcache.ports import LookupEvent
metrics = Metrics()
for _ in range(5):
    outcome = Miss(reason=MissReason.NOT_FOUND)
    metrics.looked_up(LookupEvent(namespace="n", model="m", outcome=outcome, seconds=0.001, stages={}))
print(metrics.render({}, {}).decode())
"""


async def test_workers_are_added_up(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def worker() -> str:
        run = subprocess.run(
            [sys.executable, "-c", _WORKER], env=environment, capture_output=True, text=True, check=True
        )
        return run.stdout

    await asyncio.to_thread(worker)
    seen = samples(await asyncio.to_thread(worker))
    assert seen['semcache_misses_total{namespace="n",reason="not_found"}'] == 10
    assert seen["llm_cache_hit_rate"] == 0
    assert seen['semcache_lookup_seconds_count{stage="total",tier="none"}'] == 10
