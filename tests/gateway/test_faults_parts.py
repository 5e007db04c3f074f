"""What a caller gets when a part of our own is in trouble, on every protocol. See the table of docs/gateway.md."""

from __future__ import annotations

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.gateway.conftest import Gateway, Open, events_of, many
from tests.gateway.provider import Provider, Reply
from tests.gateway.trouble import DEADLINE_S, FORMS, QUICK, until_cut
from tests.loopback import free_port
from tests.serving import until

MANY = 8


@FORMS
def test_the_store_is_down(tmp_path: Path, stream: bool) -> None:
    """Everything goes on without the cache; once the store is back, so is the cache."""
    with servers.server() as server, many(server.url, tmp_path) as opened:
        gateway = opened(store={"deadline_s": 1.0, "write_deadline_s": 1.0, "connect_timeout_s": 1.0})
        gateway.chat("before the trouble")
        gateway.settled()
        server.kill()
        started = time.monotonic()
        for prompt in ("before the trouble", "in the trouble"):
            seen = gateway.chat(prompt, stream=stream)
            assert (seen.code, seen.text) == (200, f"You said: {prompt}")
            assert (seen.status, seen.reason) in {("MISS", "store_unavailable"), ("MISS", "store_timeout")}
        assert time.monotonic() - started < DEADLINE_S
        gateway.settled()
        server.start()
        until(lambda: gateway.chat("after it", stream=stream).status == "HIT", what="the cache is back")


@FORMS
def test_the_store_hangs(tmp_path: Path, stream: bool) -> None:
    """Nobody waits for it beyond its deadline."""
    with servers.server() as server, many(server.url, tmp_path) as opened:
        gateway = opened(store={"deadline_s": 1.0, "write_deadline_s": 1.0, "breaker_pause_s": 0.2})
        gateway.chat("before the trouble")
        gateway.settled()
        server.pause()
        started = time.monotonic()
        for prompt in ("before the trouble", "in the trouble"):
            seen = gateway.chat(prompt, stream=stream)
            assert (seen.code, seen.text, seen.status) == (200, f"You said: {prompt}", "MISS")
            assert seen.reason in ("store_timeout", "store_unavailable")
        assert time.monotonic() - started < DEADLINE_S
        server.resume()
        until(lambda: gateway.chat("before the trouble", stream=stream).status == "HIT", what="the cache is back")


def test_reads_that_overrun_on_a_lane_are_told_of_one_by_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """All that were under way on one connection: to the caller, in the metrics, in the statistics and in the log."""
    with servers.server() as server, many(server.url, tmp_path) as opened, ThreadPoolExecutor(MANY) as callers:
        gateway = opened(store={"deadline_s": 1.0, "breaker_failures": 1000}, near={"entries": 0})
        prompts = [f"kept {number}" for number in range(MANY)]
        for prompt in prompts:
            gateway.chat(prompt)
        gateway.settled()
        reads = gateway.service.store.entries._reads  # over the lane, as soon as there is one
        until(lambda: gateway.chat(prompts[0]).status == "HIT" and reads._lane is not None, what="a lane")
        server.pause()
        asked = [callers.submit(gateway.chat, prompt) for prompt in prompts]
        seen = [one.result() for one in asked]
        server.resume()
        assert {(one.code, one.status, one.reason) for one in seen} == {(200, "MISS", "store_timeout")}
        counted = re.search(
            r'degraded_total{part="store",reason="store_timeout"} (.+)', gateway.client.get("/metrics").text
        )
        assert counted is not None
        assert float(counted[1]) >= MANY
        until(lambda: gateway.chat(prompts[0]).status == "HIT", what="the cache is back")
        told = gateway.client.get("/v1/stats").json()["degraded"]
    assert told["store:store_timeout"] >= MANY
    assert "degraded part=store reason=store_timeout" in caplog.text


def test_the_store_was_never_up(tmp_path: Path) -> None:
    with servers.server() as server, many(server.url, tmp_path) as opened:
        gateway = opened(upstream={"api_key": None})
        server.kill()
        gateway.service.front.tenancy._secret = None  # type: ignore[union-attr]  # as after a start without it
        seen = gateway.chat("whose is it?", headers={"authorization": "Bearer sk-a"})
        assert (seen.code, seen.status, seen.reason) == (200, "BYPASS", "store_unavailable")
        assert seen.text == "You said: whose is it?"


@FORMS
def test_the_embedder_is_down(open_gateway: Open, stream: bool) -> None:
    """The exact tiers go on; a paraphrase is a miss that says why."""
    gateway = open_gateway(embedder="openai:text-embedding-3-small", embedding=_nowhere(), threshold=0.9)
    gateway.chat("exact in spite of it", stream=stream)
    gateway.settled()
    assert gateway.chat("exact in spite of it", stream=stream).status == "HIT"
    seen = gateway.chat("something else altogether", stream=stream)
    assert (seen.code, seen.status) == (200, "MISS")
    assert seen.reason in ("embedder_unavailable", "embedder_timeout")


def _nowhere() -> dict[str, Any]:
    return {"openai_base_url": f"http://127.0.0.1:{free_port()}/v1", "openai_api_key": "k", "deadline_s": 0.3}


def test_upstream_down_cached_answers_go_on(faulty: Gateway) -> None:
    faulty.chat("kept before")
    faulty.provider.stop()
    for stream in (False, True):
        seen = faulty.chat("kept before", stream=stream)
        assert (seen.code, seen.status, seen.text) == (200, "HIT", "You said: kept before")


# -- other protocols and routes --------------------------------------------------------------------------------------


@FORMS
def test_trouble_on_messages_has_anthropics_shape(faulty: Gateway, stream: bool) -> None:
    body = {"model": "claude-test", "max_tokens": 9, "messages": [{"role": "user", "content": f"trouble {stream}"}]}
    faulty.provider.always(Reply(reset_at=-1))
    seen = faulty.client.post("/v1/messages", json={**body, "stream": stream})
    assert seen.status_code == 502
    assert seen.json()["type"] == "error"
    assert seen.json()["error"]["type"] == "api_error"
    if stream:
        faulty.provider.always(Reply(reset_at=3))
        with faulty.client.stream("POST", "/v1/messages", json={**body, "stream": True}) as response:
            told = until_cut(response)
        last = events_of(told)[-1]
        assert (last["type"], last["error"]["type"]) == ("error", "api_error")


@FORMS
def test_trouble_on_responses_has_its_shape(faulty: Gateway, stream: bool) -> None:
    body = {"model": "gpt-4o-mini", "input": f"trouble {stream}", "stream": stream}
    faulty.provider.always(Reply(reset_at=-1))
    seen = faulty.client.post("/v1/responses", json=body)
    assert (seen.status_code, seen.json()["error"]["code"]) == (502, "upstream_unavailable")
    if stream:
        faulty.provider.always(Reply(reset_at=3))
        with faulty.client.stream("POST", "/v1/responses", json=body) as response:
            told = until_cut(response)
        last = events_of(told)[-1]
        assert (last["type"], last["code"]) == ("error", "upstream_unavailable")


@pytest.mark.parametrize("path", ["/v1/files", "/v1/models"])
def test_trouble_on_routes_that_are_passed_on(faulty: Gateway, path: str) -> None:
    faulty.provider.always(Reply(reset_at=-1))
    seen = faulty.client.get(path)
    assert (seen.status_code, seen.json()["error"]["code"]) == (502, "upstream_unavailable")


def test_a_request_that_is_not_repeatable_is_sent_once(faulty: Gateway) -> None:
    faulty.provider.always(Reply(status=500, headers=QUICK))
    assert faulty.client.post("/v1/files", content=b"x").status_code == 500
    assert len(faulty.provider.calls) == 1


def test_many_callers_of_a_dead_upstream_are_all_answered(faulty: Gateway) -> None:
    faulty.provider.always(Reply(reset_at=-1))
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(faulty.chat("dead for all").code), name=f"caller {number}")
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert codes == [502] * 8


def test_no_upstream_of_a_model(open_gateway: Open) -> None:
    gateway = open_gateway(upstream={"models": ["gpt-*"], "protocol": "openai"})
    seen = gateway.chat("which model?", model="other")
    assert (seen.code, seen.json["error"]["code"]) == (404, "model_not_found")
    told = gateway.post("/v1/messages", {"model": "claude-test", "max_tokens": 1, "messages": []})
    assert told.status_code == 503
    assert json.loads(told.content)["type"] == "error"


def test_the_provider_of_these_tests_is_still_well(faulty: Gateway) -> None:
    provider: Provider = faulty.provider
    assert faulty.chat("all is well").text == "You said: all is well"
    assert len(provider.calls) == 1
