"""Rate limits at the edge: whose they are, what they say, and that nothing is asked while they are off."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from semcache.errors import StoreUnavailable
from semcache.http.rates import network_of
from tests.gateway.provider import Reply, provider
from tests.http.conftest import KeyRing, Open
from tests.http.expect import assert_problem
from tests.patience import LONG_S

QUESTION = {"prompt": "What is the capital of France?", "model": "m"}


def told(answer: httpx.Response) -> tuple[str, ...]:
    return tuple(answer.headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining", "reset"))


async def test_a_limited_answer_says_what_is_left(open_app: Open) -> None:
    async with open_app(rate={"enabled": True, "data_per_minute": 3}) as client:
        first = await client.post("/v1/lookup", json=QUESTION)
        assert (first.status_code, *told(first)) == (200, "3", "2", "60")
        wrong = await client.post("/v1/lookup", json={"model": "m"})  # counts, and says so
        assert (wrong.status_code, told(wrong)[1]) == (422, "1")
        assert told(await client.get("/v1/stats"))[1] == "0"
        past = await client.post("/v1/store", json={**QUESTION, "response": "Paris."})
        found = assert_problem(past, 429, "rate_limited")
        wait_s = int(past.headers["retry-after"])
        assert 50 < wait_s <= 61
        assert found["retry_after"] == wait_s
        assert f"try again in {wait_s} s" in found["detail"]
        assert told(past)[:2] == ("3", "0")
        assert (await client.get("/healthz")).status_code == 200  # not counted
        assert told(await client.get("/admin/config")) == ("", "", "")


async def test_a_batch_counts_its_items(open_app: Open) -> None:
    async with open_app(rate={"enabled": True, "data_per_minute": 10}) as client:
        taken = await client.post("/v1/lookup/batch", json={"items": [QUESTION] * 8})
        assert (taken.status_code, told(taken)[1]) == (200, "2")
        past = await client.post("/v1/lookup/batch", json={"items": [QUESTION] * 3})
        assert "3 requests, and 2 are left" in assert_problem(past, 429, "rate_limited")["detail"]
        never = await client.post("/v1/lookup/batch", json={"items": [QUESTION] * 11})
        assert "send less at a time" in assert_problem(never, 429, "rate_limited")["detail"]
        empty = await client.post("/v1/store/batch", json={"items": []})
        assert (empty.status_code, told(empty)[1]) == (200, "1")


async def test_each_key_has_a_rate_of_its_own(open_app: Open, keyring: KeyRing) -> None:
    one, two = keyring.add("one"), keyring.add("two")
    limits = {"enabled": True, "data_per_minute": 1}
    async with open_app(rate=limits, api_keys_file=keyring.path) as client:
        for key, status in ((one, 200), (one, 429), (two, 200), (two, 429)):
            answer = await client.post("/v1/lookup", json=QUESTION, headers={"x-api-key": key})
            assert answer.status_code == status
        assert (await client.post("/v1/lookup", json=QUESTION)).status_code == 401


async def test_without_a_key_the_address_counts_not_what_a_header_claims(open_app: Open) -> None:
    limits = {"enabled": True, "data_per_minute": 1}
    statuses = []
    for peer in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"):
        async with open_app(rate=limits, peer=peer, headers={"x-forwarded-for": peer[-1] * 3}) as client:
            statuses.append((await client.post("/v1/lookup", json=QUESTION)).status_code)
    assert statuses == [200, 429, 200]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network


async def test_off_costs_nothing(client: Any) -> None:
    async def never(*_: Any, **__: Any) -> None:
        raise AssertionError("asked")

    client.service.store.rates.take = never
    answer = await client.post("/v1/lookup", json=QUESTION)
    assert (answer.status_code, *told(answer)) == (200, "", "", "")


async def test_a_store_that_does_not_answer_lets_calls_pass(open_app: Open) -> None:
    async with open_app(rate={"enabled": True, "data_per_minute": 1}) as opened:
        client: Any = opened
        told_of: list[tuple[str, str]] = []

        async def dead(*_: Any, **__: Any) -> None:
            raise StoreUnavailable("store: no connection")

        client.service.store.rates.take = dead
        client.service.observers.degraded = lambda part, reason, detail="": told_of.append((part, reason))
        for _ in range(3):
            answer = await client.post("/v1/lookup", json=QUESTION)
            assert (answer.status_code, *told(answer)) == (200, "", "", "")
        assert told_of.count(("rates", "store_unavailable")) == 3


CHAT = {"model": "m", "messages": [{"role": "user", "content": "What is the capital of France?"}]}


def chat(prompt: str, **more: Any) -> dict[str, Any]:
    return {**CHAT, "messages": [{"role": "user", "content": prompt}], **more}


async def test_providers_clients_are_refused_in_their_own_protocol(open_app: Open) -> None:
    limits = {"enabled": True, "generation_per_minute": 2, "embeddings_per_minute": 1}
    with provider() as upstream:
        upstream.always(Reply(text="Paris."))
        async with open_app(rate=limits, upstream_base_url=upstream.url, upstream_api_key="k") as client:
            for left in ("1", "0"):  # answers from the cache count too
                answer = await client.post("/v1/chat/completions", json=CHAT)
                assert (answer.status_code, told(answer)[:2]) == (200, ("2", left))
            past = await client.post("/v1/chat/completions", json=chat("And of Spain?", stream=True))
            assert (past.status_code, told(past)[1]) == (429, "0")
            assert past.json()["error"]["message"].startswith("more than 2 generation requests a minute")
            assert past.json()["retry_after"] == int(past.headers["retry-after"]) > 50
            anthropic = await client.post("/v1/messages", json={**CHAT, "max_tokens": 5})
            assert (anthropic.status_code, anthropic.json()["type"]) == (429, "error")
            assert anthropic.json()["error"]["type"] == "rate_limit_error"
            assert (await client.post("/v1/embeddings", json={"model": "e", "input": "text"})).status_code == 200
            assert (await client.post("/v1/embeddings", json={"model": "e", "input": "text"})).status_code == 429
            assert (await client.get("/v1/models")).status_code == 200  # no generation
        assert len([call for call in upstream.calls if call.path.endswith("/completions")]) == 1


async def test_hits_need_not_count(open_app: Open) -> None:
    limits = {"enabled": True, "generation_per_minute": 5, "count_hits": False}
    with provider() as upstream:
        upstream.always(Reply(text="Paris."))
        async with open_app(rate=limits, upstream_base_url=upstream.url, upstream_api_key="k") as client:

            async def ask(prompt: str) -> tuple[str, int]:
                answer = await client.post("/v1/chat/completions", json=chat(prompt))
                assert answer.status_code == 200, answer.text
                return answer.headers["x-cache-status"], int(told(answer)[1])

            assert await ask("What is the capital of France?") == ("MISS", 4)
            entries = client.service.catalog  # type: ignore[attr-defined]
            async with asyncio.timeout(LONG_S):
                while not await entries.groups():  # the answer came before it was stored
                    await asyncio.sleep(0.01)
            assert [await ask("What is the capital of France?") for _ in range(7)] == [("HIT", 4)] * 7
            others = ("Spain", "Italy", "Peru", "Chad")
            assert [await ask(f"And of {name}?") for name in others] == [("MISS", left) for left in (3, 2, 1, 0)]
            past = await client.post("/v1/chat/completions", json=chat("And of Oman?"))
            assert past.status_code == 429
        assert len(upstream.calls) == 5
