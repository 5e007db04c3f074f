"""Whatever comes in, a problem document goes out: never HTML, never a trace, never more read than allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.http.conftest import Open
from tests.http.expect import assert_problem

QUESTION = {"prompt": "How tall is the Eiffel Tower?", "model": "m1"}


async def test_unknown_paths_and_methods(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/v1/nothing"), 404, "not_found")
    wrong = await client.get("/v1/lookup")
    assert_problem(wrong, 405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"
    entry = await client.put("/v1/entries/x")
    assert_problem(entry, 405, "method_not_allowed")
    assert {"GET", "DELETE"} <= set(entry.headers["allow"].split(", "))


async def test_a_defect_is_logged_and_not_shown(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise KeyError("a secret inside")

    service = client.service  # type: ignore[attr-defined]
    monkeypatch.setattr(service.cache, "lookup", broken)
    answer = await client.post("/v1/lookup", json=QUESTION, headers={"x-request-id": "find-me"})
    body = assert_problem(answer, 500, "internal")
    assert body["request_id"] == "find-me"
    assert "secret" not in answer.text
    assert "request_id=find-me" in caplog.text
    batch = await client.post("/v1/lookup/batch", json={"items": [QUESTION]})
    assert batch.json()["items"][0]["code"] == "internal"


async def test_request_ids(client: httpx.AsyncClient) -> None:
    first, second = [await client.get("/healthz") for _ in range(2)]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    for path in ("/healthz", "/openapi.json", "/nothing"):
        given = await client.get(path, headers={"x-request-id": "abc-1"})
        assert given.headers["x-request-id"] == "abc-1"
    forged = await client.get("/healthz", headers={"x-request-id": "a b"})
    assert forged.headers["x-request-id"] != "a b"


async def test_a_body_beyond_the_limit_is_not_read(open_app: Open) -> None:
    async with open_app(limits={"body_bytes": 1000}) as client:
        read = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal read
            while True:
                read += 400
                yield b"x" * 400

        streamed = await client.post("/v1/lookup", content=endless())
        assert_problem(streamed, 413, "too_large")
        assert read <= 1600
        assert streamed.headers["connection"] == "close"
        declared = await client.post("/v1/lookup", content=endless(), headers={"content-length": "5000"})
        assert_problem(declared, 413, "too_large")
        whole = await client.post("/v1/lookup", json={**QUESTION, "params": {"x": "y" * 1000}})
        assert_problem(whole, 413, "too_large")
        chunked = await client.post("/v1/lookup", content=_pieces(b'{"prompt":"p",', b'"model":"m"}'))
        assert chunked.status_code == 200


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_a_caller_that_goes_away_leaves_nothing_behind(client: httpx.AsyncClient) -> None:
    sent: list[Any] = []
    scope = {
        "type": "http", "method": "POST", "path": "/v1/lookup", "raw_path": b"/v1/lookup", "query_string": b"",
        "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1), "server": ("localhost", 80),
        "scheme": "http", "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    messages = iter([{"type": "http.request", "body": b'{"pro', "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    await client.app(scope, receive, send)  # type: ignore[attr-defined]
    assert sent == []


async def test_a_dead_store_is_a_miss_with_a_reason_and_a_problem_elsewhere(open_app: Open) -> None:
    async with open_app(redis_url="redis://127.0.0.1:1", wait=False) as client:
        answer = await client.post("/v1/lookup", json=QUESTION)
        assert answer.status_code == 200
        assert answer.json()["reason"] in ("store_unavailable", "store_timeout")
        stored = await client.post("/v1/store", json={**QUESTION, "response": 1})
        assert stored.status_code == 200
        assert stored.json()["reason"] in ("store_unavailable", "store_timeout")
        entry = await client.get(f"/v1/entries/{'00' * 16}")
        body = assert_problem(entry, 503, entry.json()["code"])
        assert body["code"] in ("store_unavailable", "store_timeout")
        assert "127.0.0.1" not in body["detail"]
        ready = await client.get("/readyz")
        assert ready.status_code == 200
        assert "store" in ready.json()["degraded"]
        stats = await client.get("/v1/stats")
        assert stats.json()["scope"] == "process"
        assert stats.json()["entries"] is None
        assert (await client.get("/metrics")).status_code == 200


async def test_texts_beyond_any_prompt_are_refused_by_name(open_app: Open) -> None:
    async with open_app(limits={"prompt_chars": 100}) as client:
        body = {"entry_id": "00" * 16, "prompt": "x" * 101, "correct": False}
        assert_problem(await client.post("/v1/feedback", json=body), 413, "too_large", "prompt")
        answer = await client.post("/admin/invalidate", json={"similar_to": "x" * 101})
        assert_problem(answer, 413, "too_large", "similar_to")


async def test_long_conversations_are_told_apart_like_short_ones(client: httpx.AsyncClient) -> None:
    first, last = {"role": "user", "content": "word " * 4000}, {"role": "user", "content": "Why is that?"}
    asked = {"model": "m", "messages": [first, {"role": "assistant", "content": "Yes."}, last]}
    assert (await client.post("/v1/store", json={**asked, "response": 1})).status_code == 201
    assert (await client.post("/v1/lookup", json=asked)).json()["tier"] == "exact"
    other = {**asked, "messages": [{**first, "content": "word " * 3999}, *asked["messages"][1:]]}
    assert (await client.post("/v1/lookup", json=other)).json()["hit"] is False
