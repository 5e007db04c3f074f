"""The app over a real service on a real store, called in-process through ASGI."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from semcache.http.app import create_app
from semcache.http.keys import new_key
from semcache.http.shortcut import Shortcut
from semcache.service import Service
from semcache.settings import Settings
from tests import models
from tests.http.lines import SHORT, Running, Serve
from tests.patience import patient

Open = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def open_app(standalone_server: str, key_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens an app whose service runs; settings by keyword, `peer` the caller's address, `headers` its own.

    Models are lent.
    """
    models.lend(monkeypatch)

    @contextlib.asynccontextmanager
    async def opened(
        *, peer: str = "127.0.0.1", headers: dict[str, str] | None = None, wait: bool = True, **changes: Any
    ) -> AsyncIterator[httpx.AsyncClient]:
        store = {"key_prefix": key_prefix, **changes.pop("store", {})}
        settings = Settings(
            **patient(
                {
                    "redis_url": standalone_server,
                    "embedder": "off",
                    "data_dir": tmp_path / "data",
                    "index_dir": tmp_path / "indexes",
                    **changes,
                    "store": store,
                }
            )
        )
        service = Service(settings)
        app = create_app(service)
        transport = httpx.ASGITransport(app=app, client=(peer, 50000), raise_app_exceptions=True)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost:8080", headers=headers) as client,
        ):
            client.app = app  # type: ignore[attr-defined]
            client.service = service  # type: ignore[attr-defined]
            if wait:
                await service.store_ready.wait()
            yield client

    return opened


@pytest.fixture
async def client(open_app: Open) -> AsyncIterator[httpx.AsyncClient]:
    """An open app with the settings of a fresh installation."""
    async with open_app() as client:
        yield client


class KeyRing:
    """A key file under construction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_text("keys = []\n")
        self._blocks: list[str] = []

    def add(self, key_id: str, *, namespaces: tuple[str, ...] = ("*",), roles: tuple[str, ...] = ("read",)) -> str:
        """Add a key; returns it."""
        made = new_key(key_id, namespaces=namespaces, roles=roles)
        self._blocks.append(made.toml)
        self.path.write_text("\n".join(self._blocks))
        return made.key


@pytest.fixture
def keyring(tmp_path: Path) -> KeyRing:
    """A key file for `api_keys_file`."""
    return KeyRing(tmp_path / "keys.toml")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Note what the short way answers."""
    SHORT.clear()
    answer = Shortcut.answer

    def noted(self: Shortcut, data: bytes) -> Any:
        found = answer(self, data)
        if found is not None:
            SHORT.append(data)
        return found

    monkeypatch.setattr(Shortcut, "answer", noted)


@pytest.fixture
def running(standalone_server: str, key_prefix: str, tmp_path: Path, counted: None) -> Iterator[Serve]:
    """Start services on real sockets and one store."""
    started: list[Running] = []

    def start(options: dict[str, Any] | None = None, **changes: Any) -> Running:
        store = {"key_prefix": key_prefix, **changes.pop("store", {})}
        settings = patient({"redis_url": standalone_server, "embedder": "off", "data_dir": tmp_path, **changes})
        settings["store"] = {**settings["store"], **store}
        started.append(Running(Settings(**settings), **(options or {})))
        return started[-1]

    yield start
    for one in started:
        one.stop()
