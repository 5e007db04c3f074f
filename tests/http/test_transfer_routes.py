"""Export and import over HTTP: streamed, refused by name, and for the namespaces that a key opens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from semcache.errors import StoreUnavailable
from tests.http.conftest import KeyRing, Open
from tests.http.expect import assert_problem
from tests.http.test_admin import fill


def records(answer: httpx.Response) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, answer.text.splitlines()) if "entry_id" in line]


async def test_out_and_in_again(client: httpx.AsyncClient) -> None:
    ids = await fill(client, 120, tags=["squares"])
    out = await client.get("/admin/export")
    assert out.headers["content-type"] == "application/x-ndjson"
    assert "content-length" not in out.headers
    assert [record["entry_id"] for record in records(out)] == sorted(ids)
    half = await client.get(f"/admin/export?vectors=false&after={sorted(ids)[59]}")
    assert len(records(half)) == 60
    await client.post("/admin/invalidate", json={"all": True})
    assert records(await client.get("/admin/export")) == []

    async def lines() -> AsyncIterator[bytes]:
        for at in range(0, len(out.content), 1000):  # cut anywhere
            yield out.content[at : at + 1000]

    done = (await client.post("/admin/import", content=lines())).json()
    assert (done["imported"], done["lines"], done["problems"]) == (120, 122, [])
    hit = (await client.post("/v1/lookup", json={"prompt": "What is the square of 7?", "model": "m"})).json()
    assert (hit["tier"], hit["response"]) == ("exact", 49)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=x", "after"),
        ("after=" + "f" * 32, "after"),
        ("vectors=maybe", "vectors"),
        ("name=space", "name"),
    ],
)
async def test_what_is_wrong_with_the_query_is_named(client: httpx.AsyncClient, query: str, field: str) -> None:
    assert_problem(await client.get(f"/admin/export?{query}"), 422, "invalid_request", field)


async def test_a_key_moves_its_own_namespaces(open_app: Open, keyring: KeyRing) -> None:
    whole = keyring.add("whole", roles=("read", "write", "admin"))
    part = keyring.add("part", namespaces=("a", "b"), roles=("admin",))
    reader = keyring.add("reader", roles=("read",))
    async with open_app(api_keys_file=keyring.path) as client:
        client.headers["x-api-key"] = whole
        for namespace in ("a", "b", "c"):
            await fill(client, 3, namespace=namespace)
        everything = await client.get("/admin/export")
        assert len(records(everything)) == 9
        client.headers["x-api-key"] = part
        assert {record["namespace"] for record in records(await client.get("/admin/export"))} == {"a", "b"}
        assert len(records(await client.get("/admin/export?namespace=b"))) == 3
        assert_problem(await client.get("/admin/export?namespace=c"), 403, "forbidden")
        done = (await client.post("/admin/import", content=everything.content)).json()
        assert (done["replaced"], done["refused"]) == (6, 3)
        assert {problem["code"] for problem in done["problems"]} == {"forbidden"}
        odd = everything.content.replace(b'"namespace":"a"', b'"namespace":"a b"')
        client.headers["x-api-key"] = whole
        done = (await client.post("/admin/import", content=odd)).json()
        assert (done["replaced"], done["refused"]) == (6, 3)
        client.headers["x-api-key"] = reader
        assert_problem(await client.get("/admin/export"), 403, "forbidden")
        assert_problem(await client.post("/admin/import", content=b""), 403, "forbidden")


async def test_a_line_beyond_the_limit_is_not_gathered(open_app: Open) -> None:
    async with open_app(limits={"body_bytes": 10_000}) as client:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                sent += 1
                yield b"x" * 1000
                await asyncio.sleep(0)

        answer = await client.post("/admin/import", content=endless())
        assert_problem(answer, 413, "too_large")
        assert sent < 100


async def test_a_dead_store_is_a_problem_not_half_an_answer(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dead(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("no connection")

    monkeypatch.setattr(client.service.entries, "read_many", dead)
    assert_problem(await client.get("/admin/export"), 503, "store_unavailable")
    assert_problem(await client.post("/admin/import", content=b"{}\n"), 503, "store_unavailable")
