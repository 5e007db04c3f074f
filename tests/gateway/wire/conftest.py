"""Every test on both event loops: uvloop serves where it can be had, asyncio's own elsewhere."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import trustme
import uvloop

from semcache.gateway.http_upstream import HttpUpstream
from tests.gateway.wire.raw import Raw, raw_server

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def raw() -> AsyncIterator[Raw]:
    async with raw_server() as made:
        yield made


@pytest.fixture
async def upstream(raw: Raw) -> AsyncIterator[HttpUpstream]:
    made = raw.upstream()
    yield made
    await made.aclose()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's side, which is trusted here as `models.example` and under loopback addresses."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("models.example", "127.0.0.1", "127.0.0.2", "::1").configure_cert(context)
    return context


@pytest.fixture
async def secure(tls: ssl.SSLContext) -> AsyncIterator[Raw]:
    async with raw_server(tls=tls) as made:
        yield made


@pytest.fixture(params=["http", "https"])
async def either(request: pytest.FixtureRequest, tls: ssl.SSLContext) -> AsyncIterator[Raw]:
    async with raw_server(tls=tls if request.param == "https" else None) as made:
        yield made
