"""One client connection: uvicorn's, with a short way for requests that are known byte for byte.

What is known again is answered from the very turn in which it came in, or in which the store's answer did: no parsing,
no task, no ASGI. Between two requests a chunk of bytes is looked up as it is (`Shortcut`); whatever is not known there,
or comes in several chunks, or several at once, is uvicorn's business like any other. A chunk that turned out to be one
whole request is shown to its handler (`CHUNK` in the scope), which may have it remembered.

While the store is asked for a request, the connection is that request's: what comes meanwhile is held, and nothing more
is read. If the store has no answer to give, the request goes the whole way, and what was held after it.

A whole answer to such another request is sent in one write, its header fields checked at once: each write is a system
call, and uvicorn looks at each field with two regular expressions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from semcache import direct
from semcache.errors import StoreUnavailable
from semcache.http.exchange import CONNECTION, Header
from semcache.http.shortcut import CHUNK, Chunk, Shortcut

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Scope


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

    def data_received(self, data: bytes) -> None:
        """Answer what is known; leave the rest to uvicorn."""
        if self._asked is not None:
            self._held.append(data)
            self.flow.pause_reading()
            return
        shortcut = self._shortcut
        if shortcut is None or not self._between:
            super().data_received(data)
            return
        cycle: Any = self.cycle  # None before the first request
        if cycle is not None and not cycle.response_complete:
            super().data_received(data)
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
        super().data_received(data)
        if self._begun == 1 and self._between:
            self._show(data, edition)

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

    # -- uvicorn's callbacks --------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """The parser has seen the first byte of a request."""
        self._begun += 1
        self._between = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The request's head is known, and its task is about to start."""
        self.scope[CONNECTION] = self  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The parser has seen a request to its end."""
        super().on_message_complete()
        self._between = True

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: what it had asked for is heard, and nobody told."""
        self._asked = None
        self._held.clear()
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
