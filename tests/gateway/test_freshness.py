"""How fresh an answer must be, and how stale it may be: by setting and by header, on the provider routes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.gateway.conftest import Gateway, Open, many
from tests.gateway.provider import Gate, Reply
from tests.patience import LONG_S
from tests.serving import until

FORMS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
SHORT = {"x-cache-ttl": "0.05"}


@pytest.fixture(scope="module")
def standing(standalone_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Expired answers are kept; nothing stale is served unless a request says so."""
    with many(standalone_server, tmp_path_factory.mktemp("fresh")) as opened:
        yield opened(ttl={"min_s": 0.05, "stale_window_s": 600})


@pytest.fixture
def gateway(standing: Gateway) -> Gateway:
    standing.clean()
    return standing


def control(value: str) -> dict[str, str]:
    return {"cache-control": value}


def expire(gateway: Gateway, prompt: str) -> None:
    """Have an answer kept, and wait until it has expired."""
    gateway.chat(prompt, headers=SHORT)
    gateway.settled()
    until(lambda: not gateway.is_kept(prompt), what="expiry")
    gateway.provider.forget()


# -- Cache-Control ---------------------------------------------------------------------------------------------------


@FORMS
def test_no_cache_asks_again_and_keeps_the_news(gateway: Gateway, stream: bool) -> None:
    prompt = f"no-cache {stream}"
    gateway.chat(prompt)
    gateway.provider.always(Reply(text="news"))
    seen = gateway.chat(prompt, stream=stream, headers=control("no-cache"))
    assert (seen.status, seen.reason, seen.text) == ("MISS", "no_cache", "news")
    assert "fwd=request" in seen.headers["cache-status"]
    gateway.settled()  # until it is stored, the answer of before is
    assert (gateway.chat(prompt).status, gateway.chat(prompt).text) == ("HIT", "news")


@FORMS
def test_no_store_touches_nothing(gateway: Gateway, stream: bool) -> None:
    prompt = f"no-store {stream}"
    for _ in range(2):
        seen = gateway.chat(prompt, stream=stream, headers=control("no-store"))
        assert (seen.status, seen.reason) == ("BYPASS", "no_store")
        assert seen.text == f"You said: {prompt}"
    assert not gateway.is_kept(prompt)
    gateway.chat(prompt)
    assert gateway.chat(prompt, headers=control("no-store")).status == "BYPASS"
    assert gateway.chat(prompt).status == "HIT"


def test_max_age_refuses_what_is_older(gateway: Gateway) -> None:
    gateway.chat("max-age")
    assert gateway.chat("max-age", headers=control("max-age=3600")).status == "HIT"
    seen = gateway.chat("max-age", headers=control("max-age=0"))
    assert (seen.status, seen.reason) == ("MISS", "no_cache")
    until(lambda: gateway.chat("max-age").evidence["age_s"] >= 1, what="an answer older than a second")
    aged = gateway.chat("max-age", headers=control("max-age=1"))
    assert (aged.status, aged.reason) == ("MISS", "too_old")
    assert gateway.chat("max-age", headers=control("max-age=60")).status == "HIT"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "never asked"}]}),
        ("/v1/responses", {"model": "m", "input": "never asked"}),
        ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "never asked"}]}),
        ("/v1/embeddings", {"model": "m", "input": "never asked"}),
    ],
)
def test_only_if_cached_never_asks_upstream(gateway: Gateway, path: str, body: dict[str, Any]) -> None:
    for more in ({}, {"temperature": 1}, {"stream": True}):
        answer = gateway.post(path, {**body, **more}, cache_control="only-if-cached")
        assert answer.status_code == 504, more
        error = answer.json()["error"]
        assert error.get("code", "not_cached") == "not_cached"
    assert gateway.provider.calls == []
    gateway.post(path, body)
    gateway.settled()
    kept = gateway.post(path, body, cache_control="only-if-cached")
    assert (kept.status_code, kept.headers["x-cache-status"]) == (200, "HIT")


# -- X-Cache-* -------------------------------------------------------------------------------------------------------


def test_a_ttl_is_the_answers_life(gateway: Gateway) -> None:
    gateway.chat("short life", headers=SHORT)
    gateway.settled()
    until(lambda: not gateway.is_kept("short life"), what="expiry")
    seen = gateway.chat("short life")
    assert (seen.status, seen.reason) == ("MISS", "expired")
    assert "fwd=stale" in seen.headers["cache-status"]
    gateway.chat("long life", headers={"x-cache-ttl": "120"})
    left = gateway.chat("long life").headers["cache-status"]
    assert 100 < int(left.split("ttl=")[1].split(";")[0]) <= 120


def test_a_ttl_of_nothing_is_not_kept(gateway: Gateway) -> None:
    gateway.chat("no life", headers={"x-cache-ttl": "0"})
    gateway.settled()
    assert not gateway.is_kept("no life")


def test_tags_invalidate(gateway: Gateway) -> None:
    gateway.chat("tagged", headers={"x-cache-tags": "docs, v2"})
    gateway.chat("untagged")
    gateway.settled()
    done = gateway.post("/admin/invalidate", {"tags": ["v2"]})
    assert done.json()["deleted"] == 1
    seen = gateway.chat("tagged")
    assert seen.status == "MISS"
    assert gateway.chat("untagged").status == "HIT"


def test_embeddings_have_tags_and_lives_too(gateway: Gateway) -> None:
    body = {"model": "text-embedding-3-small", "input": ["tagged vector"]}
    gateway.post("/v1/embeddings", body, x_cache_tags="vectors")
    assert gateway.post("/v1/embeddings", body).headers["x-cache-status"] == "HIT"
    assert gateway.post("/admin/invalidate", {"tags": ["vectors"]}).json()["deleted"] == 1
    assert gateway.post("/v1/embeddings", body).headers["x-cache-status"] == "MISS"


def test_a_strategy_narrows(gateway: Gateway) -> None:
    gateway.chat("What is a strategy?")
    assert gateway.chat("What is a  strategy", headers={"x-cache-strategy": "exact"}).status == "MISS"
    gateway.settled()
    gateway.chat("What is a plan?")
    seen = gateway.chat("what is a plan")
    assert (seen.status, seen.headers["x-cache-tier"]) == ("HIT", "normalized")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-cache-ttl", "soon"),
        ("x-cache-threshold", "2"),
        ("x-cache-strategy", "magic"),
        ("x-cache-namespace", "no spaces"),
        ("x-cache-tags", "x" * 1000),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/embeddings"])
def test_a_header_that_means_nothing_is_the_callers_error(gateway: Gateway, name: str, value: str, path: str) -> None:
    answer = gateway.client.post(path, json={}, headers={name: value})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert gateway.provider.calls == []


# -- stale answers ---------------------------------------------------------------------------------------------------


def test_nothing_stale_is_served_unless_asked_for(gateway: Gateway) -> None:
    expire(gateway, "not asked for")
    gateway.provider.always(Reply(status=503))
    assert gateway.chat("not asked for").code == 503


@FORMS
def test_stale_if_error_by_header(gateway: Gateway, stream: bool) -> None:
    prompt = f"stale if error {stream}"
    expire(gateway, prompt)
    gateway.provider.always(Reply(status=503))
    seen = gateway.chat(prompt, stream=stream, headers=control("stale-if-error=60"))
    assert (seen.code, seen.status, seen.reason) == (200, "STALE", "upstream_503")
    both = gateway.chat(prompt, stream=stream, headers=control("no-cache, stale-if-error=60"))
    assert both.status == "STALE", "what is named beside no-cache is meant"
    assert gateway.chat(prompt, stream=stream, headers=control("no-cache")).code == 503
    assert len(gateway.provider.calls) == 3


@FORMS
def test_no_cache_asks_while_the_failed_call_before_it_is_still_read(gateway: Gateway, stream: bool) -> None:
    """A stale answer is served at the head of a refusal: the flight of that call is open until its body has come."""
    prompt = f"still read {stream}"
    expire(gateway, prompt)
    gate = Gate()
    gateway.provider.then(Reply(status=503, gate=gate, gate_at=0))
    gateway.provider.always(Reply(status=503))
    try:
        assert gateway.chat(prompt, stream=stream, headers=control("stale-if-error=60")).status == "STALE"
        assert len(gateway.provider.calls) == 1
        both = gateway.chat(prompt, stream=stream, headers=control("no-cache, stale-if-error=60"))
        assert (both.status, len(gateway.provider.calls)) == ("STALE", 2)
        assert gateway.chat(prompt, stream=stream, headers=control("no-cache")).code == 503
        assert len(gateway.provider.calls) == 3
    finally:
        gate.open()


def test_nothing_stale_is_served_that_was_invalidated_while_upstream_failed(gateway: Gateway) -> None:
    prompt = "invalidated meanwhile"
    for invalidated in (False, True):
        gateway.chat(prompt, headers=SHORT | {"x-cache-tags": "wrong"})
        gateway.settled()
        until(lambda: not gateway.is_kept(prompt), what="expiry")
        gate = Gate()
        gateway.provider.then(Reply(status=503, gate=gate))
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(lambda: gateway.chat(prompt, headers=control("stale-if-error=60")))
            assert gate.reached.wait(LONG_S)
            if invalidated:
                assert gateway.post("/admin/invalidate", {"tags": ["wrong"]}).json()["deleted"] == 1
            gate.open()
            assert (asking.result().status == "STALE") is not invalidated
        gateway.settled()


def test_what_was_stored_while_upstream_failed_is_served(gateway: Gateway) -> None:
    expire(gateway, "stored meanwhile")
    gate = Gate()
    gateway.provider.then(Reply(status=503, gate=gate))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(lambda: gateway.chat("stored meanwhile", headers=control("stale-if-error=60")))
        assert gate.reached.wait(LONG_S)
        gateway.provider.then(Reply(text="news"))
        assert gateway.chat("stored meanwhile", headers=control("no-cache")).text == "news"
        until(lambda: gateway.is_kept("stored meanwhile"), what="the store")
        gate.open()
        assert (asking.result().status, asking.result().text) == ("HIT", "news")


@FORMS
def test_stale_while_revalidate_serves_at_once_and_refreshes_once(gateway: Gateway, stream: bool) -> None:
    prompt = f"revalidate {stream}"
    expire(gateway, prompt)
    gate = Gate()
    gateway.provider.always(Reply(text="news", gate=gate))
    headers = control("stale-while-revalidate=60")
    for _ in range(5):
        seen = gateway.chat(prompt, stream=stream, headers=headers)
        assert (seen.code, seen.status, seen.reason) == (200, "STALE", "revalidating")
        assert seen.text == f"You said: {prompt}"
        assert "; hit" in seen.headers["cache-status"]
        assert "ttl=-" in seen.headers["cache-status"] or "ttl=0" in seen.headers["cache-status"]
    until(lambda: gateway.provider.calls, what="the refresh")
    assert len(gateway.provider.calls) == 1
    gate.open()
    gateway.settled()
    seen = gateway.chat(prompt, stream=stream, headers=headers)
    assert (seen.status, seen.text) == ("HIT", "news")
    assert len(gateway.provider.calls) == 1


def test_a_refresh_that_fails_keeps_the_stale_answer(gateway: Gateway) -> None:
    expire(gateway, "failing refresh")
    gateway.provider.always(Reply(status=500))
    headers = control("stale-while-revalidate=60")
    for _ in range(2):
        assert gateway.chat("failing refresh", headers=headers).status == "STALE"
        gateway.settled()
    assert len(gateway.provider.calls) == 2
    assert gateway.chat("failing refresh").code == 500


def test_one_refresh_over_two_replicas(open_gateway: Open) -> None:
    windows: dict[str, Any] = {
        "ttl": {"min_s": 0.05, "stale_window_s": 600},
        "gateway": {"stale_while_revalidate_s": 300},
    }
    replicas = [open_gateway(**windows) for _ in range(2)]
    provider = replicas[0].provider
    expire(replicas[0], "two replicas")
    gate = Gate()
    provider.always(Reply(text="news", gate=gate))
    statuses: list[str] = []
    threads = [
        threading.Thread(target=lambda each=each: statuses.append(each.chat("two replicas").status), name="caller")
        for each in replicas * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == ["STALE"] * 8
    until(lambda: provider.calls, what="the refresh")
    gate.open()
    for each in replicas:
        each.settled()
    assert len(provider.calls) == 1
    assert {each.chat("two replicas").text for each in replicas} == {"news"}


def test_stale_is_for_the_very_same_request_only(gateway: Gateway) -> None:
    expire(gateway, "What is the very same?")
    gateway.provider.always(Reply(status=503))
    other = gateway.chat("what is the very same", headers=control("stale-if-error=60"))
    assert other.code == 503


def test_no_window_reaches_beyond_the_operators(open_gateway: Open) -> None:
    gateway = open_gateway(ttl={"min_s": 0.05, "stale_window_s": 0})
    expire(gateway, "bounded")
    gateway.provider.always(Reply(status=503))
    assert gateway.chat("bounded", headers=control("stale-if-error=600")).code == 503


# -- refusals that are remembered ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 413, 422])
@FORMS
def test_a_refusal_of_the_request_is_remembered_for_a_moment(open_negative: Gateway, status: int, stream: bool) -> None:
    gateway, prompt = open_negative, f"refused {status} {stream}"
    gateway.provider.then(Reply(status=status))
    first = gateway.chat(prompt, stream=stream)
    assert (first.code, first.status) == (status, "MISS")
    again = gateway.chat(prompt, stream=stream, headers={"traceparent": "00-1", "x-client-request-id": "another"})
    assert (again.code, again.status, again.reason) == (status, "HIT", "negative")
    assert again.raw == first.raw
    assert len(gateway.provider.calls) == 1
    assert gateway.chat(prompt, headers=control("no-cache")).code == 200
    assert gateway.chat(prompt).status == "HIT"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ({"service_tier": "bogus"}, {}),
        ({"metadata": {"a": "b"}}, {"metadata": {}}),
        ({"user": "x" * 99}, {"user": "x"}),
        ({"stream": True}, {}),
        ({"headers": {"user-agent": "odd"}}, {}),
    ],
    ids=str,
)
def test_a_refusal_of_what_no_identity_knows_of_is_for_the_very_same_request_only(
    open_negative: Gateway, wrong: dict[str, Any], right: dict[str, Any]
) -> None:
    gateway, prompt = open_negative, f"refused for {wrong}"
    gateway.provider.then(Reply(status=400))
    assert gateway.chat(prompt, **wrong).code == 400
    again = gateway.chat(prompt, **wrong)
    assert (again.code, again.reason) == (400, "negative")
    other = gateway.chat(prompt, **right)
    assert (other.code, other.status) == (200, "MISS")
    assert len(gateway.provider.calls) == 2


def test_refusals_of_one_prompt_are_remembered_side_by_side(open_negative: Gateway) -> None:
    gateway, prompt = open_negative, "refused for anybody"
    gateway.provider.always(Reply(status=400))
    for _ in range(2):
        for user in ("ann", "bob"):
            assert gateway.chat(prompt, user=user).code == 400
    assert len(gateway.provider.calls) == 2


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 503])
def test_no_other_refusal_is_remembered(open_negative: Gateway, status: int) -> None:
    prompt = f"not remembered {status}"
    open_negative.provider.then(Reply(status=status))
    assert open_negative.chat(prompt).code == status
    assert open_negative.chat(prompt).code == 200


def test_a_refusal_is_not_remembered_unless_the_operator_says_so(gateway: Gateway) -> None:
    gateway.provider.then(Reply(status=400))
    assert gateway.chat("refused once").code == 400
    assert gateway.chat("refused once").code == 200


@pytest.fixture(scope="module")
def negative(standalone_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with many(standalone_server, tmp_path_factory.mktemp("negative")) as opened:
        yield opened(gateway={"negative_ttl_s": 60})


@pytest.fixture
def open_negative(negative: Gateway) -> Gateway:
    """A gateway that remembers refusals."""
    negative.clean()
    return negative


def test_a_remembered_refusal_is_forgotten_in_time(open_gateway: Open) -> None:
    gateway = open_gateway(gateway={"negative_ttl_s": 0.2})
    gateway.provider.then(Reply(status=404))
    assert gateway.chat("soon forgotten").code == 404
    until(lambda: gateway.chat("soon forgotten").code == 200, what="forgetting")
