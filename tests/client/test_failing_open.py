"""A cache that is down, slow or something else costs its caller a bounded moment, and never an answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from semcache.client import AsyncClient, CacheUnavailable, Client, ClientError
from semcache.client.breaker import FAILURES, PAUSE_S, Breaker
from tests.client.conftest import ManualClock
from tests.patience import LONG_S
from tests.serving import until

Behaviour = Callable[[socket.socket, threading.Event], None]

DEADLINE_S = 0.3
ASK: Any = {"model": "m"}


def silent(connection: socket.socket, stop: threading.Event) -> None:
    stop.wait()


def hangs_up(connection: socket.socket, stop: threading.Event) -> None:
    connection.recv(65536)


def trickles_headers(connection: socket.socket, stop: threading.Event) -> None:
    _trickle(connection, stop, b"HTTP/1.1 200 OK\r\nx-filler: " + b"x" * 10_000)


def trickles_a_body(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")
    _trickle(connection, stop, b" " * 10_000)


def says(status: str, body: bytes, kind: str = "application/json") -> Behaviour:
    def answer(connection: socket.socket, stop: threading.Event) -> None:
        while connection.recv(65536):
            head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)

    return answer


def _trickle(connection: socket.socket, stop: threading.Event, data: bytes) -> None:
    for byte in data:
        connection.sendall(bytes([byte]))
        if stop.wait(0.01):
            return


@contextlib.contextmanager
def server(behaviour: Behaviour) -> Iterator[tuple[str, list[socket.socket]]]:
    """A listener whose connections behave so; its URL, and the connections it had."""
    stop, connections, threads = threading.Event(), list[socket.socket](), list[threading.Thread]()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            behaviour(connection, stop)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = listener.accept()[0]
                connections.append(connection)
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads.append(threading.Thread(target=accept))
        threads[0].start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", connections
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()


BROKEN = {
    "silent": silent,
    "hangs up": hangs_up,
    "trickles headers": trickles_headers,
    "trickles a body": trickles_a_body,
    "no HTTP": lambda connection, stop: connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "500": says("500 Internal Server Error", b'{"code": "internal", "detail": "a defect"}'),
    "a proxy's page": says("502 Bad Gateway", b"<html>", "text/html"),
    "another service": says("200 OK", b"<html>hello</html>", "text/html"),
    "other JSON": says("200 OK", b'{"hit": "maybe"}'),
    "redirects": says("302 Found", b""),
}


@pytest.mark.parametrize("behaviour", BROKEN.values(), ids=BROKEN)
def test_a_broken_cache_is_a_miss_within_the_deadline(behaviour: Behaviour) -> None:
    with server(behaviour) as (url, _), Client(url, timeout_s=DEADLINE_S) as client:
        begun = time.monotonic()
        found, stored = client.lookup("x", **ASK), client.store("x", **ASK, response=1)
        assert time.monotonic() - begun < LONG_S / 2
    assert (found.hit, found.reason) == (False, "cache_unavailable")
    assert (stored.stored, stored.reason) == (False, "cache_unavailable")


@pytest.mark.parametrize("behaviour", BROKEN.values(), ids=BROKEN)
async def test_and_so_it_is_for_those_who_await(behaviour: Behaviour) -> None:
    with server(behaviour) as (url, _):
        async with AsyncClient(url, timeout_s=DEADLINE_S) as client:
            begun = time.monotonic()
            found = await client.lookup("x", **ASK)
            assert time.monotonic() - begun < LONG_S / 2
    assert found.reason == "cache_unavailable"


def test_without_failing_open_it_is_an_error_that_says_why() -> None:
    with (
        server(says("503 Service Unavailable", b'{"code": "starting", "detail": "soon", "request_id": "r"}')) as (
            url,
            _,
        ),
        Client(url, timeout_s=LONG_S, fail_open=False) as client,
    ):
        with pytest.raises(CacheUnavailable, match="soon") as raised:
            client.lookup("x", **ASK)
        assert (raised.value.status, raised.value.code, raised.value.request_id) == (503, "starting", "r")
        with pytest.raises(CacheUnavailable):
            client.stats()


@pytest.mark.parametrize(
    ("status", "reason"), [("413 Content Too Large", "too_large"), ("429 Too Many Requests", "rate_limited")]
)
def test_what_depends_on_the_traffic_is_a_miss(status: str, reason: str) -> None:
    with server(says(status, b'{"code": "x", "detail": "y"}')) as (url, _), Client(url, timeout_s=LONG_S) as client:
        assert client.lookup("x", **ASK).reason == reason
        assert client.store("x", **ASK, response=1).reason == reason
        assert [one.reason for one in client.lookup_many([{"prompt": "x", "model": "m"}] * 2)] == [reason] * 2
        strict = Client(url, timeout_s=LONG_S, fail_open=False)
        with strict, pytest.raises(ClientError):
            strict.lookup("x", **ASK)


def test_a_dead_cache_is_left_alone_for_a_while(clock: ManualClock) -> None:
    with server(silent) as (url, connections), Client(url, timeout_s=DEADLINE_S, monotonic=clock) as client:
        for _ in range(FAILURES + 5):
            assert client.lookup("x", **ASK).reason == "cache_unavailable"
        until(lambda: len(connections) == FAILURES)
        clock.now += PAUSE_S
        for _ in range(5):
            client.lookup("x", **ASK)
        until(lambda: len(connections) == FAILURES + 1)


def test_it_is_used_again_as_soon_as_it_answers(clock: ManualClock) -> None:
    healthy = threading.Event()
    miss = says("200 OK", b'{"hit": false, "reason": "not_found"}')

    def recovers(connection: socket.socket, stop: threading.Event) -> None:
        if healthy.is_set():
            miss(connection, stop)

    with server(recovers) as (url, _), Client(url, timeout_s=LONG_S, monotonic=clock) as client:
        for _ in range(FAILURES):
            client.lookup("x", **ASK)
        healthy.set()
        assert client.lookup("x", **ASK).reason == "cache_unavailable"
        clock.now += PAUSE_S
        assert [client.lookup("x", **ASK).reason for _ in range(5)] == ["not_found"] * 5


def test_one_call_at_a_time_tries_again_and_its_failure_prolongs_the_pause(clock: ManualClock) -> None:
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.admit()
        breaker.failed()
    assert not breaker.admit()
    clock.now += PAUSE_S
    assert [breaker.admit() for _ in range(3)] == [True, False, False]
    breaker.failed()
    clock.now += PAUSE_S - 0.1
    assert not breaker.admit()
    clock.now += 0.1
    assert breaker.admit()
    breaker.succeeded()
    assert [breaker.admit() for _ in range(3)] == [True] * 3


def test_it_is_said_once_a_minute(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="semcache.client")
    with Client("http://127.0.0.1:1", monotonic=clock) as client:
        for _ in range(10):
            client.lookup("x", **ASK)
        assert len(caplog.records) == 1
        clock.now += 61
        client.lookup("x", **ASK)
    assert len(caplog.records) == 2
    assert "http://127.0.0.1:1" in caplog.messages[1]
    assert "9 more" in caplog.messages[1]


async def test_a_caller_that_is_cancelled_is_cancelled() -> None:
    with server(silent) as (url, connections):
        async with AsyncClient(url, timeout_s=LONG_S) as client:
            task = asyncio.create_task(client.lookup("x", **ASK))
            while not connections:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


def test_a_call_has_its_time_though_names_have_several_addresses() -> None:
    with server(says("200 OK", b'{"hit": false, "reason": "not_found"}')) as (url, _):
        client = Client(url.replace("127.0.0.1", "localhost"), timeout_s=LONG_S)
        with client:
            assert client.lookup("x", **ASK).reason == "not_found"
    with Client("http://no-such-host.invalid", timeout_s=LONG_S) as client:
        assert client.lookup("x", **ASK).reason == "cache_unavailable"
