"""Connections of a real server: the short way answers what the whole way would, and nothing else."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from semcache.http.shortcut import LONGEST, Shortcut
from tests.http.conftest import KeyRing
from tests.http.lines import ASKED, SHORT, Running, Serve, keep, request, same
from tests.serving import until


def test_the_short_way_says_what_the_whole_way_says(running: Serve) -> None:
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


def test_counters_tell_of_every_answer(running: Serve) -> None:
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


def test_a_request_in_pieces_or_with_another_goes_the_whole_way(running: Serve) -> None:
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


def test_bytes_that_look_like_a_request_inside_a_body_are_none(running: Serve) -> None:
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
def test_some_requests_are_not_remembered(running: Serve, headers: tuple[str, ...]) -> None:
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


def test_long_requests_are_not_remembered(running: Serve) -> None:
    service = running()
    body = {**ASKED, "prompt": "why? " * LONGEST}
    keep(service, body)
    with service.line() as line:
        for _ in range(4):
            assert b'"hit":true' in line.ask(request(body))
    assert service.shortcuts == 0


def test_a_key_that_is_taken_away_opens_the_short_way_no_more(running: Serve, keyring: KeyRing) -> None:
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


def test_what_is_deleted_or_expired_is_not_served(running: Serve) -> None:
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
def test_what_another_replica_takes_back_the_short_way_serves_no_second_longer(running: Serve, how: str) -> None:
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


def test_where_calls_are_counted_there_is_no_short_way(running: Serve) -> None:
    service = running(rate={"enabled": True})
    keep(service)
    with service.line() as line:
        for _ in range(5):
            assert b"x-ratelimit-remaining" in line.ask(request(ASKED))
    assert service.app.state.site.shortcut is None


def test_a_connection_in_use_stays_and_an_idle_one_is_closed(running: Serve) -> None:
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


def test_a_service_that_stops_takes_the_whole_way(running: Serve) -> None:
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
    running: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
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


def test_an_answer_to_head_has_no_body(running: Serve) -> None:
    service = running()
    with service.line() as line:
        line.socket.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        found = b""
        while data := line.socket.recv(65536):
            found += data
    assert found.startswith(b"HTTP/1.1 200")
    assert found.endswith(b"\r\n\r\n")
