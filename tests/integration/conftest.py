"""Whole services in this process, on every kind of store, with the real embedder."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from semcache.service import Service
from semcache.settings import Settings
from tests import models
from tests.conftest import Backend
from tests.patience import LONG_S, patient

MakeService = Callable[..., Awaitable[Service]]


async def eventually(condition: Callable[[], Any], *, seconds: float = LONG_S, what: str = "condition") -> Any:
    """Poll (a plain or an async condition) until truthy; AssertionError after `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        assert asyncio.get_running_loop().time() < deadline, f"{what}: not within {seconds} s"
        await asyncio.sleep(0.02)


@pytest.fixture
async def make_service(
    tmp_path: Path, prepared_models_dir: Path, store_backend: Backend, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MakeService]:
    """Starts replicas on one store; each with an index folder of its own, or the one named. Models are lent."""
    models.lend(monkeypatch)
    async with contextlib.AsyncExitStack() as stack:
        count = 0

        async def make(*, ready: bool = True, index: str | None = None, url: str | None = None, **more: Any) -> Service:
            nonlocal count
            count += 1
            data = tmp_path / f"data{count}"
            data.mkdir()
            (data / "models").symlink_to(prepared_models_dir, target_is_directory=True)
            store = {
                "key_prefix": key_prefix,
                "cluster": store_backend.cluster,
                **more.pop("store", {}),
            }
            settings = Settings(
                data_dir=data,
                index_dir=tmp_path / (index or f"index{count}"),
                redis_url=url or store_backend.url,
                **patient({"mode": "threshold", "threshold": 0.9, **more, "store": store}),
            )
            service = Service(settings)
            await service.start()
            stack.push_async_callback(service.aclose)
            if ready:
                try:
                    await eventually(lambda: is_ready(service), what="service ready")
                except AssertionError as error:
                    raise AssertionError(f"{error}: {await service.health()}") from error
            return service

        yield make


async def is_ready(service: Service) -> bool:
    """Whether all parts are well."""
    return all(part["ok"] for part in (await service.health()).values())
