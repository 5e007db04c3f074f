"""Connections of a real server, byte by byte: the short way answers what the whole way would, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from semcache.cache import SemanticCache
from semcache.http import connection
from semcache.http.app import create_app
from semcache.http.connection import Connection
from semcache.http.shortcut import LONGEST, Shortcut
from semcache.service import Service
from semcache.settings import Settings
from tests.http.conftest import KeyRing
from tests.patience import LONG_S, patient
from tests.serving import until

ASKED = {"prompt": "What is the capital of France?", "model": "m"}
Open = Callable[..., "Running"]


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


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Note what the short way answers."""
    SHORT.clear()
    answer = Shortcut.answer

    def noted(self: Shortcut, data: bytes) -> Any:
        found = answer(self, data)
        if found is not None:
            SHORT.append(data)
        return found

    monkeypatch.setattr(Shortcut, "answer", noted)


@pytest.fixture
def running(standalone_server: str, key_prefix: str, tmp_path: Path) -> Iterator[Open]:
    """Start services on one store."""
    started: list[Running] = []

    def start(options: dict[str, Any] | None = None, **changes: Any) -> Running:
        store = {"key_prefix": key_prefix, **changes.pop("store", {})}
        settings = patient({"redis_url": standalone_server, "embedder": "off", "data_dir": tmp_path, **changes})
        settings["store"] = {**settings["store"], **store}
        started.append(Running(Settings(**settings), **(options or {})))
        return started[-1]

    yield start
    for one in started:
        one.stop()


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


def test_the_short_way_says_what_the_whole_way_says(running: Open) -> None:
    service, plain = running(), running(near={"entries": 0, "requests": 0})
    keep(service)
    data = request(ASKED)
    with plain.line() as line:
        whole = line.ask(data)
    short = service.hit(data)
    assert same(short) == same(whole)
    first, second = service.hit(data), service.hit(data)
    ids = [re.search(rb"x-request-id: ([^\r]*)", answer)[1] for answer in (first, second)]  # type: ignore[index]
    assert ids[0] != ids[1]


def test_counters_tell_of_every_answer(running: Open) -> None:
    service = running()
    keep(service)
    data = request(ASKED)
    service.hit(data)
    with service.line() as line:
        for _ in range(20):
            line.ask(data)
        seen = line.ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").decode()
        stats = json.loads(line.ask(b"GET /v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n").partition(b"\r\n\r\n")[2])
    near = int(float(re.search(r'(?m)^semcache_near_hits_total\{namespace="default"\} (\S+)$', seen)[1]))  # type: ignore[index]
    assert near == service.service.near.hits >= len(SHORT) >= 20
    assert stats["requests"] == stats["hits"] >= near
    assert service.server.server_state.total_requests >= stats["requests"]


def test_a_request_in_pieces_or_with_another_goes_the_whole_way(running: Open) -> None:
    service = running()
    keep(service)
    data = request(ASKED)
    service.hit(data)
    taken = service.shortcuts
    with service.line() as line:
        for cut in (1, 20, len(data) // 2, len(data) - 1):
            line.socket.sendall(data[:cut])
            until(lambda: _partial(service), what="half a request")
            assert b'"hit":true' in line.ask(data[cut:])
        assert service.shortcuts == taken
        line.socket.sendall(data * 3)  # three at once
        for _ in range(3):
            assert b'"hit":true' in line.answer()
        line.socket.sendall(data + data[:30])
        assert b'"hit":true' in line.answer()
        assert b'"hit":true' in line.ask(data[30:])
        assert service.shortcuts == taken

        def short() -> bool:
            assert b'"hit":true' in line.ask(data)
            return service.shortcuts > taken

        until(short, what="the short way again")  # once the log was looked at lately: the machine may be busy


def _partial(service: Running) -> bool:
    return any(not one._between for one in service.server.server_state.connections)  # type: ignore[union-attr]


def test_bytes_that_look_like_a_request_inside_a_body_are_none(running: Open) -> None:
    service = running()
    keep(service)
    data = request(ASKED)
    service.hit(data)
    taken = service.shortcuts
    with service.line() as line:
        head = f"POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        line.socket.sendall(head.encode())
        until(lambda: _partial(service), what="a request without its body")
        answer = line.ask(data)
    assert answer.startswith(b"HTTP/1.1 422")
    assert service.shortcuts == taken


@pytest.mark.parametrize(
    "headers",
    [("X-Request-Id: mine-1",), ("Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",),
     ("Connection: close",), ("Expect: 100-continue",)],
)  # fmt: skip
def test_some_requests_are_not_remembered(running: Open, headers: tuple[str, ...]) -> None:
    service = running()
    keep(service)
    service.hit(request(ASKED))
    taken = service.shortcuts
    for _ in range(4):
        with service.line() as line:
            answer = line.ask(request(ASKED, *headers))
            if answer.startswith(b"HTTP/1.1 100"):
                answer = line.answer()
            assert b'"hit":true' in answer
            if headers[0] == "Connection: close":
                assert b"connection: close" in answer
                assert line.answer() == b""
            if "mine-1" in headers[0]:
                assert b"x-request-id: mine-1\r\n" in answer
    assert service.shortcuts == taken


def test_long_requests_are_not_remembered(running: Open) -> None:
    service = running()
    body = {**ASKED, "prompt": "why? " * LONGEST}
    keep(service, body)
    with service.line() as line:
        for _ in range(4):
            assert b'"hit":true' in line.ask(request(body))
    assert service.shortcuts == 0


def test_a_key_that_is_taken_away_opens_the_short_way_no_more(running: Open, keyring: KeyRing) -> None:
    key = keyring.add("one", namespaces=("a",), roles=("read", "write"))
    service = running(api_keys_file=keyring.path)
    keep(service, ASKED, f"X-API-Key: {key}")
    data = request(ASKED, f"X-API-Key: {key}")
    service.hit(data)
    text = keyring.path.read_text()
    keyring.path.write_text(text.replace('namespaces = ["a"]', 'namespaces = ["c"]') + "\n# narrowed\n")
    with service.line() as line:
        until(lambda: b'"hit":false' in line.ask(data), what="the key's new namespaces")
        taken = service.shortcuts
        assert b'"hit":false' in line.ask(data)
        assert b"HTTP/1.1 401" in line.ask(request(ASKED, "X-API-Key: sc_unknown"))
        assert service.shortcuts == taken


def test_what_is_deleted_or_expired_is_not_served(running: Open) -> None:
    service = running()
    keep(service)
    data = request(ASKED)
    entry_id = re.search(rb"x-cache-key: (\w+)", service.hit(data))[1].decode()  # type: ignore[index]
    with service.line() as line:
        gone = line.ask(f"DELETE /v1/entries/{entry_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert gone.startswith(b"HTTP/1.1 204")
        assert b'"hit":false' in line.ask(data)
    keep(service, ASKED, ttl_s=2)
    service.hit(data)
    with service.line() as line:
        until(lambda: b'"hit":false' in line.ask(data), what="the end of its life")


@pytest.mark.parametrize("how", ["delete", "tag", "namespace"])
def test_what_another_replica_takes_back_the_short_way_serves_no_second_longer(running: Open, how: str) -> None:
    here, there = running(), running()
    keep(here, tags=["geo"])
    data = request(ASKED)
    entry_id = re.search(rb"x-cache-key: (\w+)", there.hit(data))[1].decode()  # type: ignore[index]
    here.hit(data)
    with here.line() as one, there.line() as other:
        if how == "delete":
            told = one.ask(f"DELETE /v1/entries/{entry_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert told.startswith(b"HTTP/1.1 204")
        else:
            selector = {"tags": ["geo"]} if how == "tag" else {"namespace": "default", "all": True}
            told = one.ask(request(selector, path="/admin/invalidate"))
            assert told.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202"))
        acknowledged = time.monotonic()
        assert b'"hit":false' in one.ask(data)
        while time.monotonic() < acknowledged + 1.0:  # a copy may be served until then
            other.ask(data)
        assert b'"hit":false' in other.ask(data)


def test_where_calls_are_counted_there_is_no_short_way(running: Open) -> None:
    service = running(rate={"enabled": True})
    keep(service)
    with service.line() as line:
        for _ in range(5):
            assert b"x-ratelimit-remaining" in line.ask(request(ASKED))
    assert service.app.state.site.shortcut is None


def test_a_connection_in_use_stays_and_an_idle_one_is_closed(running: Open) -> None:
    service = running({"timeout_keep_alive": 1})
    keep(service)
    data = request(ASKED)
    service.hit(data)
    with service.line() as line:
        asked = 0

        def long_enough() -> bool:
            nonlocal asked
            asked += 1
            assert b'"hit":true' in line.ask(data)
            return asked > 80  # at 20 ms: longer than an idle one lives

        until(long_enough, what="a busy connection")
        assert line.answer() == b""  # closed, once it is idle


def test_a_service_that_stops_takes_the_whole_way(running: Open) -> None:
    service = running()
    keep(service)
    data = request(ASKED)
    service.hit(data)
    taken = service.shortcuts
    service.app.state.site.draining = True
    with service.line() as line:
        answer = line.ask(data)
        assert b"connection: close" in answer
        assert line.answer() == b""
    assert service.shortcuts == taken


def test_a_fault_of_the_short_way_is_no_callers(
    running: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = running()
    keep(service)
    data = request(ASKED)
    service.hit(data)

    def broken(self: Shortcut, data: bytes) -> Any:
        raise ValueError("a defect")

    monkeypatch.setattr(Shortcut, "_answer", broken)
    with service.line() as line:
        assert b'"hit":true' in line.ask(data)
    assert "the short way failed" in caplog.text


def test_an_answer_to_head_has_no_body(running: Open) -> None:
    service = running()
    with service.line() as line:
        line.socket.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        found = b""
        while data := line.socket.recv(65536):
            found += data
    assert found.startswith(b"HTTP/1.1 200")
    assert found.endswith(b"\r\n\r\n")


# -- what a client may not do before there is a request ---------------------------------------------------------------

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
def test_what_has_no_end_is_not_kept(running: Open, begin: bytes, piece: bytes, status: int, code: str) -> None:
    service = running()
    with service.line() as line:
        for part in (begin, *[piece * 10] * 50, b": a HTTP/1.1\r\n\r\n"):
            send(line, part)
        refused(line, status, code)


def test_a_head_that_came_at_once_has_the_same_bounds(running: Open) -> None:
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
    running: Open, monkeypatch: pytest.MonkeyPatch, begin: bytes, late: bool, more: bytes
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


def test_line_ends_between_requests_leave_the_connection_idle(running: Open) -> None:
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
    running: Open, monkeypatch: pytest.MonkeyPatch, held: threading.Event
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


def test_a_refusal_is_no_answer_to_what_was_asked_before(running: Open, held: threading.Event) -> None:
    service = running()
    with service.line() as line:
        line.socket.sendall(request(ASKED) + b"\0\r\n\r\n")
        assert line.answer() == b""
    held.set()


def test_trailers_are_no_header_fields(running: Open, keyring: KeyRing) -> None:
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


def test_a_body_is_no_request_where_another_protocol_is_asked_for(running: Open) -> None:
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
def test_an_offer_of_http_2_is_passed_over_as_java_makes_it(running: Open, name: bytes) -> None:
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
def test_what_others_may_read_otherwise_is_refused(running: Open, lines: bytes) -> None:
    service = running()
    with service.line() as line:
        line.socket.sendall(
            b"POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n0\r\n\r\n" + HEAD + b"\r\n"
        )
        refused(line, 400, "malformed")
