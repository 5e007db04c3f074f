"""One client connection: uvicorn's, with a short way for requests that are known byte for byte.

What is known again is answered from the very turn in which it came in, or in which the store's answer did: no parsing,
no task, no ASGI. Between two requests a chunk of bytes is looked up as it is (`Shortcut`); whatever is not known there,
or comes in several chunks, or several at once, is uvicorn's business like any other. A chunk that turned out to be one
whole request is shown to its handler (`CHUNK` in the scope), which may have it remembered.

While the store is asked for a request, the connection is that request's: what comes meanwhile is held, and nothing more
is read. If the store has no answer to give, the request goes the whole way, and what was held after it.

A whole answer to such another request is sent in one write, its header fields checked at once: each write is a system
call, and uvicorn looks at each field with two regular expressions.

uvicorn bounds neither the head of a request nor the time that a client takes to send one. Here what the parser has to
keep (a target, header fields, trailers) is counted until it is whole, and one timer a connection, not one a request,
looks whether the client is late. Trailers are dropped: whoever forwards a request has checked its header fields only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from semcache import direct
from semcache.errors import StoreUnavailable
from semcache.http.exchange import CONNECTION, Header
from semcache.http.problems import PROBLEM_TYPE, problem
from semcache.http.shortcut import CHUNK, Chunk, Shortcut

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Scope


LONGEST_HEAD: Final = 65_536
"""Bytes of a request's head, and of whatever else of it is kept until it is whole, as a trailer."""
LONGEST_TARGET: Final = 16_384
"""Bytes of a request's target."""
PATIENCE_S: Final = 20.0
"""Longest wait for a request's head: from its first byte, or from connecting."""
LEAST_BODY: Final = 4_096
"""Bytes that a body must bring within that time."""

_CONTROL: Final = bytes(one for one in (*range(32), 127) if one != 9)
_PLAIN: Final = frozenset(
    {
        b"age",
        b"cache-status",
        b"content-length",
        b"content-type",
        b"x-cache-key",
        b"x-cache-reason",
        b"x-cache-similarity",
        b"x-cache-status",
        b"x-cache-tier",
        b"x-ratelimit-limit",
        b"x-ratelimit-remaining",
        b"x-ratelimit-reset",
        b"x-request-id",
    }
)
"""Header fields that mean nothing to the server itself. Answers with others are left to uvicorn."""


_HTTP_2: Final = b"h2c"
_OFFER: Final = re.compile(rb"\r\nupgrade:[ \t]*h2c[ \t]*(?=\r\n)", re.IGNORECASE)
"""To go on in HTTP/2, which a server may pass over (RFC 9110, 7.8)."""

_Refusal = tuple[int, str, str]
"""Status, code and detail of a problem."""

_MALFORMED: Final[_Refusal] = (400, "malformed", "this is no request of HTTP/1.1")
_LONG_HEAD: Final[_Refusal] = (431, "head_too_large", f"the header fields are longer than {LONGEST_HEAD} bytes")
_LONG_TARGET: Final[_Refusal] = (414, "target_too_long", f"the request's target is longer than {LONGEST_TARGET} bytes")
_UPGRADE: Final[_Refusal] = (
    400,
    "upgrade_refused",
    "only HTTP/1.1 is spoken here: a request with a body must not ask for another protocol (`Upgrade`)",
)
_LATE: Final[_Refusal] = (408, "request_timeout", "the request was not sent in time")


class _Refused(Exception):
    """Ends the parsing of a request. Why is `Connection._why`."""


class Connection(HttpToolsProtocol):
    """A connection of the serving process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._shortcut: Shortcut | None = getattr(self.app, "shortcut", None)
        self._between = True
        """The parser has seen the last request to its end, and nothing of the next."""
        self._begun = 0
        self._answered_s = 0.0
        """When a request was answered by the short way, by the loop's clock."""
        self._asked: bytes | None = None
        """The request for which the store is asked just now."""
        self._held: list[bytes] = []
        """What came meanwhile."""
        self._last = False
        """The server stops: the answer to that request ends the connection."""
        self._defaults: list[tuple[bytes, bytes]] | None = None
        self._default_lines = b""
        self._heading = False
        """A request has begun, and its head is not whole."""
        self._fed = 0
        """Bytes of the chunk that is parsed."""
        self._moved = False
        """Something was finished by that chunk: a head, a piece of a body, a request."""
        self._unread = 0
        """Bytes of the chunks since then."""
        self._why = _MALFORMED
        self._since_s = 0.0
        """When the last request began, or the connection, by the loop's clock."""
        self._body = 0
        """Bytes of bodies since the timer looked."""
        self._looked_at: object = None
        """The cycle whose body the timer has begun to wait for."""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, for so long."""
        super().connection_made(transport)
        self._since_s = self.loop.time()
        self._timer = self.loop.call_later(PATIENCE_S, self._look)

    def data_received(self, data: bytes) -> None:
        """Answer what is known; leave the rest to uvicorn."""
        if self._asked is not None:
            self._held.append(data)
            self.flow.pause_reading()
            return
        shortcut = self._shortcut
        if shortcut is None or not self._between:
            self._parse(data)
            return
        cycle: Any = self.cycle  # None before the first request
        if cycle is not None and not cycle.response_complete:
            self._parse(data)
            return
        if not self.flow.write_paused and not self.transport.is_closing():
            answer = shortcut.answer(data)
            if answer is not None:
                self._answer(answer)
                return
            self._asked = data
            if shortcut.ask(data, self._heard) or self._asked is None:
                return
            self._asked = None
        self._feed(data, shortcut)

    def _feed(self, data: bytes, shortcut: Shortcut) -> None:
        """Leave a chunk that begins a request to uvicorn."""
        edition = shortcut.edition
        self._begun = 0
        self._parse(data)
        if self._begun == 1 and self._between:
            self._show(data, edition)

    def _parse(self, data: bytes) -> None:
        """Have uvicorn parse a chunk, and bound what it leaves unfinished."""
        if self._between and _HTTP_2 in data:
            data = _declined(data)
        self._fed = len(data)
        self._moved = False
        super().data_received(data)
        if not self._between:
            self._unread = 0 if self._moved else self._unread + len(data)
            if self._unread > LONGEST_TARGET:
                self._bound()
        elif not self._moved and self.timeout_keep_alive_task is None:  # line ends between requests: still idle
            cycle: Any = self.cycle
            if self._answered_s if cycle is None else cycle.response_complete:
                self._wait(self.timeout_keep_alive)

    def _bound(self) -> None:
        if self.transport.is_closing():
            return
        if self._heading and len(self.url) > LONGEST_TARGET:
            self._refuse(_LONG_TARGET)
        elif self._unread > LONGEST_HEAD:
            self._refuse(_LONG_HEAD)

    def _heard(self, answer: tuple[bytes, ...] | None, refused: StoreUnavailable | None) -> None:
        """The store has answered, or will not."""
        data, self._asked = self._asked, None
        held, self._held = self._held, []
        if data is None or self._shortcut is None or self.transport.is_closing():
            return
        if answer is not None:
            self._answer(answer)
        else:
            with direct.told(refused):
                self._feed(data, self._shortcut)
            if self._last:
                super().shutdown()
        if held and not self.transport.is_closing():
            self.flow.resume_reading()
            self.data_received(b"".join(held))

    def _answer(self, answer: tuple[bytes, ...]) -> None:
        last = self._last or (self._shortcut is not None and self._shortcut.draining)
        end = b"connection: close\r\n" if last else b""
        self.transport.write(b"".join((STATUS_LINE[200], self._server_lines(), end, *answer)))
        self.server_state.total_requests += 1
        if last:
            self.transport.close()
            return
        self._answered_s = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait(self.timeout_keep_alive)

    def _server_lines(self) -> bytes:
        fields = self.server_state.default_headers
        if fields is not self._defaults:  # the date: another list each second
            self._defaults, self._default_lines = fields, _lines(fields)
        return self._default_lines

    def send_whole(self, scope: Scope, status: int, headers: list[Header], body: bytes) -> bool:
        """Send a whole answer, Content-Length among its fields; False, and nothing is done, where that is uvicorn's."""
        cycle: Any = self.cycle
        if cycle is None or cycle.scope is not scope or cycle.response_started or cycle.disconnected:
            return False
        if self.flow.write_paused or cycle.access_log or scope["method"] == "HEAD":
            return False
        if not _PLAIN.issuperset([name for name, _ in headers]):
            return False
        lines = _lines(headers)
        if len(lines.translate(None, _CONTROL)) != len(lines) - 2 * len(headers):  # else it would raise, as it should
            return False
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"".join((STATUS_LINE[status], self._server_lines(), lines, end, body)))
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    def _show(self, data: bytes, edition: object) -> None:
        """Let the handler know in which bytes its request came, where the same bytes will mean the same again."""
        parser: Any = self.parser  # None once the connection is lost
        if parser is None or parser.should_upgrade() or not self.cycle.keep_alive or self.expect_100_continue:
            return
        self.scope[CHUNK] = Chunk(data, edition)  # type: ignore[typeddict-unknown-key]

    # -- what is refused before there is a request ----------------------------------------------------------------

    def _check_head(self) -> None:
        """Raises _Refused for a whole head that is too long. Its chunks are, so that is worth a closer look."""
        if len(self.url) > LONGEST_TARGET:
            self._stop(_LONG_TARGET)
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > LONGEST_HEAD:
            self._stop(_LONG_HEAD)

    def _check_upgrade(self) -> None:
        """Raises _Refused for a body that the parser would leave unread: it would be taken for the next request."""
        for name, value in self.headers:
            if name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0"):
                self._stop(_UPGRADE)

    def _stop(self, why: _Refusal) -> None:
        self._why = why
        raise _Refused

    def send_400_response(self, msg: str) -> None:
        """Say why the parser has stopped, as a problem document."""
        self._refuse(self._why)

    def _refuse(self, why: _Refusal) -> None:
        """End the connection; with an answer, unless it would be taken for that to another request."""
        cycle: Any = self.cycle
        waited_for = cycle is not None and not cycle.response_complete
        whose = not waited_for if self._heading else waited_for and not cycle.response_started and not self.pipeline
        if whose:
            status, code, detail = why
            body = msgspec.json.encode(problem(status, code, detail))
            kind = b"content-type: %s\r\ncontent-length: %d\r\n" % (PROBLEM_TYPE.encode(), len(body))
            end = b"connection: close\r\n\r\n"
            self.transport.write(b"".join((STATUS_LINE[status], self._server_lines(), kind, end, body)))
        if waited_for:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()

    # -- who is late ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Whether the client keeps us waiting. What begins after this has its whole time until the next look."""
        self._timer = None
        if self.transport.is_closing():
            return
        left_s = self._left_s()
        if left_s > 0:
            self._timer = self.loop.call_later(left_s, self._look)
        elif self._between:
            self.transport.close()  # nothing was asked
        else:
            self._refuse(_LATE)

    def _left_s(self) -> float:
        """How long the client still has."""
        cycle: Any = self.cycle
        body, self._body = self._body, 0
        before, self._looked_at = self._looked_at, None
        if self._asked is not None:
            return PATIENCE_S
        if self._between or self._heading:
            busy = cycle is not None and not cycle.response_complete
            used = cycle is not None or self._answered_s > 0
            if busy or (self._between and used):  # it is our turn, or the keep-alive timer runs
                return PATIENCE_S
            return self._since_s + PATIENCE_S - self.loop.time()
        if self.flow.read_paused or cycle.waiting_for_100_continue:  # the client waits for us
            return PATIENCE_S
        self._looked_at = cycle
        return 0.0 if before is cycle and body < LEAST_BODY else PATIENCE_S

    # -- uvicorn's callbacks --------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """The parser has seen the first byte of a request."""
        self._begun += 1
        self._between = False
        self._heading = True
        self._unread = 0
        self._since_s = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The request's head is known, and its task is about to start."""
        if self._unread + self._fed > LONGEST_TARGET:
            self._check_head()
        upgrade = self.parser.should_upgrade()
        if upgrade:
            self._check_upgrade()
        self._heading = False
        self._moved = True
        self.scope[CONNECTION] = self  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()
        self.headers = []  # for trailers: the scope keeps the other one
        if upgrade:  # what follows is for another protocol
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """The parser has seen a piece of the body."""
        self._moved = True
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The parser has seen a request to its end."""
        super().on_message_complete()
        self._between = True
        self._moved = True

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: what it had asked for is heard, and nobody told."""
        self._asked = None
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server stops: end an idle connection at once, one in use with its answer."""
        if self._asked is None:
            super().shutdown()
        else:
            self._last = True

    def timeout_keep_alive_handler(self) -> None:
        """Close what was idle for long enough. The short way leaves the timer as it is: setting it costs more."""
        left_s = self._answered_s + self.timeout_keep_alive - self.loop.time()
        if self._asked is not None:
            self._wait(self.timeout_keep_alive)
        elif left_s > 0:
            self._wait(left_s)
        else:
            super().timeout_keep_alive_handler()

    def _wait(self, seconds: float) -> None:
        self.timeout_keep_alive_task: asyncio.TimerHandle | None = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )


def _lines(fields: list[Header]) -> bytes:
    return b"".join([b"%s: %s\r\n" % field for field in fields])


def _declined(data: bytes) -> bytes:
    """A chunk that begins a request, without an offer of HTTP/2 in its head. Java's client makes it with every request,
    and the parser would leave the body unread.
    """
    found = _OFFER.search(data, 0, data.find(b"\r\n\r\n") + 2)
    return data if found is None else data[: found.start()] + data[found.end() :]
