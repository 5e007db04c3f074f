"""Feedback end to end: the veto at once, the label with both prompts, one voice for each caller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from semcache.errors import StoreTimeout
from semcache.policy.labels import Label, Source
from tests.http.conftest import KeyRing, Open
from tests.http.expect import assert_problem
from tests.http.test_semantic import until_ready

MODEL = {"model": "m1"}
CACHED = "What is the capital city of France?"
ASKED = "What's the name of the capital city of France?"


@pytest.fixture
async def semantic(open_app: Open, prepared_models_dir: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "models").symlink_to(prepared_models_dir, target_is_directory=True)
    async with open_app(embedder="minilm", mode="threshold", threshold=0.8) as client:
        await until_ready(client)
        await client.post("/v1/store", json={**MODEL, "prompt": CACHED, "response": "Paris"})
        yield client


async def labels(client: httpx.AsyncClient, namespace: str = "default") -> list[Label]:
    return [one async for one in client.service.labels.read(namespace)]  # type: ignore[attr-defined]


async def hit(client: httpx.AsyncClient, prompt: str = ASKED, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = (await client.post("/v1/lookup", json={**MODEL, "prompt": prompt}, **more)).json()
    assert body["hit"], body
    return body


async def say(client: httpx.AsyncClient, status: int = 202, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/feedback", json=body)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def test_a_wrong_hit_by_meaning_becomes_a_label(semantic: httpx.AsyncClient) -> None:
    one = await hit(semantic)
    right = {"text": "Not Paris."}
    assert (await say(semantic, request_id=one["request_id"], correct=False, answer=right))["learned"]
    assert not (await say(semantic, request_id=one["request_id"], correct=False))["learned"]
    missed = (await semantic.post("/v1/lookup", json={**MODEL, "prompt": ASKED})).json()
    assert missed["reason"] == "vetoed"
    [label] = await labels(semantic)
    assert (label.asked, label.cached, label.same, label.source) == (ASKED, CACHED, False, Source.FEEDBACK)
    assert label.similarity == pytest.approx(one["similarity"])
    assert label.answer == right
    assert label.principal
    assert "local" not in label.principal
    standing = semantic.service.labels.standing(one["entry_id"])  # type: ignore[attr-defined]
    assert (standing.right, standing.wrong) == (0, 1)

    by_prompt = {"entry_id": one["entry_id"], "prompt": ASKED}
    assert (await say(semantic, **by_prompt, correct=True))["learned"]
    assert (await hit(semantic))["entry_id"] == one["entry_id"]
    again = (await labels(semantic))[1]
    assert (again.asked, again.same) == (ASKED, True)
    assert again.similarity == pytest.approx(one["similarity"], abs=0.001)
    standing = semantic.service.labels.standing(one["entry_id"])  # type: ignore[attr-defined]
    assert (standing.right, standing.wrong) == (1, 0)


async def test_a_prompt_beside_a_request_id_must_be_the_one_that_asked(semantic: httpx.AsyncClient) -> None:
    one = await hit(semantic)
    answer = await semantic.post(
        "/v1/feedback", json={"request_id": one["request_id"], "prompt": "What is 2+2?", "correct": False}
    )
    assert_problem(answer, 422, "invalid_request", "prompt")
    assert await labels(semantic) == []
    assert (await hit(semantic))["hit"]
    await say(semantic, request_id=one["request_id"], prompt=f"{ASKED} ", correct=True)


async def test_a_wrong_answer_to_an_entrys_own_prompt_says_nothing_of_a_pair(client: httpx.AsyncClient) -> None:
    await client.post("/v1/store", json={**MODEL, "prompt": CACHED, "response": "Lyon"})
    one = await hit(client, CACHED)
    assert (await say(client, request_id=one["request_id"], correct=False))["learned"]
    assert await labels(client) == []
    assert client.service.labels.standing(one["entry_id"]).wrong == 1  # type: ignore[attr-defined]


async def test_a_fresh_answer_can_be_found_wrong_by_the_same_voice(client: httpx.AsyncClient) -> None:
    """It is another answer: what was said of the one before does not stand for it."""
    for answer in ("Lyon", "Nice"):
        await client.post("/v1/store", json={**MODEL, "prompt": CACHED, "response": answer})
        one = await hit(client, CACHED)
        assert (await say(client, request_id=one["request_id"], correct=False))["learned"]
        assert not (await say(client, request_id=one["request_id"], correct=False))["learned"]
    entry = (await client.service.cache.entry(one["entry_id"])).entry  # type: ignore[attr-defined]
    standing = client.service.labels.standing(entry.entry_id, entry.created_ms)  # type: ignore[attr-defined]
    assert (standing.wrong, standing.against) == (1, 1)


async def test_each_user_of_a_program_has_one_voice(client: httpx.AsyncClient) -> None:
    entry_id = (await client.post("/v1/store", json={**MODEL, "prompt": CACHED, "response": "Lyon"})).json()["entry_id"]
    for user in ("ann", "bob", "ann", None):
        for n in range(3):
            await say(client, entry_id=entry_id, prompt=f"Which city {n}?", correct=False, user=user)
    standing = client.service.labels.standing(entry_id)  # type: ignore[attr-defined]
    assert (standing.wrong, standing.against) == (pytest.approx(3), 3)


async def test_two_keys_do_not_share_a_user(open_app: Open, keyring: KeyRing) -> None:
    keys = [keyring.add(name, roles=("read", "write")) for name in ("one", "two")]
    async with open_app(api_keys_file=keyring.path) as client:
        headers = [{"authorization": f"Bearer {key}"} for key in keys]
        body = {**MODEL, "prompt": CACHED, "response": "Lyon"}
        entry_id = (await client.post("/v1/store", json=body, headers=headers[0])).json()["entry_id"]
        said = {"entry_id": entry_id, "prompt": "x?", "correct": False, "user": "ann"}
        for each in headers:
            assert (await client.post("/v1/feedback", json=said, headers=each)).json()["learned"]
        found = [one async for one in client.service.labels.read("default")]  # type: ignore[attr-defined]
        assert len({one.principal for one in found}) == 2


async def test_prompts_about_a_personal_answer_are_not_kept(open_app: Open, keyring: KeyRing) -> None:
    key = {"authorization": f"Bearer {keyring.add('one', roles=('read', 'write'))}"}
    async with open_app(api_keys_file=keyring.path) as client:
        body = {**MODEL, "prompt": "What is my account balance?", "response": 100}
        entry_id = (await client.post("/v1/store", json=body, headers=key)).json()["entry_id"]
        said = {"entry_id": entry_id, "prompt": "How much is on my account?", "correct": False}
        assert (await client.post("/v1/feedback", json=said, headers=key)).json()["learned"]
        assert await labels(client) == []


async def test_the_veto_stands_where_nothing_can_be_recorded(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.post("/v1/store", json={**MODEL, "prompt": CACHED, "response": "Lyon"})
    one = await hit(client, CACHED)

    async def failing(*args: Any, **more: Any) -> None:
        raise StoreTimeout("no answer")

    monkeypatch.setattr(client.service.labels, "record", failing)  # type: ignore[attr-defined]
    said = await say(client, request_id=one["request_id"], correct=False)
    assert (said["vetoed"], said["learned"]) == (True, False)
    assert not (await client.post("/v1/lookup", json={**MODEL, "prompt": CACHED})).json()["hit"]
