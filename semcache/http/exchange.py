"""One HTTP exchange over bare ASGI: the call as a route sees it, and the answer that it gives back.

Thin on purpose: the exact tier answers in a fraction of a millisecond, and a framework's request and response
objects would cost more than the cache does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from semcache.errors import RequestError, SemcacheError, TooLarge

if TYPE_CHECKING:
    from semcache.http.access import Credential
    from semcache.http.site import Site

log = logging.getLogger(__name__)

JSON_TYPE: Final = b"application/json"
CONNECTION: Final = "semcache.connection"
"""Name in a scope of a connection that can send a whole answer at once (`http.connection`)."""
Header = tuple[bytes, bytes]


class Answer:
    """A whole response."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(
        self, status: int, body: bytes = b"", headers: list[Header] | None = None, *, content_type: bytes = JSON_TYPE
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers if headers is not None else []
        self.content_type = content_type

    async def send(self, scope: Scope, send: Send) -> None:
        """Send it, without a body where there is none to send."""
        headers = self.headers
        if self.status != 204:
            headers.append((b"content-type", self.content_type))
            headers.append((b"content-length", b"%d" % len(self.body)))
        _name(headers, scope)
        connection = scope.get(CONNECTION)
        if connection is not None and connection.send_whole(scope, self.status, headers, self.body):
            return
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self.body})


class StreamAnswer:
    """A response whose body comes in parts; each is sent as soon as it is there, and waits while the client is slow.

    `chunks` is closed (`aclose`, where it has one) when the answer ends, however it ends: at its end, when the client
    goes away, when the service stops. It is read by one task only. A chunk source that raises cuts the connection
    without the mark of a whole body, so that a client can tell.
    """

    __slots__ = ("chunks", "content_type", "headers", "status")

    def __init__(self, status: int, headers: list[Header], chunks: AsyncIterator[bytes], content_type: bytes) -> None:
        """`content_type`: empty where the body has none, or there is none."""
        self.status = status
        self.headers = headers
        self.chunks = chunks
        self.content_type = content_type

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, until it ends or the client goes away."""
        pump = asyncio.create_task(self._pump(scope, send))
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait((pump, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            pump.cancel()
            gone.cancel()
            await asyncio.wait((pump, gone))
        for task in (pump, gone):
            if not task.cancelled():
                task.result()

    async def _pump(self, scope: Scope, send: Send) -> None:
        # With 304 the length is that of the body that does not come (RFC 9110, section 8.6); the server would miss it.
        headers = [header for header in self.headers if self.status != 304 or header[0] != b"content-length"]
        if self.content_type:
            headers.append((b"content-type", self.content_type))
        _name(headers, scope)
        try:
            await send({"type": "http.response.start", "status": self.status, "headers": headers})
            if scope["method"] != "HEAD":
                async for chunk in self.chunks:
                    if chunk:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except SemcacheError as error:
            log.warning("answer cut off request_id=%s path=%s: %s", scope["request_id"], scope["path"], error)
        except Exception:
            log.exception("answer cut off request_id=%s path=%s", scope["request_id"], scope["path"])
        finally:
            close = getattr(self.chunks, "aclose", None)
            if close is not None:
                await close()


class Call:
    """A request: its headers, and by demand its query and body. `credential` is set once access was granted.

    `rate_headers` go out with whatever answer it gets; `http.rates` sets them where the call was counted.
    """

    __slots__ = ("credential", "headers", "ours", "rate_headers", "receive", "scope", "site")

    credential: Credential
    ours: frozenset[bytes]
    """Names of headers that carried a key of this service; on routes where a provider's may come beside it."""

    def __init__(self, site: Site, scope: Scope, receive: Receive) -> None:
        self.site = site
        self.scope = scope
        self.receive = receive
        self.headers: dict[bytes, bytes] = _joined(scope["headers"])
        self.rate_headers: list[Header] = []

    @property
    def method(self) -> str:
        """The HTTP method, upper case."""
        method: str = self.scope["method"]
        return method

    @property
    def request_id(self) -> str:
        """The `X-Request-Id` of this call."""
        request_id: str = self.scope["request_id"]
        return request_id

    @property
    def peer(self) -> str | None:
        """Address at the other end of the connection; None where it has none."""
        client: Any = self.scope.get("client")
        return client[0] if client else None

    def header(self, name: bytes) -> str | None:
        """A header's text; all of them, between commas, where it was given more than once."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def path(self, name: str) -> str:
        """A parameter of the path."""
        value: str = self.scope["path_params"][name]
        return value

    def query(self, *allowed: str) -> dict[str, str]:
        """The query's parameters; raises RequestError that names one that is unknown or given twice."""
        found: dict[str, str] = {}
        try:
            pairs = parse_qsl(self.scope["query_string"].decode("ascii"), keep_blank_values=True, max_num_fields=100)
        except ValueError as error:
            raise RequestError("the query string cannot be read", field="query") from error
        for name, value in pairs:
            if name not in allowed:
                known = ", ".join(f"`{one}`" for one in allowed) or "none"
                raise RequestError(f"unknown query parameter `{name[:100]}`; known here: {known}", field=name[:100])
            if name in found:
                raise RequestError(f"query parameter `{name}` was given twice", field=name)
            found[name] = value
        return found

    async def body(self) -> bytes:
        """The whole body. Raises TooLarge as soon as it is known to be, without reading on."""
        limit = self.site.settings.limits.body_bytes
        length = self.headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length) > limit:
            raise _too_large(limit)
        message = await self.receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            whole: bytes = message.get("body", b"")
            if len(whole) > limit:
                raise _too_large(limit)
            return whole
        parts: list[bytes] = []
        size = 0
        while message["type"] == "http.request":
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)
            message = await self.receive()
        raise Disconnected

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it comes, of any size: nothing is kept. Raises Disconnected where it breaks off."""
        more = True
        while more:
            message = await self.receive()
            if message["type"] != "http.request":
                raise Disconnected
            more = message.get("more_body", False)
            part: bytes = message.get("body", b"")
            if part:
                yield part

    async def lines(self, longest: int) -> AsyncIterator[bytes]:
        """The body line by line as it comes, without line ends. Raises TooLarge for a line of over `longest` bytes."""
        rest: list[bytes] = []
        size = number = 0
        async for part in self.parts():
            head, *others = part.split(b"\n")
            for piece in (head, *others[:-1]) if others else ():
                number += 1
                rest.append(piece)
                line = b"".join(rest)
                rest, size = [], 0
                if len(line) > longest:
                    raise _long_line(number, longest)
                yield line.removesuffix(b"\r")
            last = others[-1] if others else head
            rest.append(last)
            size += len(last)
            if size > longest:
                raise _long_line(number + 1, longest)
        if size:
            yield b"".join(rest).removesuffix(b"\r")


class Disconnected(Exception):
    """The caller went away before the request was whole: there is nobody to answer."""


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes; send less, or raise limits.body_bytes")


def _long_line(number: int, longest: int) -> TooLarge:
    return TooLarge(f"line {number} is longer than {longest} bytes; leave it out, or raise limits.body_bytes")


def _name(headers: list[Header], scope: Scope) -> None:
    """Add the request's id, unless a provider has named its answer already: its support asks for that one."""
    for name, _ in headers:
        if name == b"x-request-id":
            return
    headers.append((b"x-request-id", scope["request_id"].encode("ascii")))


def _joined(headers: list[Header]) -> dict[bytes, bytes]:
    """Fields by name; those of one name are one list (RFC 9110, section 5.3), so that none of them is lost."""
    found = dict(headers)
    if len(found) != len(headers):
        found.clear()
        for name, value in headers:
            found[name] = found[name] + b", " + value if name in found else value
    return found


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
