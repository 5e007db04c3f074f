"""The composition root: its background work starts whatever the first attempt to connect ran into."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from semcache import service as composition
from semcache.embedders.cached import CachedEmbedder
from semcache.errors import EmbedderUnavailable
from semcache.models import Embedding
from semcache.ports import EmbedderState
from semcache.service import Service
from semcache.settings import Settings
from tests.ops import until
from tests.patience import LONG_S, patient
from tests.verifier.by_words import word_verifier


class Sleeping:
    space, dimension, awake = "sleeping", 4, False

    def state(self) -> EmbedderState:
        return EmbedderState(ready=self.awake, detail="" if self.awake else "preparing")

    async def start(self) -> None: ...
    async def aclose(self) -> None: ...
    async def embed(self, texts: Sequence[str], *, deadline_s: float | None = None) -> list[Embedding | None]:
        raise EmbedderUnavailable("asleep")


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
        **patient({"store": {"key_prefix": key_prefix}}),
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
        await asyncio.wait_for(service.store_ready.wait(), LONG_S)

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


def test_a_verifier_is_made_where_a_mode_asks_it(tmp_path: Path) -> None:
    places = {"data_dir": tmp_path / "data", "index_dir": tmp_path / "indexes", "redis_url": "redis://127.0.0.1:1"}
    assert Service(Settings(mode="threshold", **places)).verifier is None
    assert Service(Settings(mode="guarded", **places)).verifier is not None
    assert Service(Settings(mode="threshold", namespaces={"faq": {"mode": "guarded"}}, **places)).verifier is not None
    assert Service(Settings(mode="guarded", verifier="off", **places)).verifier is None
    assert Service(Settings(mode="guarded", embedder="off", **places)).verifier is None


async def test_the_verifier_starts_once_there_are_vectors_and_its_absence_degrades(
    standalone_server: str, key_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder, verifier = Sleeping(), word_verifier()
    cached = CachedEmbedder(embedder, entries=0, deadline_s=LONG_S)
    monkeypatch.setattr(composition, "make_embedder", lambda settings: cached)
    monkeypatch.setattr(composition, "make_verifier", lambda settings: verifier)
    settings = Settings(
        redis_url=standalone_server,
        mode="guarded",
        data_dir=tmp_path / "data",
        index_dir=tmp_path / "indexes",
        **patient({"store": {"key_prefix": key_prefix}}),
    )
    service = Service(settings)
    await service.start()
    try:
        await asyncio.wait_for(service.store_ready.wait(), LONG_S)
        parts = await service.health()
        assert parts["verifier"] == {"ok": False, "detail": "not started"}
        assert parts["embedder"] == {"ok": False, "detail": "preparing"}
        embedder.awake = True

        async def judging() -> bool:
            return bool((await service.health())["verifier"]["ok"])

        await until(judging, what="the verifier")
    finally:
        await service.aclose()
    assert verifier.state().detail == "stopped"


async def test_a_rebuild_whose_folder_cannot_be_written_fails_before_the_work_and_once(
    standalone_server: str, key_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = CachedEmbedder(Sleeping(), entries=0, deadline_s=LONG_S)
    monkeypatch.setattr(composition, "make_embedder", lambda settings: cached)
    (tmp_path / "file").write_text("no folder")
    settings = Settings(
        redis_url=standalone_server,
        data_dir=tmp_path / "data",
        index_dir=tmp_path / "file" / "indexes",
        **patient({"store": {"key_prefix": key_prefix}}),
    )
    service = Service(settings)
    await service.start()
    try:
        await asyncio.wait_for(service.store_ready.wait(), LONG_S)
        job_id = await service.jobs.submit("rebuild", {}, who="ada")

        async def over() -> bool:
            return (await service.jobs.get(job_id)).finished

        await until(over, what="the end of the job")
        job = await service.jobs.get(job_id)
        assert job.state == "failed"
        assert f"index_dir [SEMCACHE_INDEX_DIR]: {tmp_path / 'file'} is no folder" in str(job.error)
        assert "attempts" not in str(job.error)  # not even a second one
    finally:
        await service.aclose()
