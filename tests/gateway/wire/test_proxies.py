"""Connections through a proxy of the environment's: which one, who is excepted, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from semcache.errors import UpstreamUnavailable
from semcache.gateway.http_upstream import HttpUpstream
from semcache.gateway.pool import proxy_for
from semcache.ports import UpstreamRequest
from semcache.settings import UpstreamSettings
from tests.gateway.wire.raw import Raw, ask

GET = UpstreamRequest(method="GET", path="/v1/x", headers=[])


class Proxy:
    """A proxy that leads to one place whatever it is asked for."""

    def __init__(self, port: int) -> None:
        self.there = port
        self.port = 0
        self.asked: list[bytes] = []
        self.says = b"HTTP/1.0 200 Connection established\r\n\r\n"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.says)
        if b" 200 " in self.says and self.says.endswith(b"\r\n\r\n"):
            there_reader, there = await asyncio.open_connection("127.0.0.1", self.there)
            await asyncio.gather(_pump(reader, there), _pump(there_reader, writer))
        elif not self.says:
            await reader.read()
        writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
    sink.close()


@pytest.fixture(params=["http", "https"])
async def proxy(
    request: pytest.FixtureRequest, secure: Raw, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Proxy]:
    """One that is spoken to in plain or over TLS, before the secure provider."""
    made = Proxy(secure.port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls if request.param == "https" else None)
    made.port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"{request.param}://us%40er:word@127.0.0.1:{made.port}")
    yield made
    server.close()


def through(base_url: str = "https://models.example/v1", **options: Any) -> HttpUpstream:
    return HttpUpstream("u", UpstreamSettings(base_url=base_url, retries=0, **options))


async def test_over_tls_through_a_proxy(secure: Raw, proxy: Proxy) -> None:
    upstream = through()
    for _ in range(2):
        assert (await ask(upstream))[::2] == (200, b"ok")
    assert secure.heads[0].startswith(b"GET /v1/x HTTP/1.1\r\nhost: models.example\r\n")
    assert b"proxy-authorization" not in secure.heads[0].lower()
    assert len(proxy.asked) == 1
    assert proxy.asked[0].startswith(b"CONNECT models.example:443 HTTP/1.1\r\nhost: models.example:443\r\n")
    assert b"proxy-authorization: Basic dXNAZXI6d29yZA==\r\n" in proxy.asked[0]  # us@er:word
    await upstream.aclose()
    wrong = through("https://other.example/v1")
    with pytest.raises(UpstreamUnavailable, match=r"certificate|TLS within"):  # whoever leads there
        await ask(wrong)
    await wrong.aclose()


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n", "proxy does not lead.*407"),
        (b"?", "proxy does not lead"),
        (b"HTTP/1.1 200", "proxy does not lead"),
        (
            b"HTTP/1.1 200 OK\r\n\r\n\x15\x03\x03\x00\x02\x02\x28",
            r"cannot be reached|does not lead",
        ),  # an alert in the packet of its answer
        (b"", "in time"),
    ],
)
async def test_a_proxy_that_refuses(secure: Raw, proxy: Proxy, says: bytes, words: str) -> None:
    proxy.says = says
    upstream = through(connect_timeout_s=10.0 if says else 0.5)
    with pytest.raises(UpstreamUnavailable, match=words):
        await ask(upstream)
    assert not secure.heads
    await upstream.aclose()


async def test_a_proxy_that_asks_for_a_word_alone(secure: Raw, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    scheme = "https" if proxy.port and "https" in str(proxy_for("https://models.example")) else "http"
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://:word@127.0.0.1:{proxy.port}")
    upstream = through()
    assert (await ask(upstream))[::2] == (200, b"ok")
    assert b"proxy-authorization: Basic OndvcmQ=\r\n" in proxy.asked[0]  # :word
    await upstream.aclose()


async def test_in_plain_through_a_proxy(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:word@127.0.0.1:{raw.port}")
    upstream = through("http://models.example:81/v1")
    for _ in range(2):
        assert (await ask(upstream))[::2] == (200, b"ok")
    assert raw.connections == 1
    assert raw.heads[0] == (
        b"GET http://models.example:81/v1/x HTTP/1.1\r\nhost: models.example:81\r\n"
        b"proxy-authorization: Basic dXNlcjp3b3Jk\r\n\r\n"
    )
    await upstream.aclose()


@pytest.mark.parametrize(
    ("listed", "url", "direct"),
    [
        ("*", "https://a.example", True),
        ("b.example, *", "https://a.example", True),
        ("a.example", "https://a.example", True),
        ("A.Example", "https://a.example", True),
        (".example", "https://a.example", True),
        ("*.example", "https://a.example", True),
        ("b.example a.example", "https://a.example", True),
        ("a.example:8443", "https://a.example:8443", True),
        ("a.example:443", "https://a.example", True),
        ("a.example:8443", "https://a.example", False),
        ("xample", "https://a.example", False),
        ("b.a.example", "https://a.example", False),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.1.2.3", "https://10.1.2.3:99", True),
        ("fd00::/8", "https://[fd00::1]", True),
        ("[fd00::1]", "https://[fd00::1]:99", True),
        ("fd00::1", "https://[fd00::2]", False),
        ("[fd00::1]:99", "https://[fd00::1]:99", True),
        (",, ", "https://a.example", False),
        ("0.0.0.0/0", "https://a.example", False),
    ],
)
def test_who_is_asked_without_a_proxy(listed: str, url: str, direct: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
    monkeypatch.setenv("NO_PROXY", listed)
    assert proxy_for(url) == (None if direct else "http://proxy.example:1")


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1", "http://127.0.0.1:port", "http://:1"])
async def test_a_proxy_that_cannot_be_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", url)
    upstream = through("http://models.example/v1")
    with pytest.raises(UpstreamUnavailable, match="proxy of upstream"):
        await ask(upstream)
    await upstream.aclose()
