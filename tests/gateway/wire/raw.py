"""A server whose every byte a test scripts, and what a test asks of it through an upstream."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

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
        self.scheme = "http"
        self.serving: set[asyncio.Task[Any]] = set()
        self.writers: list[asyncio.StreamWriter] = []

    async def end(self) -> None:
        for task in self.serving:
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)

    @property
    def open(self) -> int:
        """Connections that have not ended."""
        return sum(not task.done() for task in self.serving)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        self.serving.add(asyncio.current_task())  # type: ignore[arg-type]
        with contextlib.suppress(asyncio.CancelledError):
            await self._serve(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):  # ssl.SSLError is one
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                await self.script(reader, writer)
                if writer.is_closing():
                    break

    def upstream(self, **options: Any) -> HttpUpstream:
        settings = {"base_url": f"{self.scheme}://127.0.0.1:{self.port}/v1", "retries": 0, **options}
        return HttpUpstream("raw", UpstreamSettings(**settings))


@contextlib.asynccontextmanager
async def raw_server(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Raw]:
    """A scripted server, over TLS if there is a context."""
    made = Raw()
    server = await asyncio.start_server(made.serve, host, 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    made.scheme = "https" if tls else "http"
    yield made
    server.close()
    await made.end()


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


async def ask(upstream: HttpUpstream, method: str = "GET", body: bytes = b"") -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of an answer."""
    answer = await upstream.send(UpstreamRequest(method=method, path="/v1/x", headers=[], body=body))
    return answer.status, dict(answer.headers), b"".join([part async for part in answer.chunks()])
