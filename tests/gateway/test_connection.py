"""How a provider's answers are framed, and what ends a connection: raw bytes on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest
import trustme

from semcache.errors import RequestError, UpstreamTimeout, UpstreamUnavailable
from semcache.gateway.connection import MOST_HEAD_BYTES, Unsendable, written
from semcache.gateway.http_upstream import HttpUpstream
from semcache.ports import UpstreamRequest
from semcache.settings import UpstreamSettings

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Raw:
    """A server whose connections a test scripts."""

    def __init__(self) -> None:
        self.connections = 0
        self.heads: list[bytes] = []
        self.script: Script = says(WHOLE)
        self.port = 0
        self.serving: set[asyncio.Task[Any]] = set()

    async def end(self) -> None:
        for task in self.serving:
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.serving.add(asyncio.current_task())  # type: ignore[arg-type]
        with contextlib.suppress(asyncio.CancelledError):
            await self._serve(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                await self.script(reader, writer)
                if writer.is_closing():
                    break

    def upstream(self, **options: Any) -> HttpUpstream:
        settings = {"base_url": f"http://127.0.0.1:{self.port}/v1", "retries": 0, **options}
        return HttpUpstream("raw", UpstreamSettings(**settings))


def says(*pieces: bytes, end: str = "") -> Script:
    """Each piece in a packet of its own; then the end: "", "close" or "reset"."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if end == "reset":
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        if end:
            writer.close()

    return script


@pytest.fixture
async def raw() -> AsyncIterator[Raw]:
    made = Raw()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await made.end()


@pytest.fixture
async def upstream(raw: Raw) -> AsyncIterator[HttpUpstream]:
    made = raw.upstream()
    yield made
    await made.aclose()


async def ask(upstream: HttpUpstream, method: str = "GET", body: bytes = b"") -> tuple[int, dict[bytes, bytes], bytes]:
    answer = await upstream.send(UpstreamRequest(method=method, path="/v1/x", headers=[], body=body))
    return answer.status, dict(answer.headers), b"".join([part async for part in answer.chunks()])


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=y\r\na\r\n5\r\nb\r\ncd\r\n0\r\nx-late: 1\r\n\r\n"


@pytest.mark.parametrize("size", [1, 2, 7, len(CHUNKED)])
async def test_chunks_however_they_are_cut(raw: Raw, upstream: HttpUpstream, size: int) -> None:
    raw.script = says(*(CHUNKED[at : at + size] for at in range(0, len(CHUNKED), size)))
    for _ in range(2):
        assert await ask(upstream) == (200, {}, b"ab\r\ncd")
    assert raw.connections == 1


@pytest.mark.parametrize(
    ("method", "said", "expected"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", (200, {b"content-length": b"9"}, b"")),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", (204, {}, b"")),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", (304, {b"content-length": b"9"}, b"")),
        ("GET", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-none:\r\n\r\n", (200, {b"x-none": b""}, b"")),
        ("GET", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" + WHOLE, (200, {}, b"ok")),
        (
            "GET",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            (200, {b"content-length": b"99"}, b"ok"),
        ),
    ],
    ids=["head", "204", "304", "empty", "announced", "twice framed"],
)
async def test_where_an_answer_ends(
    raw: Raw, upstream: HttpUpstream, method: str, said: bytes, expected: tuple[int, dict[bytes, bytes], bytes]
) -> None:
    raw.script = says(said)
    for _ in range(2):
        status, headers, body = await ask(upstream, method)
        assert (status, body) == (expected[0], expected[2])
        assert expected[1].items() <= headers.items()
        assert b"link" not in headers
    assert raw.connections == 1


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        WHOLE + b"more",
        WHOLE + WHOLE,
    ],
    ids=["close", "old", "garbage", "two"],
)
async def test_connections_that_are_not_used_again(raw: Raw, upstream: HttpUpstream, said: bytes) -> None:
    raw.script = says(said)
    for number in (1, 2):
        assert (await ask(upstream))[::2] == (200, b"ok")
        assert raw.connections == number


async def test_a_body_may_end_with_the_connection(raw: Raw, upstream: HttpUpstream) -> None:
    raw.script = says(b"HTTP/1.1 200 OK\r\n\r\n", b"so", b"me", end="close")
    assert (await ask(upstream))[::2] == (200, b"some")
    raw.script = says(b"HTTP/1.1 200 OK\r\n\r\n", b"so", end="reset")
    with pytest.raises(UpstreamUnavailable, match="broke"):
        await ask(upstream)


async def test_what_came_before_the_end_is_told_before_it(raw: Raw, upstream: HttpUpstream) -> None:
    raw.script = says(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome", end="close")
    answer = await upstream.send(UpstreamRequest(method="GET", path="/v1/x", headers=[]))
    for _ in range(20):
        await asyncio.sleep(0.01)  # until the end is known here, too
    parts = answer.chunks()
    assert await anext(parts) == b"some"
    with pytest.raises(UpstreamUnavailable, match="broke"):
        await anext(parts)


@pytest.mark.parametrize(
    "said",
    [
        b"<html>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2 * MOST_HEAD_BYTES,
    ],
    ids=["page", "header", "length", "chunk", "upgrade", "endless"],
)
async def test_what_is_no_http_is_no_answer(raw: Raw, upstream: HttpUpstream, said: bytes) -> None:
    raw.script = says(said)
    with pytest.raises(UpstreamUnavailable):
        await ask(upstream)
    raw.script = says(WHOLE)
    assert (await ask(upstream))[::2] == (200, b"ok")
    assert raw.connections == 2


async def test_a_connection_that_ended_meanwhile_is_not_asked(raw: Raw, upstream: HttpUpstream) -> None:
    raw.script = says(WHOLE, end="close")
    for number in (1, 2, 3):
        assert (await ask(upstream, "POST"))[::2] == (200, b"ok")
        assert raw.connections == number


async def test_a_request_that_is_still_being_taken_is_no_silence(raw: Raw) -> None:
    size = 24_000_000

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = size
        while left:
            if left > size / 2:  # the rest may lie in the sockets' buffers, where nobody sees it move
                await asyncio.sleep(0.02)
            left -= len(await reader.read(left))
        writer.write(WHOLE)

    raw.script = slowly
    upstream = raw.upstream(silence_s=1.0)
    assert (await ask(upstream, "POST", b"x" * size))[0] == 200

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    raw.script = never
    with pytest.raises(UpstreamTimeout, match="silent"):
        await ask(upstream, "POST", b"x" * size)
    await upstream.aclose()


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("GET", b"/a b", (b"x", b"y")),
        ("GET", b"/a\r\n", (b"x", b"y")),
        ("GET", b"", (b"x", b"y")),
        ("G T", b"/", (b"x", b"y")),
        ("GET", b"/", (b"x", b"y\r\nz: 1")),
        ("GET", b"/", (b"x", b"y\0")),
        ("GET", b"/", (b"x y", b"z")),
        ("GET", b"/", (b"", b"z")),
        ("GET", b"/", (b"x\n", b"z")),
    ],
)
def test_what_http_cannot_carry(method: str, target: bytes, header: tuple[bytes, bytes]) -> None:
    assert written("GET", b"/", b"h", [(b"x", b"y")], b"") == b"GET / HTTP/1.1\r\nhost: h\r\nx: y\r\n\r\n"
    with pytest.raises(Unsendable):
        written(method, target, b"h", [header], b"")


async def test_what_cannot_be_sent_takes_no_connection(raw: Raw) -> None:
    upstream = raw.upstream(pool_size=1)
    for _ in range(3):
        with pytest.raises(RequestError, match="cannot be sent"):
            await upstream.send(UpstreamRequest(method="GET", path="/v1/x", headers=[(b"a b", b"c")]))
    assert (await ask(upstream))[0] == 200
    assert raw.heads[0].startswith(b"GET /v1/x HTTP/1.1\r\nhost: 127.0.0.1:")
    await upstream.aclose()


# -- TLS and proxies ----------------------------------------------------------------------------------------------


class Secure:
    """An https provider named `models.example`, and a proxy that leads to it."""

    def __init__(self, provider: Raw, port: int, proxy_port: int) -> None:
        self.provider = provider
        self.port = port
        self.proxy_port = proxy_port
        self.asked: list[bytes] = []
        self.refusal = b""

    async def proxy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        if self.refusal:
            writer.write(self.refusal)
            writer.close()
            await writer.wait_closed()
            return
        there_reader, there = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"HTTP/1.0 200 Connection established\r\n\r\n")

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                while data := await source.read(65536):
                    sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, there), pump(there_reader, writer))


@pytest.fixture
async def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Secure]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("models.example", "127.0.0.1").configure_cert(context)
    provider = Raw()
    there = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=context)
    provider.port = there.sockets[0].getsockname()[1]
    made = Secure(provider, provider.port, 0)
    proxy = await asyncio.start_server(made.proxy, "127.0.0.1", 0)
    made.proxy_port = proxy.sockets[0].getsockname()[1]
    for name in ("ALL_PROXY", "NO_PROXY", "all_proxy", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://us%40er:word@127.0.0.1:{made.proxy_port}")
    yield made
    proxy.close()
    there.close()
    await provider.end()


async def test_over_tls(secure: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream = HttpUpstream("u", UpstreamSettings(base_url=f"https://127.0.0.1:{secure.port}/v1", retries=0))
    for _ in range(2):
        assert (await ask(upstream))[::2] == (200, b"ok")
    assert secure.provider.connections == 1
    assert not secure.asked
    await upstream.aclose()
    wrong = HttpUpstream("u", UpstreamSettings(base_url=f"https://localhost:{secure.port}/v1", retries=0))
    with pytest.raises(UpstreamUnavailable, match=r"cannot be reached.*certificate"):
        await ask(wrong)
    await wrong.aclose()


async def test_over_tls_through_a_proxy(secure: Secure) -> None:
    upstream = HttpUpstream("u", UpstreamSettings(base_url="https://models.example/v1", retries=0))
    for _ in range(2):
        assert (await ask(upstream))[::2] == (200, b"ok")
    assert secure.provider.heads[0].startswith(b"GET /v1/x HTTP/1.1\r\nhost: models.example\r\n")
    assert b"proxy-authorization" not in secure.provider.heads[0].lower()
    assert len(secure.asked) == 1
    assert secure.asked[0].startswith(b"CONNECT models.example:443 HTTP/1.1\r\nhost: models.example:443\r\n")
    assert b"proxy-authorization: Basic dXNAZXI6d29yZA==\r\n" in secure.asked[0]  # us@er:word
    await upstream.aclose()


@pytest.mark.parametrize("refusal", [b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n", b"?", b"HTTP/1.1 200"])
async def test_a_proxy_that_refuses(secure: Secure, refusal: bytes) -> None:
    secure.refusal = refusal
    upstream = HttpUpstream("u", UpstreamSettings(base_url="https://models.example/v1", retries=0))
    with pytest.raises(UpstreamUnavailable, match="proxy does not lead"):
        await ask(upstream)
    await upstream.aclose()
