"""A service on a real socket, and connections to it, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from semcache.http.app import create_app
from semcache.http.connection import Connection
from semcache.service import Service
from semcache.settings import Settings
from tests.patience import LONG_S
from tests.serving import until

ASKED = {"prompt": "What is the capital of France?", "model": "m"}
Serve = Callable[..., "Running"]


class Running:
    """A service in a thread, on a real socket."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        self._settings, self._options = settings, options
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        until(lambda: getattr(self, "server", None) is not None and self.server.started, seconds=LONG_S)
        until(self.service.store_ready.is_set, seconds=LONG_S)
        until(lambda: not self.service.near.on or self.service.near.lag_s < 0.4, seconds=LONG_S)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.service = Service(self._settings)
        self.app = create_app(self.service)
        options = {"timeout_graceful_shutdown": 2, "proxy_headers": False, **self._options}
        config = uvicorn.Config(
            self.app, port=0, lifespan="on", http=Connection, log_config=None, access_log=False, **options
        )
        self.server = uvicorn.Server(config)
        await self.server.serve()

    @property
    def shortcuts(self) -> int:
        """How often the short way was taken."""
        return len(SHORT)

    def stop(self) -> None:
        """End it."""
        self.server.should_exit = True
        self._thread.join()

    @contextlib.contextmanager
    def line(self) -> Iterator[Line]:
        """A connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=LONG_S) as made:
            yield Line(made)

    def hit(self, data: bytes) -> bytes:
        """Ask until the short way answers; that answer."""
        with self.line() as line:

            def short() -> bytes | None:
                before = self.shortcuts
                answer = line.ask(data)
                return answer if self.shortcuts > before else None

            found: bytes = until(short, what="an answer by the short way")
            return found


class Line:
    """One end of a connection."""

    def __init__(self, made: socket.socket) -> None:
        self.socket = made
        self._buffer = b""

    def ask(self, *chunks: bytes) -> bytes:
        """Send, and read one answer."""
        for chunk in chunks:
            self.socket.sendall(chunk)
        return self.answer()

    def answer(self) -> bytes:
        """One whole answer; empty where the connection ended."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return b""
        head, _, _ = self._buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        whole = len(head) + 4 + (int(length[1]) if length else 0)
        while len(self._buffer) < whole:
            assert self._more()
        found, self._buffer = self._buffer[:whole], self._buffer[whole:]
        return found

    def _more(self) -> bool:
        data = self.socket.recv(65536)
        self._buffer += data
        return bool(data)


SHORT: list[bytes] = []
"""What the short way answered in this test."""


def request(body: Any, *headers: str, path: str = "/v1/lookup") -> bytes:
    text = json.dumps(body).encode()
    lines = (f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(text)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text


def keep(service: Running, body: Any = ASKED, *headers: str, **more: Any) -> None:
    with service.line() as line:
        answer = line.ask(request({**body, "response": {"say": "Paris."}, **more}, *headers, path="/v1/store"))
        assert answer.startswith(b"HTTP/1.1 201"), answer


def same(answer: bytes) -> bytes:
    """An answer without what is its own: its time, its id."""
    assert re.search(rb"x-request-id: [0-9a-f]{8}-[0-9a-f]+\r\n", answer)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(re.search(rb"content-length: (\d+)", head)[1]) == len(body)  # type: ignore[index]
    head = re.sub(rb"(age|date|x-request-id|content-length): [^\r]*", rb"\1", head)
    return head + body[:0] + re.sub(rb'"(age_s|expires_in_s)":[0-9.]+', rb'"\1"', body)
