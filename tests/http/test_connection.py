"""Connections of a real server: what a client may not do before there is a request."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import Any

import pytest

from semcache.cache import SemanticCache
from semcache.http import connection
from tests.http.conftest import KeyRing
from tests.http.lines import ASKED, Line, Serve, keep, request
from tests.patience import LONG_S
from tests.serving import until

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"


def refused(line: Line, status: int, code: str) -> None:
    answer = line.answer()
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"content-type: application/problem+json\r\n" in answer
    assert b"connection: close\r\n" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == code
    assert ended(line)


def ended(line: Line) -> bool:
    with contextlib.suppress(ConnectionError):
        return line.answer() == b""
    return True


def send(line: Line, data: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # it need not be read to its end
        line.socket.sendall(data)


@pytest.mark.parametrize(
    ("begin", "piece", "status", "code"),
    [
        (HEAD, b"X-A: %s\r\n" % (b"a" * 1000), 431, "head_too_large"),
        (HEAD + b"X-A: ", b"a" * 1000, 431, "head_too_large"),
        (HEAD, b"a" * 1000, 431, "head_too_large"),
        (b"GET /healthz?", b"a" * 1000, 414, "target_too_long"),
        (CHUNKED + b"\r\n0\r\n", b"X-A: %s\r\n" % (b"a" * 1000), 431, "head_too_large"),
        (CHUNKED + b"\r\n0\r\nX-A: ", b"a" * 1000, 431, "head_too_large"),
    ],
    ids=["fields", "field", "name", "target", "trailers", "trailer"],
)
def test_what_has_no_end_is_not_kept(running: Serve, begin: bytes, piece: bytes, status: int, code: str) -> None:
    service = running()
    with service.line() as line:
        for part in (begin, *[piece * 10] * 50, b": a HTTP/1.1\r\n\r\n"):
            send(line, part)
        refused(line, status, code)


def test_a_head_that_came_at_once_has_the_same_bounds(running: Serve) -> None:
    service = running()
    field = b"X-A: %s\r\n" % (b"a" * 993)
    with service.line() as line:
        assert line.ask(HEAD + field * 60 + b"\r\n").startswith(b"HTTP/1.1 200")
        assert line.ask(b"GET /healthz?%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * 16000)).startswith(
            b"HTTP/1.1 "
        )
        body = b"a" * 500_000  # more than one read; counts for nothing
        assert line.ask(CHUNKED + b"\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)).startswith(b"HTTP/1.1 422")
        send(line, HEAD + field * 70 + b"\r\n")
        refused(line, 431, "head_too_large")
    with service.line() as line:
        send(line, b"GET /healthz?%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * 17000))
        refused(line, 414, "target_too_long")


@pytest.mark.parametrize("more", [b"", b"X"], ids=["silent", "slow"])
@pytest.mark.parametrize(
    ("begin", "late"),
    [(b"", False), (b"\r\n", False), (b"GET /hea", True), (HEAD + b"X-A: ", True), (CHUNKED, True),
     (b"POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n{", True)],
    ids=["nothing", "line_end", "target", "field", "head", "body"],
)  # fmt: skip
def test_whoever_does_not_finish_is_not_waited_for(
    running: Serve, monkeypatch: pytest.MonkeyPatch, begin: bytes, late: bool, more: bytes
) -> None:
    monkeypatch.setattr(connection, "PATIENCE_S", 0.2)
    service = running()
    with service.line() as line:
        line.socket.sendall(begin)
        line.socket.settimeout(0.02)

        def closed() -> bool:
            with contextlib.suppress(TimeoutError):
                return not line._more()
            send(line, more if late else begin)
            return False

        with contextlib.suppress(ConnectionError):
            until(closed, what="the end of the connection")
        line.socket.settimeout(LONG_S)
        if late:
            refused(line, 408, "request_timeout")
        else:
            assert line._buffer == b""


def test_line_ends_between_requests_leave_the_connection_idle(running: Serve) -> None:
    service = running({"timeout_keep_alive": 1})
    keep(service)
    service.hit(request(ASKED))
    for data in (request(ASKED), HEAD + b"\r\n"):  # by the short way, and by the whole
        with service.line() as line:
            line.ask(data)
            line.socket.sendall(b"\r\n")
            assert line.answer() == b""


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Lookups are answered once this is set."""
    free = threading.Event()
    lookup = SemanticCache.lookup

    async def waiting(self: SemanticCache, *given: Any, **named: Any) -> Any:
        await asyncio.to_thread(free.wait, LONG_S)
        return await lookup(self, *given, **named)

    monkeypatch.setattr(SemanticCache, "lookup", waiting)
    return free


def test_whoever_waits_for_us_is_waited_for(
    running: Serve, monkeypatch: pytest.MonkeyPatch, held: threading.Event
) -> None:
    looks: list[float] = []
    left = connection.Connection._left_s

    def noted(self: connection.Connection) -> float:
        looks.append(left(self))
        return looks[-1]

    service = running()
    monkeypatch.setattr(connection, "PATIENCE_S", 0.1)
    monkeypatch.setattr(connection.Connection, "_left_s", noted)
    with service.line() as line:
        line.socket.sendall(request(ASKED) + HEAD)  # the second one is not whole, and nobody's turn
        until(lambda: len(looks) > 3, what="looks")
        held.set()
        assert line.answer().startswith(b"HTTP/1.1 200")
        refused(line, 408, "request_timeout")


def test_a_refusal_is_no_answer_to_what_was_asked_before(running: Serve, held: threading.Event) -> None:
    service = running()
    with service.line() as line:
        line.socket.sendall(request(ASKED) + b"\0\r\n\r\n")
        assert line.answer() == b""
    held.set()


def test_trailers_are_no_header_fields(running: Serve, keyring: KeyRing) -> None:
    key = keyring.add("one", namespaces=("a", "b"), roles=("read", "write"))
    service = running(api_keys_file=keyring.path)
    text = json.dumps(ASKED).encode()
    body = b"\r\n%x\r\n%s\r\n0\r\n" % (len(text), text)
    with service.line() as line:
        answer = line.ask(CHUNKED + body + f"X-API-Key: {key}\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 401")
        lines = f"X-API-Key: {key}\r\n".encode()
        answer = line.ask(CHUNKED + lines + body + b"X-Cache-Namespace: c\r\nX-Request-Id: mine-1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")  # in `c` it would be forbidden
        assert b"mine-1" not in answer


def test_a_body_is_no_request_where_another_protocol_is_asked_for(running: Serve) -> None:
    service = running()
    upgrade = b"Connection: Upgrade\r\nUpgrade: other\r\n"
    with service.line() as line:
        inside = HEAD + b"\r\n"
        line.socket.sendall(HEAD + upgrade + b"Content-Length: %d\r\n\r\n" % len(inside))
        refused(line, 400, "upgrade_refused")
    with service.line() as line:
        line.socket.sendall(CHUNKED + upgrade + b"\r\n")
        refused(line, 400, "upgrade_refused")
    with service.line() as line:
        answer = line.ask(HEAD + upgrade + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer
        assert line.answer() == b""


@pytest.mark.parametrize("name", [b"Upgrade", b"upgrade"])
def test_an_offer_of_http_2_is_passed_over_as_java_makes_it(running: Serve, name: bytes) -> None:
    service = running()
    text = json.dumps(ASKED).encode()
    offer = b"Connection: Upgrade, HTTP2-Settings\r\n%s: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n" % name
    with service.line() as line:
        for _ in range(2):
            line.socket.sendall(HEAD + offer + b"Content-Length: %d\r\n\r\n" % len(text))  # and the body by itself
            answer = line.ask(text)
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"connection: close" not in answer
        answer = line.ask(CHUNKED + offer + b"\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(text), text))
        assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length : 5\r\n",
        b"Content-Length:\r\n 5\r\n",
        b"X-A: 1\r\n b\r\n",
        b"X-A: 1\nContent-Length: 5\r\n",
        b"X-A: 1\rContent-Length: 5\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding:\r\n chunked\r\n",
    ],
)
def test_what_others_may_read_otherwise_is_refused(running: Serve, lines: bytes) -> None:
    service = running()
    with service.line() as line:
        line.socket.sendall(
            b"POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n0\r\n\r\n" + HEAD + b"\r\n"
        )
        refused(line, 400, "malformed")
