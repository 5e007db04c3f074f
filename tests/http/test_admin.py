"""The admin plane over HTTP: invalidation, its history, jobs, settings."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.http.conftest import Open
from tests.http.expect import assert_problem
from tests.patience import LONG_S


async def fill(client: httpx.AsyncClient, count: int, **more: Any) -> list[str]:
    items = [{"prompt": f"What is the square of {n}?", "model": "m", "response": n * n, **more} for n in range(count)]
    answer = await client.post("/v1/store/batch", json={"items": items})
    return [one["entry_id"] for one in answer.json()["items"]]


async def finished(client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + LONG_S
    while True:
        body: dict[str, Any] = (await client.get(f"/admin/jobs/{job_id}")).json()
        if body["state"] not in ("queued", "running"):
            return body
        assert time.monotonic() < deadline, body
        await asyncio.sleep(0.05)


async def test_invalidation_by_selector_and_its_history(client: httpx.AsyncClient) -> None:
    ids = await fill(client, 5, tags=["squares"])
    await fill(client, 2, namespace="other")

    async def invalidate(**selector: Any) -> tuple[int, int]:
        answer = await client.post("/admin/invalidate", json=selector)
        assert answer.status_code == 200, answer.text
        return answer.json()["matched"], answer.json()["deleted"]

    assert await invalidate(tags=["squares"], dry_run=True) == (5, 0)
    assert await invalidate(entry_ids=[ids[0]]) == (1, 1)
    assert await invalidate(prefix="What is the square of 1", namespace="default") == (1, 1)
    assert await invalidate(pattern="of [23]\\?$", namespace="default") == (2, 2)
    assert (await invalidate(namespace="other"))[0] == 2
    assert await invalidate(all=True) == (1, 1)

    past = (await client.get("/admin/invalidations")).json()["invalidations"]
    assert [one["selector"] for one in past[:2]] == [{"all": True}, {"namespace": "other"}]
    assert past[-1]["dry_run"] is True
    assert all(one["who"] == "local" and one["at"].endswith("Z") and one["state"] == "done" for one in past)
    assert len((await client.get("/admin/invalidations?count=2")).json()["invalidations"]) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, None),
        ({"dry_run": True}, None),
        ({"threshold": 0.5}, None),
        ({"model": "m", "threshold": 0.5}, "threshold"),
        ({"model": "m", "everything": True}, "everything"),
        ({"pattern": "("}, "pattern"),
        ({"older_than_s": -1}, "older_than_s"),
        ({"entry_ids": ["x"]}, "entry_ids[0]"),
        ({"similar_to": "x"}, "similar_to"),
    ],
)
async def test_a_bad_selector_is_told_by_field(
    client: httpx.AsyncClient, body: dict[str, Any], field: str | None
) -> None:
    assert_problem(await client.post("/admin/invalidate", json=body), 422, "invalid_request", field)


async def test_a_header_alone_selects_nothing(client: httpx.AsyncClient) -> None:
    await fill(client, 2, namespace="a")
    await fill(client, 3, namespace="b")
    in_a = {"x-cache-namespace": "a"}
    assert_problem(await client.post("/admin/invalidate", json={}, headers=in_a), 422, "invalid_request")
    narrowed = await client.post("/admin/invalidate", json={"model": "m"}, headers=in_a)
    assert narrowed.json()["deleted"] == 2


async def test_many_matches_become_a_job(open_app: Open) -> None:
    async with open_app(limits={"invalidate_inline": 3}) as client:
        await fill(client, 60)
        answer = await client.post("/admin/invalidate", json={"model": "m"})
        assert answer.status_code == 202
        job = await finished(client, answer.json()["job_id"])
        assert job["state"] == "done"
        assert job["result"]["deleted"] == 60


async def test_jobs_that_there_are_not(client: httpx.AsyncClient) -> None:
    for method in ("GET", "DELETE"):
        assert_problem(await client.request(method, "/admin/jobs/nothing"), 404, "not_found", "job_id")
    assert_problem(await client.get("/admin/invalidations?count=0"), 422, "invalid_request", "count")
    assert_problem(await client.get("/admin/invalidations?count=9999999999"), 422, "invalid_request", "count")


async def test_settings_are_shown_without_secrets(open_app: Open) -> None:
    async with open_app(admin_key="hunter2-admin") as client:
        answer = await client.get("/admin/config", headers={"x-api-key": "hunter2-admin"})
        assert answer.status_code == 200
        assert answer.json()["limits"]["batch_items"] == 256
        assert "hunter2" not in answer.text


async def test_a_rebuild_without_an_index_is_a_failed_job(client: httpx.AsyncClient) -> None:
    answer = await client.post("/admin/index/rebuild")
    if answer.status_code == 202:
        job = await finished(client, answer.json()["job_id"])
        assert job["state"] == "failed"
        assert job["error"]
    else:
        assert_problem(answer, 422, "invalid_request", answer.json().get("field"))
