"""The composition root: its background work starts whatever the first attempt to connect ran into."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from semcache.service import Service
from semcache.settings import Settings
from tests.ops import until


async def test_a_defect_while_connecting_is_logged_counted_and_tried_again(
    standalone_server: str,
    key_prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = Settings(
        redis_url=standalone_server,
        embedder="off",
        data_dir=tmp_path / "data",
        index_dir=tmp_path / "indexes",
        store={"key_prefix": key_prefix},
    )
    service = Service(settings)
    connect, tries = service.store.start, []

    async def failing_once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise KeyError("a defect")
        await connect()

    monkeypatch.setattr(service.store, "start", failing_once)
    await service.start()
    try:
        await asyncio.wait_for(service.store_ready.wait(), 20)

        async def at_work() -> bool:
            return service.replica_id in await service.jobs.replicas()

        await until(at_work, what="the first heartbeat")
        assert (await service.stats.snapshot())["degraded"]["connect:task_failed"] == 1
        assert "a defect" in caplog.text
    finally:
        await service.aclose()


def test_a_namespace_may_be_semantic_where_the_rest_is_not(tmp_path: Path) -> None:
    places = {"data_dir": tmp_path / "data", "index_dir": tmp_path / "indexes", "redis_url": "redis://127.0.0.1:1"}
    assert Service(Settings(strategy="exact", **places)).embedder is None
    one = Service(Settings(strategy="exact", namespaces={"faq": {"strategy": "semantic"}}, **places))
    assert one.embedder is not None
    assert one.follower is not None
