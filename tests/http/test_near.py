"""The near cache seen from outside: the same answers with it and without it, and nothing stale."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from semcache.near import Near, awake_or_not
from semcache.policy.copies import RENEWED_S
from semcache.settings import NearSettings
from tests.http.conftest import KeyRing, Open
from tests.integration.conftest import eventually
from tests.patience import LONG_S

ASKED = {"prompt": "What is the capital of France?", "model": "m"}
VARYING = ("age_s", "expires_in_s")


def near_of(client: httpx.AsyncClient) -> Near:
    found: Near = client.service.near  # type: ignore[attr-defined]
    return found


async def trusted(client: httpx.AsyncClient) -> None:
    await eventually(lambda: near_of(client).lag_s < 0.3, what="a look at the change log")


def unwatched(client: httpx.AsyncClient) -> None:
    """From here on the change log reaches this replica's copies no more."""
    client.service.watcher._near = Near(NearSettings(), epoch=lambda namespace, shard: 0)  # type: ignore[attr-defined]


async def ask(client: httpx.AsyncClient, body: Any = ASKED, **headers: str) -> httpx.Response:
    return await client.post("/v1/lookup", json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


async def keep(client: httpx.AsyncClient, body: Any = ASKED, **more: Any) -> str:
    answer = await client.post("/v1/store", json={**body, "response": {"say": "Paris."}, **more})
    assert answer.status_code == 201, answer.text
    entry_id: str = answer.json()["entry_id"]
    return entry_id


async def served_near(client: httpx.AsyncClient, body: Any = ASKED) -> httpx.Response:
    """A hit that came from a copy."""

    async def looked() -> httpx.Response | None:
        before = near_of(client).hits
        answer = await ask(client, body)
        assert answer.json()["hit"]
        return answer if near_of(client).hits > before else None

    found: httpx.Response = await eventually(looked, what="a hit from a copy")
    return found


def shown(answer: httpx.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    """What two answers to one question must have in common, to the byte: all but their time and their own id."""
    body = re.sub(rb'"(age_s|expires_in_s)":[0-9.e+-]+', rb'"\1":0', answer.content)
    headers = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "content-length")}
    headers = {name: "0" if name == "age" else value for name, value in headers.items()}
    assert int(answer.headers["content-length"]) == len(answer.content)
    return answer.status_code, {"raw": body}, headers


@pytest.fixture
async def pair(open_app: Open) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Two replicas on one store, with the near cache and without it."""
    async with open_app() as one, open_app(near={"entries": 0, "identities": 0}) as two:
        yield [one, two]


BODIES: list[Any] = [
    ASKED,
    {**ASKED, "strategy": "exact"},
    {**ASKED, "max_age_s": 3600},
    {**ASKED, "max_age_s": 0},
    {**ASKED, "params": {"temperature": 0}},
    {**ASKED, "prompt": "what is the capital of  France"},
    {**ASKED, "prompt": "What is my favourite colour?", "user": "u1"},
    {**ASKED, "prompt": "What is my favourite colour?", "user": "u2"},
    {**ASKED, "prompt": "What is my favourite colour?"},
    {**ASKED, "prompt": 'Say "age_s":1, "ttl_class":2 \u00e9'},
    {"messages": [{"role": "user", "content": ASKED["prompt"]}], "model": "m"},
    {**ASKED, "namespace": "other"},
    {**ASKED, "unknown": 1},
]


async def test_every_answer_is_the_same_with_it_and_without_it(pair: list[httpx.AsyncClient]) -> None:
    near, plain = pair
    await trusted(near)
    draw = random.Random(5)
    compared = 0
    for number in range(400):
        body = draw.choice(BODIES)
        what = draw.choices(["ask", "store", "delete", "veto", "namespace"], [30, 3, 1, 1, 0.5])[0]
        if what == "ask":
            headers = {"x_cache_namespace": draw.choice(["default", "other", "no such!"])} if number % 7 == 0 else {}
            first, second = await ask(near, body, **headers), await ask(plain, body, **headers)
            if first.status_code != 200:
                assert first.status_code == second.status_code
                continue
            one, two = first.json(), second.json()
            if one.get("fill_token"):  # of a miss; it holds the moment
                assert {**one, "fill_token": ""} == {**two, "fill_token": ""}
                continue
            assert shown(first) == shown(second)
            for name in VARYING:
                assert one[name] is two[name] is None or abs(one[name] - two[name]) < LONG_S
            compared += one["hit"]
            continue
        if "unknown" in body or "user" in body or "max_age_s" in body or "strategy" in body:
            continue
        if what == "store":
            answer = '{"age_s": 1, "ttl_class": "x", "expires_in_s": 3}' if number % 2 else number
            await near.post("/v1/store", json={**body, "response": answer})
        elif what == "delete":
            found = (await ask(plain, body)).json()
            if found.get("entry_id"):
                await near.delete(f"/v1/entries/{found['entry_id']}")
        elif what == "veto":
            found = (await ask(plain, body)).json()
            if found.get("request_id"):
                said = {"request_id": found["request_id"], "correct": False, "prompt": body.get("prompt")}
                await near.post("/v1/feedback", json={k: v for k, v in said.items() if v is not None})
        else:
            await near.post("/admin/invalidate", json={"namespace": body.get("namespace", "default"), "all": True})
    assert compared > 50
    assert near_of(near).hits > 50
    assert near_of(plain).hits == 0


async def test_a_hit_counts_wherever_it_came_from(pair: list[httpx.AsyncClient]) -> None:
    near, plain = pair
    entry_id = await keep(near, usage={"input_tokens": 10, "output_tokens": 5}, cost_usd=0.5)
    await trusted(near)
    counted = []
    for client in pair:
        for _ in range(5):
            assert (await ask(client)).json()["hit"]
        text = (await client.get("/metrics")).text
        counted.append(
            sorted(line for line in text.splitlines() if re.match("semcache_(hits|requests|tokens|cost)", line))
        )
        await client.service.cache.uses.flush()  # type: ignore[attr-defined]
    assert near_of(near).hits >= 3
    assert counted[0] == counted[1]
    assert any("75" in line for line in counted[0])
    assert (await plain.get(f"/v1/entries/{entry_id}")).json()["hits"] == 10
    stats = (await plain.get("/v1/stats")).json()
    assert stats["hits_by_tier"]["exact"] == 10 or (await near.get("/v1/stats")).json()["hits_by_tier"]["exact"] == 10


async def test_operators_see_what_the_copies_do(pair: list[httpx.AsyncClient]) -> None:
    near, plain = pair
    await keep(near)
    await served_near(near)
    assert (await ask(plain)).json()["hit"]

    async def counted(client: httpx.AsyncClient) -> dict[str, float]:
        lines = re.findall(r"(?m)^(semcache_near_\w+)(?:\{.*?\})? (\S+)$", (await client.get("/metrics")).text)
        return {name: float(value) for name, value in lines}

    seen = await counted(near)
    assert seen["semcache_near_hits_total"] == near_of(near).hits
    assert seen["semcache_near_entries"] == 1
    assert seen["semcache_near_bytes"] == near_of(near).bytes
    assert 0 <= seen["semcache_near_lag_seconds"] < LONG_S
    assert await counted(plain) == {"semcache_near_hits_total": 0}
    found = re.search(r"(?m)^semcache_remembered_bytes (\S+)$", (await near.get("/metrics")).text)
    assert found
    assert float(found[1]) == near.service.cache.remembered.bytes > 0  # type: ignore[attr-defined]


async def test_each_answer_has_its_own_request_id_and_age(open_app: Open) -> None:
    async with open_app() as client:
        await keep(client)
        first = await served_near(client)
        second = await ask(client, x_request_id="mine-17")
        assert second.headers["x-request-id"] == "mine-17"
        assert first.headers["x-request-id"] != "mine-17"
        age_s, left_s = first.json()["age_s"], first.json()["expires_in_s"]

        async def older() -> bool:
            answer = (await ask(client)).json()
            return answer["age_s"] > age_s and answer["expires_in_s"] < left_s  # type: ignore[no-any-return]

        await eventually(older, what="an answer that is older by a millisecond")


async def test_an_entry_expires_though_a_copy_is_kept(open_app: Open) -> None:
    async with open_app() as client:
        await keep(client, ttl_s=1.5)
        await served_near(client)
        left = (await ask(client)).json()["expires_in_s"]
        until = time.monotonic() + left
        while time.monotonic() < until:
            assert (await ask(client)).status_code == 200
            await asyncio.sleep(0.05)
        answer = (await ask(client)).json()
        assert (answer["hit"], answer["reason"]) == (False, "expired") or answer["reason"] == "not_found"


HOW = ["delete", "veto", "entry", "tag", "namespace", "epoch", "prefix", "all", "replaced"]
"""By which copies go; `epoch`: a whole namespace, before its records are deleted."""


@pytest.mark.parametrize("how", HOW)
async def test_what_is_taken_back_on_one_replica_is_gone_there_at_once_and_elsewhere_within_a_second(
    open_app: Open, how: str
) -> None:
    async with open_app() as here, open_app() as there:
        entry_id = await keep(here, tags=["geo"], ttl_s=3000)
        token = (await served_near(here)).json()["request_id"]
        await served_near(there)
        seen: list[tuple[float, float | None]] = []
        enough = asyncio.Event()
        asking = asyncio.create_task(_ask_all_the_time(there, seen, enough))
        unwatched(here)  # at once does not mean: by the log's word
        if how == "delete":
            assert (await here.delete(f"/v1/entries/{entry_id}")).status_code == 204
        elif how == "epoch":
            await here.service.catalog.raise_epoch("default")  # type: ignore[attr-defined]
        elif how == "veto":
            said = {"request_id": token, "correct": False}
            assert (await here.post("/v1/feedback", json=said)).status_code == 202
        elif how == "replaced":
            await keep(here, ttl_s=4000)
        else:
            selector = SELECTORS.get(how, {"entry_ids": [entry_id]})
            assert (await here.post("/admin/invalidate", json=selector)).status_code in (200, 202)
        acknowledged = time.monotonic()
        near_of(here).confirm(awake_or_not())  # copies are trusted, what is left of them
        answer = (await ask(here)).json()
        assert answer["expires_in_s"] > 3900 if how == "replaced" else not answer["hit"]
        await asyncio.sleep(1.0)
        enough.set()
        await asking
        old = [began for began, left in seen if left is not None and left < 3900]
        assert max(old) - acknowledged < 1.0
        final = (await ask(there)).json()
        assert final["expires_in_s"] > 3900 if how == "replaced" else not final["hit"]


SELECTORS: dict[str, dict[str, Any]] = {
    "tag": {"tags": ["geo"]},
    "namespace": {"namespace": "default", "all": True},
    "prefix": {"prefix": "What"},
    "all": {"all": True},
}


async def _ask_all_the_time(
    client: httpx.AsyncClient, seen: list[tuple[float, float | None]], enough: asyncio.Event
) -> None:
    """Notes when a request was begun, and what life its answer had left, None for a miss."""
    while not enough.is_set():
        began = time.monotonic()
        answer = (await ask(client)).json()
        seen.append((began, answer["expires_in_s"]))
        await asyncio.sleep(0.005)


async def test_without_a_look_at_the_log_the_store_is_asked(open_app: Open) -> None:
    async with open_app() as client:
        await keep(client)
        await served_near(client)
        near_of(client).confirm(time.monotonic() - 0.6)
        client.service.watcher._log.changes = _never  # type: ignore[attr-defined]

        async def untrusted() -> bool:
            before = near_of(client).hits
            answer = await ask(client)
            assert answer.json()["hit"]
            return near_of(client).hits == before and near_of(client).lag_s > 0.5

        await eventually(untrusted, what="no trust in the copies")


async def _never(*args: Any, **more: Any) -> Any:
    await asyncio.Event().wait()


async def test_a_key_that_is_taken_away_or_narrowed_opens_nothing_any_more(open_app: Open, keyring: KeyRing) -> None:
    one = keyring.add("one", namespaces=("a",), roles=("read", "write"))
    two = keyring.add("two", namespaces=("b",), roles=("read", "write"))
    async with open_app(api_keys_file=keyring.path) as client:
        client.headers["x-api-key"] = one
        await keep(client)
        await served_near(client)
        client.headers["x-api-key"] = two
        assert not (await ask(client)).json()["hit"]
        client.headers["x-api-key"] = "sc_unknown"
        assert (await ask(client)).status_code == 401
        client.headers["x-api-key"] = one
        assert (await ask(client)).json()["hit"]
        text = keyring.path.read_text()
        keyring.path.write_text(text.replace('namespaces = ["a"]', 'namespaces = ["c"]') + "\n# narrowed\n")

        async def refused() -> bool:
            return not (await ask(client)).json()["hit"]

        await eventually(refused, what="the key's new namespaces")


async def test_a_hit_from_a_copy_spends_the_rate_as_well(open_app: Open) -> None:
    async with open_app(rate={"enabled": True, "data_per_minute": 50}) as client:
        await keep(client)
        await served_near(client)
        left = [int((await ask(client)).headers["x-ratelimit-remaining"]) for _ in range(3)]
        assert left[0] > left[1] > left[2] or left[0] > left[2]
        for _ in range(60):
            answer = await ask(client)
        assert answer.status_code == 429


@pytest.mark.parametrize("how", ["delete", "feedback", "entry", "tag"])
async def test_what_the_server_has_evicted_can_be_taken_back_too(open_app: Open, how: str) -> None:
    """The record is gone, and copies of it are still served: they go with whoever asks for that."""
    async with open_app() as here, open_app() as there:
        entry_id = await keep(here, tags=["geo"])
        token = (await served_near(here)).json()["request_id"]
        await served_near(there)
        link = here.service.store._link  # type: ignore[attr-defined]
        key = link.keys.bases[int(entry_id[:2], 16)] + b"e:" + entry_id.encode()
        assert await link.command("DEL", key) == 1  # as eviction does: nobody is told
        assert (await served_near(there)).json()["entry_id"] == entry_id
        if how == "delete":
            assert (await here.delete(f"/v1/entries/{entry_id}")).status_code == 404
        elif how == "feedback":
            said = {"request_id": token, "correct": False}
            assert (await here.post("/v1/feedback", json=said)).status_code == 404
        else:
            selector: dict[str, Any] = {"entry_ids": [entry_id]} if how == "entry" else {"tags": ["geo"]}
            assert (await here.post("/admin/invalidate", json=selector)).status_code == 200
        assert not (await ask(here)).json()["hit"]
        began = time.monotonic()

        async def gone() -> bool:
            return not (await ask(there)).json()["hit"]

        await eventually(gone, what="the copy's end on the other replica")
        assert time.monotonic() - began < RENEWED_S / 2  # or it would only have been read anew


async def test_a_store_that_has_lost_everything_takes_the_copies_along(open_app: Open, key_prefix: str) -> None:
    async with open_app() as client:
        await keep(client)
        await served_near(client)
        link = client.service.store._link  # type: ignore[attr-defined]
        began = time.monotonic()
        assert await link.command("DEL", *await link.command("KEYS", f"{key_prefix}*"))

        async def gone() -> bool:
            return not (await ask(client)).json()["hit"]

        await eventually(gone, what="the copy's end")
        assert time.monotonic() - began < RENEWED_S / 2
