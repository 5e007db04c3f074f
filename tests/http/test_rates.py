"""Rate limits at the edge: whose they are, what they say, and that nothing is asked while they are off."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from semcache.errors import StoreUnavailable
from semcache.http.rates import network_of
from tests.http.conftest import KeyRing, Open
from tests.http.expect import assert_problem

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
