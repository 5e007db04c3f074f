"""POST /admin/warm, with a fetch that counts in the gateway's place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from semcache.gateway.warming import Fetched, Warmer, WarmItem
from tests.gateway.provider import Reply, provider
from tests.http.conftest import KeyRing, Open
from tests.http.expect import assert_problem
from tests.http.test_admin import finished
from tests.patience import LONG_S

UPSTREAM = {"upstream_base_url": "http://127.0.0.1:1", "upstream_api_key": "k"}


def with_warmer(client: Any) -> list[WarmItem]:
    """Give the service a warmer; returns what it fetches."""
    fetched: list[WarmItem] = []

    async def fetch(item: WarmItem) -> Fetched:
        fetched.append(item)
        return Fetched(outcome="stored", cost_usd=0.001)

    service = client.service
    service.warmer = Warmer(service.settings, service.control, service.jobs, fetch)
    return fetched


async def test_items_and_lines_become_jobs(open_app: Open) -> None:
    async with open_app(**UPSTREAM) as client:
        fetched = with_warmer(client)
        body = {"items": ["Why?", {"prompt": "How?", "namespace": "a"}], "model": "m", "namespace": "b"}
        queued = await client.post("/admin/warm", json=body)
        assert queued.status_code == 202
        job_id = queued.json()["job_id"]
        assert queued.headers["location"] == f"/admin/jobs/{job_id}"
        job = await finished(client, job_id)
        assert (job["state"], job["result"]["stored"], job["who"]) == ("done", 2, "local")
        assert {(item.namespace, json.loads(item.body)["messages"][0]["content"]) for item in fetched} == {
            ("b", "Why?"), ("a", "How?"),
        }  # fmt: skip

        async def lines() -> AsyncIterator[bytes]:
            for number in range(1000):
                yield b"Question %d\n" % number

        queued = await client.post("/admin/warm?model=m&concurrency=8&budget_usd=5", content=lines())
        job = await finished(client, queued.json()["job_id"])
        assert (job["state"], job["total"], job["result"]["stored"]) == ("done", 1000, 1000)
        assert (job["params"]["concurrency"], job["params"]["budget_usd"]) == (8, 5.0)


@pytest.mark.parametrize(
    ("query", "content", "field", "said"),
    [
        ("?model=m", b"fine\n{", "line 2", "line 2: "),
        ("", b"fine", "line 1", "`model` is needed"),
        ("?model=m", b"\n", None, "nothing to warm"),
        ("?model=m&budget_usd=much", b"x", "budget_usd", "number"),
        ("?model=m&budget_usd=-1", b"x", "budget_usd", "`budget_usd`: expected `float` > 0.0"),
        ("?model=m&concurrency=0", b"x", "concurrency", "`concurrency`: expected `int` >= 1"),
        ("?model=m&concurrency=1000", b"x", "concurrency", "`concurrency`: expected `int` <= "),
        ("?models=m", b"x", "models", "unknown query parameter"),
    ],
)
async def test_what_is_wrong_is_named(open_app: Open, query: str, content: bytes, field: str, said: str) -> None:
    async with open_app(**UPSTREAM) as client:
        fetched = with_warmer(client)
        answer = await client.post(f"/admin/warm{query}", content=content)
        assert said in assert_problem(answer, 422, "invalid_request", field)["detail"]
        assert fetched == []


async def test_without_an_upstream_or_its_key_it_says_so(open_app: Open) -> None:
    async with open_app() as client:
        body = {"items": ["Why?"], "model": "m"}
        assert "SEMCACHE_UPSTREAM_BASE_URL" in (await client.post("/admin/warm", json=body)).json()["detail"]
        with_warmer(client)
        answer = await client.post("/admin/warm", json=body)
        assert "operator's own key" in assert_problem(answer, 422, "invalid_request")["detail"]


async def test_a_key_warms_its_own_namespaces(open_app: Open, keyring: KeyRing) -> None:
    key = keyring.add("ops", namespaces=("a",), roles=("admin",))
    async with open_app(**UPSTREAM, api_keys_file=keyring.path, headers={"x-api-key": key}) as client:
        fetched = with_warmer(client)
        own = await client.post("/admin/warm", json={"items": ["Why?"], "model": "m"})
        await finished(client, own.json()["job_id"])
        assert [item.namespace for item in fetched] == ["a"]
        other = await client.post("/admin/warm", json={"items": ["Why?"], "model": "m", "namespace": "b"})
        assert "does not open namespace `b`" in assert_problem(other, 422, "invalid_request", "item 1")["detail"]


async def test_users_are_answered_from_what_was_warmed(open_app: Open, tmp_path: Path) -> None:
    """The whole way: a file at the start and a list over HTTP, a real gateway, a scripted provider."""
    file = tmp_path / "warm.jsonl"
    file.write_text('{"prompt": "What is the capital of France?", "model": "m", "tags": ["geo"]}\n')
    body = {"model": "m", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
    with provider() as upstream:
        upstream.always(Reply(text="Paris."))
        options = {"upstream_base_url": upstream.url, "upstream_api_key": "k", "warm": {"file": file}}
        async with open_app(**options) as client:
            async with asyncio.timeout(LONG_S):
                while not upstream.calls:
                    await asyncio.sleep(0.02)
                while not (jobs := await client.service.jobs.recent()) or not jobs[0].finished:  # type: ignore[attr-defined]
                    await asyncio.sleep(0.02)
            assert jobs[0].result is not None
            assert (jobs[0].who, jobs[0].result["stored"]) == ("warm.file", 1)
            hit = await client.post("/v1/chat/completions", json=body)
            assert hit.headers["x-cache-status"] == "HIT"
            items = [
                "What is the capital of France?",
                {"route": "/v1/messages", "body": {**body, "max_tokens": 5}},
                {"prompt": "What's the weather like right now?", "namespace": "b"},
            ]
            queued = await client.post("/admin/warm", json={"items": items, "model": "m"})
            job = await finished(client, queued.json()["job_id"])
            assert (job["result"]["present"], job["result"]["failed"]) == (1, 0)
            assert job["result"]["stored"] >= 1
        assert len(upstream.calls) == 3
