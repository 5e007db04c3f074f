"""Requests that are read from the store as soon as their bytes are there: the answers of the whole way, in order."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from semcache.direct import Direct
from semcache.errors import StoreTimeout
from semcache.memory import Budget
from semcache.models import CacheIdentity
from semcache.stores.entries import RedisEntries
from semcache.stores.gathering import Gathering
from semcache.stores.lane import Lane, Lost
from tests.http.conftest import KeyRing
from tests.http.lines import ASKED, Running, Serve, keep, request, same
from tests.serving import until

READ: list[str] = []
"""Ids of entries that were read directly."""


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Note what is read directly."""
    READ.clear()
    begin = RedisEntries.begin_read

    def begun(self: RedisEntries, identity: CacheIdentity, hear: Any) -> bool:
        done = begin(self, identity, hear)
        if done:
            READ.append(identity.entry_id)
        return done

    monkeypatch.setattr(RedisEntries, "begin_read", begun)


def without_copies(running: Serve, **more: Any) -> Running:
    return running(near={"entries": 0}, **more)


def whole(running: Serve, **more: Any) -> Running:
    """A service in which nothing is known again."""
    return running(near={"entries": 0, "identities": 0, "requests": 0}, **more)


def read(service: Running, data: bytes) -> bytes:
    """Ask until the store is read directly; that answer."""
    with service.line() as line:

        def asked() -> bytes | None:
            before = len(READ)
            answer = line.ask(data)
            assert b'"hit":true' in answer, answer
            return answer if len(READ) > before else None

        found: bytes = until(asked, what="a direct read")
        return found


class Gate:
    """Holds direct reads back until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, service: Running) -> None:
        self.waiting: list[Callable[[], Any]] = []
        self._service = service
        self._open = False
        begin = RedisEntries.begin_read

        def begun(entries: RedisEntries, identity: CacheIdentity, hear: Any) -> bool:
            if self._open:
                return begin(entries, identity, hear)
            self.waiting.append(lambda: begin(entries, identity, hear))
            return True

        monkeypatch.setattr(RedisEntries, "begin_read", begun)

    def shut_behind(self, count: int) -> None:
        until(lambda: len(self.waiting) >= count, what="held reads")

    def open(self) -> None:
        """Let go on what was held, and what comes."""
        self._open = True
        for one in self.waiting:
            self._service.loop.call_soon_threadsafe(one)


def test_a_direct_read_says_what_the_whole_way_says(running: Serve) -> None:
    service, plain = without_copies(running), whole(running)
    keep(service)
    for body in (ASKED, {**ASKED, "strategy": "exact"}, {**ASKED, "max_age_s": 3600}):
        with plain.line() as line:
            expected = line.ask(request(body))
        first, second = read(service, request(body)), read(service, request(body))
        assert same(first) == same(second) == same(expected)
        ids = [re.search(rb"x-request-id: ([^\r]*)", answer)[1] for answer in (first, second)]  # type: ignore[index]
        assert ids[0] != ids[1]
    assert len(plain.service.cache.direct) == 0


BODIES: list[Any] = [
    ASKED,
    {**ASKED, "strategy": "exact"},
    {**ASKED, "max_age_s": 3600},
    {**ASKED, "prompt": "what is the capital of  France"},
    {**ASKED, "prompt": "What is my favourite colour?", "user": "u1"},
    {**ASKED, "prompt": "What is my favourite colour?", "user": "u2"},
    {**ASKED, "namespace": "other"},
]


@pytest.mark.parametrize("near", [{"entries": 0}, {"entries": 2}, {"requests": 2}])
def test_whatever_happens_to_entries_answers_are_those_of_the_whole_way(running: Serve, near: dict[str, Any]) -> None:
    service, plain = running(near=near), whole(running)
    draw, hits = random.Random(7), 0
    with service.line() as line, plain.line() as other:
        for number in range(600):
            body = draw.choice(BODIES)
            what = draw.choices(["ask", "store", "delete", "veto", "namespace"], [30, 4, 1, 1, 0.5])[0]
            answers = line.ask(request(body)), other.ask(request(body))
            found = [json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in answers]
            assert found[0]["hit"] == found[1]["hit"]
            if found[0]["hit"]:
                assert same(answers[0]) == same(answers[1])
                hits += 1
            else:
                assert found[0]["reason"] == found[1]["reason"]
            by = other if near == {"entries": 0} and number % 2 else line  # without copies it counts elsewhere at once
            if what == "store":
                by.ask(request({**named(body), "response": {"age_s": number}}, path="/v1/store"))
            elif what == "delete" and found[0]["hit"]:
                path = f"/v1/entries/{found[0]['entry_id']}"
                by.ask(f"DELETE {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            elif what == "veto" and found[0]["hit"]:
                said = {"request_id": found[0]["request_id"], "correct": False}
                by.ask(request(said, path="/v1/feedback"))
            elif what == "namespace":
                selector = {"namespace": body.get("namespace", "default"), "all": True}
                by.ask(request(selector, path="/admin/invalidate"))
    assert hits > 100
    assert READ


def named(body: Any) -> Any:
    """What of a lookup a store takes too."""
    return {name: value for name, value in body.items() if name not in ("strategy", "max_age_s")}


def test_direct_reads_count_like_all_others(running: Serve) -> None:
    service = without_copies(running)
    keep(service, usage={"input_tokens": 10, "output_tokens": 5}, cost_usd=0.5)
    data = request(ASKED)
    with service.line() as line:
        for _ in range(20):
            assert b'"hit":true' in line.ask(data)
        entry_id = re.search(rb"x-cache-key: (\w+)", line.ask(data))[1].decode()  # type: ignore[index]
        seen = line.ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").decode()
        stats = json.loads(line.ask(b"GET /v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n").partition(b"\r\n\r\n")[2])

        def hits() -> bool:
            got = line.ask(f"GET /v1/entries/{entry_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            return bool(json.loads(got.partition(b"\r\n\r\n")[2])["hits"] == 21)

        until(hits, what="uses in the store")
    assert len(READ) >= 15
    assert stats["hits_by_tier"]["exact"] == stats["requests"] == 21
    assert 'semcache_tokens_saved_total{namespace="default"} 315.0' in seen
    assert 'semcache_lookup_seconds_count{stage="store",tier="exact"} 21.0' in seen
    assert 'semcache_near_hits_total{namespace="default"} 0.0' in seen


def test_what_comes_while_the_store_is_asked_is_answered_after_it(
    running: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = without_copies(running)
    keep(service)
    data = request(ASKED)
    read(service, data)
    gate = Gate(monkeypatch, service)
    with service.line() as line, service.line() as beside:
        line.socket.sendall(data)
        gate.shut_behind(1)
        line.socket.sendall(request({**ASKED, "prompt": "unknown"}) + data[:40])
        assert b'"hit":false' in beside.ask(request({**ASKED, "prompt": "another"}))  # others are served meanwhile
        until(lambda: any(one._held for one in connections(service)), what="bytes that are held")
        line.socket.sendall(data[40:] + data)
        gate.open()
        hits = [b'"hit":true' in line.answer() for _ in range(4)]
        assert hits == [True, False, True, True]
        assert b'"hit":true' in line.ask(data)


def connections(service: Running) -> list[Any]:
    return list(service.server.server_state.connections)


def test_a_client_that_leaves_while_the_store_is_asked_harms_nobody(
    running: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = without_copies(running)
    keep(service)
    data = request(ASKED)
    read(service, data)
    gate = Gate(monkeypatch, service)
    with service.line() as line:
        line.socket.sendall(data)
        gate.shut_behind(1)
    until(lambda: not connections(service), what="the client's leave")
    gate.open()
    with service.line() as line:
        assert b'"hit":true' in line.ask(data)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_stop_waits_for_what_the_store_is_asked(running: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    service = without_copies(running)
    keep(service)
    data = request(ASKED)
    read(service, data)
    gate = Gate(monkeypatch, service)
    with service.line() as line:
        line.socket.sendall(data)
        gate.shut_behind(1)
        service.server.should_exit = True
        until(lambda: any(one._last for one in connections(service)), what="the stop")
        gate.open()
        answer = line.answer()
        assert b'"hit":true' in answer
        assert b"connection: close\r\n" in answer
        assert line.answer() == b""


def test_a_request_for_which_the_store_is_asked_is_no_idle_connection(
    running: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = without_copies(running, options={"timeout_keep_alive": 1})
    keep(service)
    data = request(ASKED)
    read(service, data)
    gate = Gate(monkeypatch, service)
    with service.line() as line:
        gate._open = True
        assert b'"hit":true' in line.ask(data)
        gate._open = False
        line.socket.sendall(data)
        gate.shut_behind(1)
        fired: list[Any] = []
        (connection,) = (one for one in connections(service) if one._asked is not None)
        wait = connection._wait

        def waited(seconds: float) -> None:
            fired.append(seconds)
            wait(seconds)

        connection._wait = waited
        until(lambda: fired, what="the timer of idle connections")
        gate.open()
        assert b'"hit":true' in line.answer()


def test_a_key_that_is_taken_away_opens_no_direct_read_any_more(running: Serve, keyring: KeyRing) -> None:
    key = keyring.add("one", namespaces=("a",), roles=("read", "write"))
    service = without_copies(running, api_keys_file=keyring.path)
    keep(service, ASKED, f"X-API-Key: {key}")
    data = request(ASKED, f"X-API-Key: {key}")
    read(service, data)
    text = keyring.path.read_text()
    keyring.path.write_text(text.replace('namespaces = ["a"]', 'namespaces = ["c"]') + "\n# narrowed\n")
    with service.line() as line:
        until(lambda: b'"hit":false' in line.ask(data), what="the key's new namespaces")
        before = len(READ)
        assert b'"hit":false' in line.ask(data)
        assert len(READ) == before


def test_where_calls_are_counted_or_nothing_is_remembered_nothing_is_read_directly(running: Serve) -> None:
    for changes in ({"rate": {"enabled": True}}, {"near": {"entries": 0, "requests": 0}}):
        service = running(**changes)
        keep(service)
        with service.line() as line:
            for _ in range(5):
                assert b'"hit":true' in line.ask(request(ASKED))
    assert not READ


def test_what_is_known_is_bounded(running: Serve) -> None:
    service = running(near={"entries": 0, "requests": 3})
    known = service.service.cache.direct
    with service.line() as line:
        for number in range(8):
            body = {**ASKED, "prompt": f"Why {number}?"}
            keep(service, body)
            line.ask(request(body))
            assert len(known) == min(number + 1, 3)
        line.ask(request({**ASKED, "prompt": "Why 7?"}))
        assert len(READ) == 1
        line.ask(request({**ASKED, "prompt": "Why 0?"}))
        assert len(READ) == 1


def test_a_miss_is_forgotten_until_it_hits_again(running: Serve) -> None:
    service = without_copies(running)
    keep(service)
    data = request(ASKED)
    entry_id = re.search(rb"x-cache-key: (\w+)", read(service, data))[1].decode()  # type: ignore[index]
    with service.line() as line:
        line.ask(f"DELETE /v1/entries/{entry_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b'"hit":false' in line.ask(data)
        before = len(READ)
        assert b'"hit":false' in line.ask(data)
        assert len(READ) == before
        assert len(service.service.cache.direct) == 0
    keep(service)
    read(service, data)


def test_a_fault_on_the_way_is_no_callers(
    running: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = without_copies(running)
    keep(service)
    data = request(ASKED)
    read(service, data)

    def broken(*args: Any) -> Any:
        raise ValueError("a defect")

    for where, name in ((service.app.state.site.shortcut, "_told"), (service.service.entries, "_read_of")):
        with monkeypatch.context() as patched, service.line() as line:
            patched.setattr(where, name, broken)
            answer = line.ask(data)
            assert b'"hit":true' in answer if name == "_told" else answer.startswith(b"HTTP/1.1 500")  # both ways read
        read(service, data)
    assert "the short way failed" in caplog.text


def test_a_lane_that_is_lost_loses_no_request(running: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    service = without_copies(running)
    keep(service)
    data = request(ASKED)
    read(service, data)
    tell = Lane.tell

    def lost(self: Lane, hear: Any, *command: Any) -> None:
        tell(self, lambda found: hear(Lost()), *command)
        self.close()

    monkeypatch.setattr(Lane, "tell", lost)
    with service.line() as line:
        before = len(READ)
        assert b'"hit":true' in line.ask(data)
        assert len(READ) == before + 1


def test_who_has_waited_for_the_store_does_not_wait_again(running: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The read has had its deadline: the whole way says so, and asks no second time."""
    service = without_copies(running)
    keep(service)
    data = request(ASKED)
    read(service, data)

    async def silent(*args: Any) -> Any:
        raise StoreTimeout("store: no answer in time")

    def unanswered(self: Lane, hear: Any, *command: Any) -> None:
        hear(Lost())

    runs: list[Any] = []
    run = Gathering.run

    async def ran(self: Gathering, *args: Any) -> Any:
        runs.append(args)
        return await run(self, *args)

    monkeypatch.setattr(Gathering, "run", ran)
    with service.line() as line:
        with monkeypatch.context() as patched:
            patched.setattr(Gathering, "_again", silent)
            patched.setattr(Lane, "tell", unanswered)
            assert b'"reason":"store_timeout"' in line.ask(data)
        assert not runs
        answer = line.ask(request({**ASKED, "prompt": "Why is the sky blue?"}))  # the next asks as ever
        assert b'"reason":"not_found"' in answer
        assert len(runs) == 1


def test_each_requests_key_is_made_with_a_secret(running: Serve) -> None:
    service = without_copies(running)
    other = Direct(1, budget=Budget(10**6), entries=service.service.entries, near=None,
                   observer=service.service.observers, uses=service.service.cache.uses)  # fmt: skip
    assert other._key(b"one") != service.service.cache.direct._key(b"one")
    assert other._key(b"one") != other._key(b"two")
