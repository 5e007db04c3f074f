"""Odd statuses, long streams, slow and leaving readers, and the end of the process while answers are under way."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway.conftest import Gateway, Open, Seen
from tests.gateway.provider import Gate, Provider, Reply, provider
from tests.patience import LONG_S
from tests.serving import Served, until

PATH = "/v1/chat/completions"
LONG = 60_000_000
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % (b"w" * 60_000)


def endless() -> Iterable[bytes]:
    """Far more than sockets hold."""
    return (EVENT for _ in range(LONG // len(EVENT)))


def asking(prompt: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}], **more}


# -- what HTTP allows, and what it does not ---------------------------------------------------------------------------


def test_not_modified_ends_with_its_headers(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    gateway.provider.then(Reply(status=304, raw=b"0123456789", close_at=0))
    seen = gateway.client.get("/v1/files/f")
    assert (seen.status_code, seen.content) == (304, b"")
    assert "content-length" not in seen.headers
    assert gateway.client.get("/v1/files/f").status_code == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("path", ["/v1/files/f", PATH])
def test_a_status_of_no_class_is_an_answer_of_no_use(gateway: Gateway, path: str) -> None:
    gateway.provider.then(Reply(status=999))
    seen = gateway.client.post(path, json=asking("which class?"))
    assert (seen.status_code, seen.json()["error"]["code"]) == (502, "upstream_unavailable")


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_other_methods_of_a_providers_paths_are_passed_on(gateway: Gateway, method: str) -> None:
    gateway.provider.then(Reply(raw=b"{}"))
    seen = gateway.client.request(method, PATH)
    assert seen.headers["x-cache-status"] == "BYPASS"
    assert (gateway.provider.calls[-1].method, gateway.provider.calls[-1].path) == (method, PATH)


# -- long streams -----------------------------------------------------------------------------------------------------


def test_a_stream_that_is_not_kept_waits_for_its_only_reader_and_ends_with_it(gateway: Gateway) -> None:
    gateway.provider.then(Reply(body=endless, content_type="text/event-stream"))
    with gateway.client.stream("POST", PATH, json=asking("endless", stream=True)) as response:
        parts = response.iter_raw()
        next(parts)
        call = gateway.provider.calls[-1]
        until(lambda: _stands(call), what="upstream waits")
        assert call.sent < LONG / 2
        assert Seen(gateway.client.post(PATH, json=asking("endless"))).text == "You said: endless", "a call of its own"
    until(call.left.is_set, what="upstream is left alone once nobody reads")
    gateway.settled()


def _stands(call: Any) -> bool:
    before = call.sent
    return before > 1_000_000 and not threading.Event().wait(0.3) and bool(call.sent == before)


def test_a_long_stream_comes_whole_to_all_who_began_together(open_gateway: Open) -> None:
    gateway, gate = open_gateway(limits={"response_bytes": 1000}), Gate()
    gateway.provider.always(Reply(text="word " * 20_000, gate=gate, gate_at=1))
    told: list[Seen] = []

    def ask() -> None:
        with httpx.Client(base_url=gateway.url, timeout=LONG_S) as client:
            told.append(Seen(client.post(PATH, json=asking("together", stream=True))))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    flights = gateway.service.front._parts.coalescer._flights  # type: ignore[union-attr]
    until(lambda: sum(each.followers + 1 for each in list(flights.values())) == 5, what="five on one flight")
    gate.open()
    for thread in threads:
        thread.join()
    assert len(gateway.provider.calls) == 1
    assert {one.raw for one in told} == {told[0].raw}
    assert told[0].done


# -- the end of the process -------------------------------------------------------------------------------------------


@pytest.fixture
def upstream() -> Iterator[Provider]:
    with provider() as made:
        yield made


@pytest.fixture
def process(tmp_path: Path, upstream: Provider) -> Iterator[Served]:
    told = {"main": {"base_url": upstream.url, "api_key": "sk-operator", "retries": 0}}
    made = Served(tmp_path, tmp_path, {"SEMCACHE_EMBEDDER": "off", "SEMCACHE_UPSTREAMS": json.dumps(told)})
    try:
        made.start()
        yield made
    finally:
        made.clean()


def test_what_is_under_way_at_the_signal_is_finished_and_stored(process: Served, upstream: Provider) -> None:
    gate = Gate()
    upstream.always(Reply(gate=gate, gate_at=1))  # within every body: a connection whose answer is whole is used again
    told: list[Seen] = []

    def ask(number: int, stream: bool) -> None:
        with httpx.Client(timeout=LONG_S) as client:
            told.append(Seen(client.post(process.url + PATH, json=asking(f"ending {number}", stream=stream))))

    threads = [threading.Thread(target=ask, args=(number, number % 2 == 0)) for number in range(6)]
    for thread in threads:
        thread.start()
    leaving = httpx.Client(timeout=LONG_S)
    with leaving.stream("POST", process.url + PATH, json=asking("ending 6", stream=True)) as response:
        next(response.iter_raw())
        until(lambda: len(upstream.calls) == 7, what="all calls")
    leaving.close()
    stopping = threading.Thread(target=lambda: codes.append(process.stop()))
    codes: list[int] = []
    stopping.start()
    until(lambda: not _accepts(process), what="the end of listening")
    gate.open()
    for thread in [*threads, stopping]:
        thread.join()
    assert codes == [0]
    assert [one.code for one in told] == [200] * 6
    assert all(one.done for one in told if one.is_stream)
    assert not _complaints(process)
    process.start()
    for number in range(7):
        seen = httpx.post(process.url + PATH, json=asking(f"ending {number}"), timeout=LONG_S)
        assert seen.headers["x-cache-status"] == "HIT", number


def _accepts(process: Served) -> bool:
    try:
        return httpx.get(f"{process.url}/readyz", timeout=LONG_S).status_code == 200
    except httpx.HTTPError:
        return False


def _complaints(process: Served) -> list[str]:
    told = process.log.read_text()
    return [line for line in told.splitlines() if "Traceback" in line or "level=error" in line or "never " in line]


def test_the_store_dies_while_an_answer_is_under_way(process: Served, upstream: Provider) -> None:
    gate = Gate()
    upstream.then(Reply(gate=gate, gate_at=2))
    with httpx.stream("POST", process.url + PATH, json=asking("orphaned", stream=True), timeout=LONG_S) as response:
        parts = response.iter_raw()
        begun = next(parts)
        process.kill_server()
        gate.open()
        whole = begun + b"".join(parts)
    assert whole.endswith(b"data: [DONE]\n\n")
    until(lambda: _asked(process, "after it") == "HIT", what="the cache is back")
    assert "Traceback" not in process.log.read_text()


def _asked(process: Served, prompt: str) -> str:
    answer = httpx.post(process.url + PATH, json=asking(prompt), timeout=LONG_S)
    assert answer.status_code == 200
    return answer.headers["x-cache-status"]
