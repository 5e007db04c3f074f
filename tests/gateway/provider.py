"""A real HTTP server on loopback that speaks the providers' protocols, well or badly, as the test says.

    with provider() as p:
        p.then(Reply(status=429, headers={"retry-after": "1"}), Reply(text="Paris"))   # the next two calls
        p.always(Reply(model="gpt-x-2026-01-01"))                                       # all others
        OpenAI(base_url=p.url, api_key="k").chat.completions.create(...)
        assert p.calls[0].json["model"] == "gpt-x"

Everything on `Provider` may be called from any thread. What it says is in `provider_answers.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httptools

from tests.gateway import provider_answers as answers

BEFORE_HEADERS = -1


class Gate:
    """Where a reply waits until the test lets it go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        """Some reply waits here, or did."""
        self._lock = threading.Lock()
        self._open = False
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def open(self) -> None:
        """Let go all that wait and all that will come."""
        with self._lock:
            self._open = True
            waiting, self._waiting = self._waiting, []
        for loop, event in waiting:
            with contextlib.suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(event.set)

    async def _pass(self) -> None:
        event = asyncio.Event()
        with self._lock:
            if not self._open:
                self._waiting.append((asyncio.get_running_loop(), event))
            else:
                event.set()
        self.reached.set()
        await event.wait()


@dataclass(frozen=True, kw_only=True)
class Reply(answers.Content):
    """How to answer one call: the content (see `provider_answers.Content`), and how it comes, or does not.

    A stream's pieces are its events; another body's, its two halves. Positions count pieces sent: BEFORE_HEADERS, 0 is
    after the headers, 1 after the first piece.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """The body, whatever was asked."""
    content_type: str | None = None
    bare: bool = False
    """Neither a body nor what speaks of one."""
    body: Callable[[], Iterable[bytes]] | None = None
    """A chunked body made as it is sent; `Call.sent` says how far the client let it come."""
    split: int | None = None
    """Send the body in pieces of so many bytes, across events."""
    pause_s: float = 0.0
    """Between pieces."""
    gzip: bool = False
    """Compress, if the client accepts it."""
    gate: Gate | None = None
    gate_at: int = BEFORE_HEADERS
    reset_at: int | None = None
    """Reset the connection (RST) there."""
    close_at: int | None = None
    """Close the connection in good order, though the answer is not complete."""


@dataclass(kw_only=True)
class Call:
    """One request as it came."""

    method: str
    path: str
    query: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    at: float
    """time.monotonic()"""
    connection: int
    """Number of the connection, from 1."""
    number: int
    """Of the call, from 1."""
    sent: int = 0
    """Bytes of the body handed to the socket so far."""
    finished: threading.Event = field(default_factory=threading.Event)
    """The answer was sent to its end."""
    left: threading.Event = field(default_factory=threading.Event)
    """The client closed the connection before that."""

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """Value of the first header of that name."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for each, value in self.headers if each.lower() == wanted), None)


Rule = Callable[[Call], Reply]


class Provider:
    """The server and what the test sees of it."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.connections = 0
        """How many were ever opened."""
        self._script: deque[Reply] = deque()
        self._rule: Rule = lambda _call: Reply()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="provider")
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._gates: list[Gate] = []
        self._thread.start()
        self.port = 0
        self.start()

    @property
    def origin(self) -> str:
        """Such as http://127.0.0.1:1234"""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL for an OpenAI client or an upstream; `origin` is an Anthropic client's."""
        return f"{self.origin}/v1"

    @property
    def open_connections(self) -> int:
        """How many are open now."""
        return len(self._open)

    def then(self, *replies: Reply) -> None:
        """Answer the next calls so, in this order."""
        self._script.extend(replies)

    def always(self, reply: Reply | Rule) -> None:
        """Answer all calls so that no `then` is left for."""
        self._rule = reply if callable(reply) else lambda _call: reply

    def forget(self) -> None:
        """As it was at first: nothing was asked, nothing is scripted, nothing waits, the next call is number 1."""
        for gate in self._gates:
            gate.open()
        self._gates.clear()
        self.calls.clear()
        self._script.clear()
        self._rule = lambda _call: Reply()

    def asked(self, path: str) -> list[Call]:
        """The calls of one path."""
        return [call for call in list(self.calls) if call.path == path]

    def stop(self) -> None:
        """Refuse connections and end those that are open; `start` opens the same port again."""
        self._do(self._close())

    def start(self) -> None:
        """Listen, if it does not yet."""
        self._do(self._listen())

    def end(self) -> None:
        """Stop for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is not None:
            return
        self._server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        tasks = [each.task for each in self._open if each.task is not None]
        for each in list(self._open):
            each.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def _reply(self, call: Call) -> Reply:
        try:
            return self._script.popleft()
        except IndexError:
            return self._rule(call)


class _Connection(asyncio.Protocol):
    """One client's connection, one request at a time."""

    transport: asyncio.Transport

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Call] = deque()
        self._writable = asyncio.Event()
        self._writable.set()
        self._call: Call | None = None
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._provider.connections += 1
        self._number = self._provider.connections
        self._provider._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._provider._open.discard(self)
        if self._call is not None:
            self._call.left.set()
        if self.task is not None:
            self.task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path, _, query = self._url.decode("latin-1").partition("?")
        call = Call(
            method=self._parser.get_method().decode(), path=path, query=query, headers=self._headers, body=self._body,
            at=time.monotonic(), connection=self._number, number=len(self._provider.calls) + 1,
        )  # fmt: skip
        self._provider.calls.append(call)
        self._waiting.append(call)
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._answer_all())

    def abort(self) -> None:
        """Reset the connection: what the peer has not read it may still read, then it gets an error."""
        linger = struct.pack("ii", 1, 0)
        with contextlib.suppress(OSError):
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()

    async def _answer_all(self) -> None:
        while self._waiting:
            call = self._call = self._waiting.popleft()
            try:
                await self._answer(call, self._provider._reply(call))
            except _Ended:
                return
            call.finished.set()
            self._call = None
        self.task = None

    async def _answer(self, call: Call, reply: Reply) -> None:
        await self._at(BEFORE_HEADERS, reply)
        made = _made(call, reply)
        head = [f"HTTP/1.1 {reply.status} {'OK' if reply.status < 400 else 'No'}"]
        head += [f"{name}: {value}" for name, value in made.headers.items()]
        chunked = made.length is None
        self.transport.write(("\r\n".join(head) + "\r\n\r\n").encode("latin-1"))
        await self._at(0, reply)
        for sent, piece in enumerate(made.pieces if call.method != "HEAD" else (), start=1):
            if reply.pause_s and sent > 1:
                await asyncio.sleep(reply.pause_s)
            self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await self._writable.wait()
            await asyncio.sleep(0)  # the line above may not have let the loop see that the peer is gone
            if self.transport.is_closing():
                raise _Ended
            call.sent += len(piece)
            await self._at(sent, reply)
        if chunked:
            self.transport.write(b"0\r\n\r\n")

    async def _at(self, position: int, reply: Reply) -> None:
        if reply.gate is not None and reply.gate_at == position:
            self._provider._gates.append(reply.gate)
            await reply.gate._pass()
        if reply.reset_at == position:
            self.abort()
            raise _Ended
        if reply.close_at == position:
            self.transport.close()
            raise _Ended


class _Ended(Exception):
    """The reply said to break off."""


@dataclass(frozen=True)
class _Made:
    headers: dict[str, str]
    pieces: Iterable[bytes]
    length: int | None


def _made(call: Call, reply: Reply) -> _Made:
    headers = {"x-request-id": f"req_{call.number}", **reply.headers}
    if reply.bare:
        return _Made(headers if reply.status in (204, 304) else headers | {"content-length": "0"}, (), 0)
    if reply.body is not None:
        headers |= {"content-type": reply.content_type or "application/octet-stream", "transfer-encoding": "chunked"}
        return _Made(headers, reply.body(), None)
    if reply.raw is not None:
        content = answers.Made("application/json", [reply.raw[: len(reply.raw) // 2], reply.raw[len(reply.raw) // 2 :]])
    elif reply.status >= 400:
        content = answers.error(call.path, reply.status, call.number)
    else:
        content = answers.make(call.method, call.path, call.body, call.number, reply)
    stream = content.content_type == "text/event-stream"
    headers["content-type"] = reply.content_type or content.content_type
    pieces = content.pieces
    if reply.gzip and "gzip" in (call.header("accept-encoding") or ""):
        headers["content-encoding"] = "gzip"
        pieces = [gzip.compress(b"".join(pieces))]
    if reply.split is not None:
        whole = b"".join(pieces)
        pieces = [whole[at : at + reply.split] for at in range(0, len(whole), reply.split)]
    if stream:
        headers["transfer-encoding"] = "chunked"
        return _Made(headers, pieces, None)
    length = sum(map(len, pieces))
    headers["content-length"] = str(length)
    return _Made(headers, pieces, length)


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """A running server."""
    made = Provider()
    try:
        yield made
    finally:
        made.end()
