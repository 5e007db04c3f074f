"""The data plane over HTTP, on a real store."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import pytest

from semcache import tokens
from semcache.models import FillToken
from tests.http.conftest import Open
from tests.http.expect import assert_problem
from tests.patience import LONG_S

QUESTION: dict[str, Any] = {"prompt": "How tall is the Eiffel Tower?", "model": "m1"}


async def store(client: httpx.AsyncClient, response: Any = "330 metres.", **more: Any) -> dict[str, Any]:
    answer = await client.post("/v1/store", json={**QUESTION, "response": response, **more})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def lookup(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post("/v1/lookup", json={**QUESTION, **more})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_miss_store_hit(client: httpx.AsyncClient) -> None:
    missed = await client.post("/v1/lookup", json=QUESTION)
    assert missed.status_code == 200
    assert missed.headers["x-cache-status"] == "MISS"
    assert missed.headers["x-cache-reason"] == "not_found"
    body = missed.json()
    assert (body["hit"], body["tier"], body["response"], body["reason"]) == (False, None, None, "not_found")

    kept = await store(client, fill_token=body["fill_token"])
    assert (kept["stored"], kept["replaced"], kept["semantic"]) == (True, False, "off")
    assert kept["expires_at"].endswith("Z")

    answer = await client.post("/v1/lookup", json=QUESTION)
    hit = answer.json()
    assert hit["hit"] is True
    assert (hit["tier"], hit["similarity"], hit["response"]) == ("exact", 1.0, "330 metres.")
    assert (hit["entry_id"], hit["matched_prompt"]) == (kept["entry_id"], QUESTION["prompt"])
    assert 0 <= hit["age_s"] < 60
    assert 0 < hit["expires_in_s"] <= kept["ttl_s"]
    assert hit["reason"] is hit["fill_token"] is hit["nearest"] is None
    assert answer.headers["x-cache-status"] == "HIT"
    assert answer.headers["x-cache-tier"] == "exact"
    assert answer.headers["x-cache-key"] == kept["entry_id"]
    assert answer.headers["age"] == "0"


async def test_another_spelling_is_a_normalized_hit(client: httpx.AsyncClient) -> None:
    await store(client)
    hit = await lookup(client, prompt="how tall  is the Eiffel Tower")
    assert (hit["hit"], hit["tier"]) == (True, "normalized")
    miss = await lookup(client, prompt="how tall  is the Eiffel Tower", strategy="exact")
    assert (miss["hit"], miss["strategy"]) == (False, "exact")


async def test_a_prompt_is_one_user_message(client: httpx.AsyncClient) -> None:
    await store(client)
    answer = await client.post(
        "/v1/lookup", json={"model": "m1", "messages": [{"role": "user", "content": QUESTION["prompt"]}]}
    )
    assert answer.json()["tier"] == "exact"


@pytest.mark.parametrize(
    "response",
    ['{"a": [1, 2.50, 1e30, null],  "b":"\\u00e9"}', "0", "false", '""  ', "[]", '"\\ud83d\\ude00"'],
)
async def test_an_answer_comes_back_byte_for_byte(client: httpx.AsyncClient, response: str) -> None:
    raw = f'{{"prompt":"How tall is the Eiffel Tower?","model":"m1","response":{response}}}'
    stored = await client.post("/v1/store", content=raw)
    if stored.status_code == 200:
        assert stored.json() == {"stored": False, "reason": "empty_response"}
        return
    answer = await client.post("/v1/lookup", json=QUESTION)
    assert b'"response":' + response.strip().encode() + b"," in answer.content


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"prompt": None}, "prompt"),
        ({"messages": [{"role": "user", "content": "x"}]}, "prompt"),
        ({"prompt": None, "messages": []}, "messages"),
        ({"prompt": None, "messages": [{"content": "x"}]}, "messages[0].role"),
        ({"prompt": None, "messages": [{"role": "user", "content": "x"}, {"role": 3}]}, "messages[1].role"),
        ({"model": 3}, "model"),
        ({"context": "loose"}, "context"),
        ({"max_age_s": -1}, "max_age_s"),
        ({"nonsense": 1}, "nonsense"),
        ({"namespace": "{s00}"}, "namespace"),
    ],
)
async def test_a_bad_lookup_is_told_by_field(client: httpx.AsyncClient, changes: dict[str, Any], field: str) -> None:
    answer = await client.post("/v1/lookup", json={**QUESTION, **changes})
    assert_problem(answer, 422, "invalid_request", field)


@pytest.mark.parametrize("context", ["exact", "semantic", None])
async def test_a_context_goes_with_lookup_and_store_and_loosens_nothing(
    client: httpx.AsyncClient, context: str | None
) -> None:
    def asking(first: str) -> dict[str, Any]:
        turns = [{"role": "user", "content": text} for text in (first, "And on a phone?")]
        return {"model": "m", "messages": turns, "context": context}

    kept = await client.post("/v1/store", json={**asking("How do I enable it?"), "response": "so"})
    assert kept.status_code == 201
    found = await client.post("/v1/lookup", json=asking("How do I enable it?"))
    assert found.json()["tier"] == "exact"
    other = await client.post("/v1/lookup", json=asking("How can I enable it?"))
    assert other.json()["hit"] is False


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"response": None}, None),
        ({"fill_token": "rubbish"}, "fill_token"),
        ({"ttl_s": "soon"}, "ttl_s"),
        ({"tags": ["a", ""]}, "tags[1]"),
        ({"usage": {"tokens": 3}}, "usage.tokens"),
        ({"cost_usd": -1}, "cost_usd"),
        ({"metadata": 3}, "metadata"),
    ],
)
async def test_a_bad_store_is_told_by_field(
    client: httpx.AsyncClient, changes: dict[str, Any], field: str | None
) -> None:
    answer = await client.post("/v1/store", json={**QUESTION, "response": 1, **changes})
    if field is None:  # null is JSON; policy calls it empty
        assert answer.json()["stored"] is False
    else:
        assert_problem(answer, 422, "invalid_request", field)
    assert (await lookup(client))["hit"] is False


async def test_a_store_without_a_response_is_refused(client: httpx.AsyncClient) -> None:
    assert_problem(await client.post("/v1/store", json=QUESTION), 422, "invalid_request", "response")


async def test_any_content_type_is_read_as_json(client: httpx.AsyncClient) -> None:
    raw = json.dumps(QUESTION)
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = await client.post("/v1/lookup", content=raw, headers={"content-type": kind})
        assert answer.status_code == 200


async def test_a_fill_that_an_invalidation_overtook_is_not_kept(client: httpx.AsyncClient) -> None:
    token = (await lookup(client))["fill_token"]
    assert isinstance(tokens.decode_fill(token), FillToken)
    assert (await client.post("/admin/invalidate", json={"namespace": "default"})).status_code == 200
    answer = await client.post("/v1/store", json={**QUESTION, "response": 1, "fill_token": token})
    assert answer.status_code == 200
    assert answer.json() == {"stored": False, "reason": "invalidated_meanwhile"}


async def test_a_fill_replaces_nothing_that_was_asked_for_later(client: httpx.AsyncClient) -> None:
    token = (await lookup(client))["fill_token"]
    later = tokens.decode_fill(token).issued_ms + 1
    while tokens.decode_fill((await lookup(client))["fill_token"]).issued_ms <= later:
        await asyncio.sleep(0.001)
    await store(client, 2)
    answer = await client.post("/v1/store", json={**QUESTION, "response": 1, "fill_token": token})
    assert answer.status_code == 200
    assert answer.json() == {"stored": False, "reason": "newer_kept"}
    assert (await lookup(client))["response"] == 2
    await store(client, 3)  # by hand, as ever
    assert (await lookup(client))["response"] == 3


async def test_an_entry_by_its_id(client: httpx.AsyncClient) -> None:
    kept = await store(
        client,
        {"text": "330 m"},
        tags=["towers"],
        usage={"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
        cost_usd=0.5,
        latency_ms=120,
        metadata={"source": "test"},
    )
    answer = await client.get(f"/v1/entries/{kept['entry_id']}")
    assert answer.status_code == 200
    entry = answer.json()
    assert entry["response"] == {"text": "330 m"}
    assert (entry["namespace"], entry["model"], entry["prompt"]) == ("default", "m1", QUESTION["prompt"])
    assert entry["tags"] == ["towers"]
    assert entry["usage"] == {"input_tokens": 9, "output_tokens": 4}
    assert (entry["cost_usd"], entry["latency_ms"], entry["metadata"]) == (0.5, 120, {"source": "test"})
    assert not [name for name in entry if "vector" in name or "digest" in name]

    gone = await client.delete(f"/v1/entries/{kept['entry_id']}")
    assert gone.status_code == 204
    assert gone.content == b""
    for method in ("GET", "DELETE"):
        answer = await client.request(method, f"/v1/entries/{kept['entry_id']}")
        assert_problem(answer, 404, "not_found", "entry_id")
    assert (await lookup(client))["hit"] is False


@pytest.mark.parametrize(("entry_id", "status"), [("ab", 422), ("Z" * 32, 422), ("ff" * 16, 422), ("00" * 16, 404)])
async def test_ids_of_no_entry(client: httpx.AsyncClient, entry_id: str, status: int) -> None:
    code = "not_found" if status == 404 else "invalid_request"
    assert_problem(await client.get(f"/v1/entries/{entry_id}"), status, code, "entry_id")


async def test_a_wrong_hit_is_not_served_to_that_prompt_again(client: httpx.AsyncClient) -> None:
    await store(client)
    hit = await lookup(client)
    answer = await client.post("/v1/feedback", json={"request_id": hit["request_id"], "correct": False})
    assert answer.status_code == 202
    assert answer.json() == {"entry_id": hit["entry_id"], "vetoed": True, "learned": True}
    assert (await lookup(client))["reason"] == "vetoed"
    by_prompt = {"entry_id": hit["entry_id"], "prompt": QUESTION["prompt"], "correct": True}
    assert (await client.post("/v1/feedback", json=by_prompt)).status_code == 202
    assert (await lookup(client))["hit"] is True


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"correct": False}, "entry_id"),
        ({"correct": False, "entry_id": "00" * 16}, "prompt"),
        ({"correct": "no", "entry_id": "00" * 16, "prompt": "x"}, "correct"),
        ({"correct": False, "request_id": "x"}, "request_id"),
        ({"correct": False, "request_id": "x", "prompt": "x"}, "request_id"),
    ],
)
async def test_bad_feedback_is_told_by_field(client: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    assert_problem(await client.post("/v1/feedback", json=body), 422, "invalid_request", field)


async def test_feedback_on_what_is_gone_is_not_found(client: httpx.AsyncClient) -> None:
    body = {"correct": False, "entry_id": "00" * 16, "prompt": "x"}
    assert_problem(await client.post("/v1/feedback", json=body), 404, "not_found", "entry_id")


async def test_stats_tell_what_was_done(client: httpx.AsyncClient) -> None:
    await lookup(client)
    await store(client, usage={"input_tokens": 10, "output_tokens": 5}, cost_usd=0.25, latency_ms=5000)
    for _ in range(3):
        await lookup(client)
    await lookup(client, namespace="other")
    body = (await client.get("/v1/stats")).json()
    assert (body["requests"], body["hits"], body["misses"]) == (5, 3, 2)
    assert body["hits_by_tier"]["exact"] == 3
    assert body["hit_rate"] == pytest.approx(0.6)
    assert body["tokens_saved"] == 45
    assert body["cost_saved_usd"] == pytest.approx(0.75)
    assert body["entries"] == 1
    only = (await client.get("/v1/stats", params={"namespace": "other"})).json()
    assert (only["requests"], only["hits"], only["entries"]) == (1, 0, 0)
    assert_problem(await client.get("/v1/stats?space=x"), 422, "invalid_request", "space")


# -- batches ----------------------------------------------------------------------------------------------------------


async def test_stats_do_not_wait_for_a_store_that_hangs(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "entries_reason" not in (await client.get("/v1/stats")).json()

    async def hang() -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(client.service.catalog, "groups", hang)  # type: ignore[attr-defined]
    began = time.monotonic()
    body = (await client.get("/v1/stats")).json()
    assert time.monotonic() - began < LONG_S / 2
    assert (body["entries"], body["entries_reason"]) == (None, "store_timeout")


async def test_a_batch_answers_every_item_in_order(client: httpx.AsyncClient) -> None:
    items = [{"prompt": f"What is {n} times 2?", "model": "m", "response": n} for n in range(40)]
    stored = await client.post("/v1/store/batch", json={"items": items})
    assert stored.status_code == 200
    assert all(one["stored"] for one in stored.json()["items"])
    lookups = [{"prompt": item["prompt"], "model": "m"} for item in items]
    found = (await client.post("/v1/lookup/batch", json={"items": lookups})).json()["items"]
    assert [one["response"] for one in found] == list(range(40))


async def test_a_bad_item_spoils_no_other(client: httpx.AsyncClient) -> None:
    items = [
        {**QUESTION, "response": 1},
        {**QUESTION, "response": 2, "temprature": 1},
        "nonsense",
        {**QUESTION, "prompt": None, "messages": [{"role": "user"}, {}], "response": 3},
        {**QUESTION, "prompt": "Another question entirely, is it?", "response": 4},
    ]
    answer = await client.post("/v1/store/batch", json={"items": items})
    assert answer.status_code == 200
    outcomes = answer.json()["items"]
    assert [one.get("code", "stored") for one in outcomes] == ["stored", *["invalid_request"] * 3, "stored"]
    assert [one.get("field") for one in outcomes[1:4]] == [
        "items[1].temprature", "items[2]", "items[3].messages[1].role"
    ]  # fmt: skip
    assert all(one["status"] == 422 for one in outcomes[1:4])
    assert (await lookup(client))["response"] == 1


@pytest.mark.parametrize("path", ["/v1/lookup/batch", "/v1/store/batch"])
async def test_what_is_no_batch(client: httpx.AsyncClient, open_app: Open, path: str) -> None:
    assert_problem(await client.post(path, json={"item": []}), 422, "invalid_request", "item")
    assert_problem(await client.post(path, json={"items": 3}), 422, "invalid_request", "items")
    assert_problem(await client.post(path, json={"items": [QUESTION] * 257}), 413, "too_large", "items")
    assert (await client.post(path, json={"items": []})).json() == {"items": []}
