"""One HTTP/1.1 connection to a provider: a request goes out, its answer comes in byte for byte. Knows no pool.

Answers are parsed by httptools (Node's llhttp), which the server in front uses as well. General clients cost several
times the rest of a miss: header objects made twice, a task group and a lock for each read. They also lose what had
come before a connection broke, or write other bytes than they were given.
"""

from __future__ import annotations

import asyncio
import logging
import re
import select
import ssl
import sys
from typing import Final, cast

import httptools

log = logging.getLogger(__name__)

MOST_HEAD_BYTES: Final = 128 * 1024
"""Of a status line and header fields; of whatever else comes between two pieces of a body, or after it."""
_AHEAD_BYTES: Final = 64 * 1024
"""What of a body is read ahead of its reader."""
_METHOD: Final = re.compile(r"[A-Z]{1,32}")
_TARGET: Final = re.compile(rb"[\x21-\x7e\x80-\xff]+")
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_FRAMING: Final = frozenset({b"host", b"content-length", b"transfer-encoding"})
"""Fields that are written here alone: a second one would tell where the next request begins."""
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose empty body is announced, too (RFC 9110, section 8.6)."""


class Unsendable(Exception):
    """What HTTP cannot carry."""


class Trouble(Exception):
    """A connection that did not do what it should."""


class Silent(Trouble):
    """Nothing came for too long."""


class Broken(Trouble):
    """The connection ended before the answer did, or brought what is no HTTP."""


def written(method: str, target: bytes, host: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    """A request as its bytes. Raises Unsendable."""
    if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
        raise Unsendable("its method or target is none")
    for name, value in ((b"-", host), *headers):
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or name.lower() in _FRAMING:
            raise Unsendable("a header field has characters that none may have, or frames the message")
    fields = [b"host: " + host, *(name + b": " + value for name, value in headers)]
    if body or method in _WITH_BODY:
        fields.append(b"content-length: %d" % len(body))
    return b"%b %b HTTP/1.1\r\n%b\r\n\r\n%b" % (method.encode(), target, b"\r\n".join(fields), body)


class Connection(asyncio.Protocol):
    """Carries one exchange at a time. Belongs to one event loop.

    `ask` brings status and headers, then `part` the body. Whoever leaves before its end must call `abort`.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._layers: list[asyncio.Transport] = []
        """What it runs on: the socket's transport, then each TLS above it."""
        self._waiter: asyncio.Future[bool] | None = None
        self._error: Trouble | None = None
        self._closed = False
        self._said_all = False
        """The provider has ended its side, as its protocol has it."""
        self._paused = False
        self._asked = False
        self.good_until = 0.0
        """While it is idle; of the loop's clock; for the pool."""
        self._expect(bodiless=False)

    def _expect(self, *, bodiless: bool) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_chunked_length=True)  # RFC 9112, section 6.3: chunks count
        self._bodiless = bodiless
        self._headed = False
        self._ended = False
        self._stays = False
        self._delimited = False
        self._doubtful = False
        self._dry_bytes = 0
        self._parts: list[bytes] = []
        self._waiting_bytes = 0
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    # -- for the pool ---------------------------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        return not self._closed and not self._asked and not self.transport.is_closing()

    def stale(self) -> bool:
        """Whether something has come since the last exchange, though the loop has not told yet: the end, as a rule."""
        known = self.transport.get_extra_info("socket")
        number = -1 if known is None else known.fileno()
        if number < 0:  # closed, though TLS has not told
            return True
        if sys.platform == "win32":
            return bool(select.select([number], [], [], 0)[0])
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))

    @property
    def transport(self) -> asyncio.Transport:
        """What it runs on; TLS may be put above it by setting another."""
        return self._layers[-1]

    @transport.setter
    def transport(self, transport: asyncio.Transport) -> None:
        self._layers.append(transport)

    def abort(self) -> None:
        """End the connection, whatever is under way."""
        if self._layers and not self._closed:
            self.transport.abort()
        self._closed = True

    # -- for one exchange -----------------------------------------------------------------------------------------

    async def ask(self, request: bytes, *, bodiless: bool, deadline: float, silence_s: float) -> None:
        """Send a request and wait for `status` and `headers` of its answer, which has no body if `bodiless`.

        `deadline` is of the loop's clock. Raises TimeoutError there, Silent, Broken.
        """
        if self._closed:
            raise self._error or Broken("it was closed")
        self._expect(bodiless=bodiless)
        self._asked = True
        self.transport.write(request)
        while not self._headed:
            await self._news(deadline, silence_s)

    async def part(self, *, deadline: float, silence_s: float) -> bytes | None:
        """What of the body has come since, as it came; None at its end. Raises as `ask`."""
        while not self._parts and not self._ended:
            await self._news(deadline, silence_s)
        if not self._parts:
            self._asked = not self._stays
            return None
        parts = self._parts
        self._parts, self._waiting_bytes = [], 0
        if self._paused and not self._closed:
            self._paused = False
            self.transport.resume_reading()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _news(self, deadline: float, silence_s: float) -> None:
        """Wait for something to come. A request that is still being taken is no silence."""
        if self._error is not None:
            raise self._error
        now = self._loop.time()
        if now >= deadline:
            raise TimeoutError
        unsent = self._unsent()
        waiter = self._waiter = self._loop.create_future()
        timer = self._loop.call_at(min(deadline, now + silence_s), _give_up, waiter)
        try:
            came = await waiter
        finally:
            self._waiter = None
            timer.cancel()
        if came or self._loop.time() >= deadline:
            return
        if self._unsent() >= unsent:
            raise Silent("nothing came")

    # -- asyncio.Protocol -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._layers = [cast("asyncio.Transport", transport)]

    def data_received(self, data: bytes) -> None:
        """Bytes came: of an answer, or the connection is not to be trusted."""
        if not self._asked or self._ended:
            self.abort()
            return
        self._dry_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(Broken("it changed the protocol"))
        except httptools.HttpParserError as error:
            self._fail(Broken(f"what came is no HTTP: {error.__context__ or error}"))
        if self._dry_bytes > MOST_HEAD_BYTES and not self._over():
            self._fail(Broken(f"what is no body is longer than {MOST_HEAD_BYTES} bytes"))
        if self._waiting_bytes > _AHEAD_BYTES and not self._paused and not self._over():
            self._paused = True  # not at the end: what comes after it must be seen before another request is sent
            self.transport.pause_reading()
        self._tell()

    def eof_received(self) -> bool:
        """The provider has said all; closes our side, too. Over TLS its word for that must have come: anyone on the way
        can end a connection (RFC 9112, section 9.8).
        """
        tls = self.transport.get_extra_info("ssl_object")
        try:
            self._said_all = tls is None or tls.read(1) == b""
        except ssl.SSLError:
            log.debug("a connection was cut")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection has ended. That is the end of a body which nothing else delimits."""
        self._closed = True
        if self._asked and not self._ended:
            if error is None and self._headed and self._said_all and not self._delimited:
                self._ended = True
            else:
                self._error = self._error or Broken(str(error or "it was closed"))
        self._tell()

    # -- httptools ------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """An answer begins: after another's end one that nobody asked for."""
        if self._ended:
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field; or a trailer, which is dropped."""
        if not self._headed:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is there."""
        if self._ended:
            return
        status = self._parser.get_status_code()
        lengths = [value for name, value in self.headers if name == b"content-length"]  # one: the parser sees to that
        codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
        if 100 <= status < 200 and status != 101:
            if lengths or codings:
                raise Broken("an announcement cannot have a body")
            self.headers = []  # the answer follows
            return
        if codings not in ([], [b"chunked"]):
            raise Broken("its transfer coding is none that was asked for")
        if codings or status == 204:
            self.headers = [field for field in self.headers if field[0] != b"content-length"]
        self.status = status
        self._headed = True
        self._delimited = bool(lengths or codings)
        bodiless = self._bodiless or status in (204, 304)
        self._doubtful = (
            self._unsent() > 0  # answered before it was read: the rest may be taken for a request
            or (bool(codings) and (bool(lengths) or self._parser.get_http_version() != "1.1"))
            or (bodiless and (bool(codings) or lengths not in ([], [b"0"])))  # such a body may come all the same
        )
        if bodiless:
            self._end()  # the parser, which knows no HEAD, may wait for a body; the next answer has one of its own

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._ended:
            self.abort()
        else:
            self._dry_bytes = 0
            self._parts.append(data)
            self._waiting_bytes += len(data)

    def on_message_complete(self) -> None:
        """The end, of the answer or of an announcement."""
        if self._headed and not self._ended:
            self._end()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        self._ended = True
        self._stays = self._parser.should_keep_alive() and not self._doubtful

    def _over(self) -> bool:
        return self._ended or self._closed

    def _unsent(self) -> int:
        """Bytes of requests that the system has not taken yet."""
        return sum(layer.get_write_buffer_size() for layer in self._layers)

    def _fail(self, error: Trouble) -> None:
        self._error = self._error or error
        self.abort()

    def _tell(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(True)


def _give_up(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)
