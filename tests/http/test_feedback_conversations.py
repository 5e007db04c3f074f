"""Feedback on hits whose earlier turns were worded otherwise: the whole conversation asked, and is in the label."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from semcache.policy.labels import Label
from tests.http.conftest import Open
from tests.http.expect import assert_problem
from tests.http.test_semantic import until_ready
from tests.never.conftest import user
from tests.sure import decide_by, sure_verifier

SAID = {"role": "assistant", "content": "Open the settings of the alarm."}
FIRST, OTHERWISE, LAST = "How do I enable the alarm?", "how can i enable the alarm", "And on a phone?"
KEPT = f"user: {FIRST}\nassistant: {SAID['content']}\nuser: {LAST}"
CAME = f"user: {OTHERWISE}\nassistant: {SAID['content']}\nuser: {LAST}"


def talk(first: str, last: str = LAST) -> list[dict[str, Any]]:
    return [user(first), SAID, user(last)]


@pytest.fixture
async def talking(open_app: Open, prepared_models_dir: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Namespaces where earlier turns may be worded otherwise, by a verifier that is sure of everything."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "models").symlink_to(prepared_models_dir, target_is_directory=True)
    async with sure_verifier() as verifier, open_app(embedder="minilm") as client:
        await until_ready(client)
        decide_by(client.service, verifier)  # type: ignore[attr-defined]
        await store(client, talk(FIRST))
        yield client


async def store(client: httpx.AsyncClient, messages: list[dict[str, Any]], **more: Any) -> str:
    answer = await client.post("/v1/store", json={"model": "m", "messages": messages, "response": "Tap it.", **more})
    return str(answer.json()["entry_id"])


async def look(client: httpx.AsyncClient, messages: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = (await client.post("/v1/lookup", json={"model": "m", "messages": messages})).json()
    return found


async def say(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post("/v1/feedback", json={"correct": False, **body})


async def labels(client: httpx.AsyncClient) -> list[Label]:
    return [one async for one in client.service.labels.read("default")]  # type: ignore[attr-defined]


async def test_a_request_id_names_the_conversation_and_the_label_has_all_of_it(talking: httpx.AsyncClient) -> None:
    hit = await look(talking, talk(OTHERWISE))
    assert hit["tier"] == "semantic"
    assert (await say(talking, request_id=hit["request_id"])).json()["learned"]
    assert (await look(talking, talk(OTHERWISE)))["reason"] == "vetoed"
    assert (await look(talking, talk(FIRST)))["tier"] == "exact"
    [label] = await labels(talking)
    assert (label.asked, label.cached, label.conversation, label.same) == (CAME, KEPT, True, False)
    assert label.similarity == pytest.approx(hit["similarity"])


async def test_the_last_prompt_beside_a_request_id_must_be_that_of_the_conversation(
    talking: httpx.AsyncClient,
) -> None:
    hit = await look(talking, talk(OTHERWISE))
    assert_problem(await say(talking, request_id=hit["request_id"], prompt="Else?"), 422, "invalid_request", "prompt")
    assert (await look(talking, talk(OTHERWISE)))["hit"]
    assert (await say(talking, request_id=hit["request_id"], prompt=LAST)).status_code == 202
    assert [label.asked for label in await labels(talking)] == [CAME]


async def test_messages_name_it_too(talking: httpx.AsyncClient) -> None:
    hit = await look(talking, talk(OTHERWISE))
    assert (await say(talking, entry_id=hit["entry_id"], messages=talk(OTHERWISE))).json()["learned"]
    assert (await look(talking, talk(OTHERWISE)))["reason"] == "vetoed"
    [label] = await labels(talking)
    assert (label.asked, label.cached) == (CAME, KEPT)
    assert label.similarity == pytest.approx(hit["similarity"], abs=0.001)
    body = {"request_id": hit["request_id"], "messages": talk(OTHERWISE), "correct": True}
    assert (await say(talking, **body)).status_code == 202
    assert (await look(talking, talk(OTHERWISE)))["hit"]
    wrong = await say(talking, request_id=hit["request_id"], messages=talk("How do I disable the alarm?"))
    assert_problem(wrong, 422, "invalid_request", "messages")


async def test_a_conversation_too_long_for_a_request_id_is_known_by_its_messages(talking: httpx.AsyncClient) -> None:
    long = [f"{text} " + "It hangs on the wall of the hall. " * 29 for text in (FIRST, OTHERWISE)]
    await store(talking, talk(long[0]))
    hit = await look(talking, talk(long[1]))
    assert hit["tier"] == "semantic"
    refused = await say(talking, request_id=hit["request_id"], prompt=LAST)
    assert_problem(refused, 422, "invalid_request", "prompt")
    assert "messages" in refused.json()["detail"]
    assert (await say(talking, request_id=hit["request_id"])).status_code == 202
    assert (await look(talking, talk(long[1])))["entry_id"] != hit["entry_id"]
    assert (await say(talking, request_id=hit["request_id"], messages=talk(long[1]), correct=True)).status_code == 202
    first, second = await labels(talking)
    assert (first.asked, second.asked.split("\n")[0]) == ("", f"user: {long[1].strip()}")


async def test_a_prompt_alone_does_not_tell_which_conversation_asked(talking: httpx.AsyncClient) -> None:
    hit = await look(talking, talk(OTHERWISE))
    refused = await say(talking, entry_id=hit["entry_id"], prompt=LAST)
    assert_problem(refused, 422, "invalid_request", "prompt")
    assert "messages" in refused.json()["detail"]
    assert await labels(talking) == []
    both = await say(talking, entry_id=hit["entry_id"], prompt=LAST, messages=talk(OTHERWISE))
    assert_problem(both, 422, "invalid_request", "messages")


async def test_a_prompt_after_the_entrys_own_turns_is_enough_where_it_is_pinned(talking: httpx.AsyncClient) -> None:
    entry_id = await store(talking, talk("How do I mute the bell?"), context="exact")
    assert (await say(talking, entry_id=entry_id, prompt="And by phone?")).json()["learned"]
    [label] = await labels(talking)
    assert label.asked == label.cached.replace(LAST, "And by phone?")
    assert label.cached.startswith("user: How do I mute the bell?")


@pytest.mark.parametrize(
    "messages",
    [
        [user(OTHERWISE)],
        [user(OTHERWISE), {"role": "assistant", "content": "Another answer."}, user(LAST)],
        [user(OTHERWISE), SAID],
    ],
)
async def test_messages_that_never_reach_the_entry_are_refused(
    talking: httpx.AsyncClient, messages: list[dict[str, Any]]
) -> None:
    hit = await look(talking, talk(OTHERWISE))
    refused = await say(talking, entry_id=hit["entry_id"], messages=messages)
    assert_problem(refused, 422, "invalid_request", "messages")
    assert (await look(talking, talk(OTHERWISE)))["hit"]


async def test_messages_of_an_exact_context_are_as_good_as_the_prompt(client: httpx.AsyncClient) -> None:
    entry_id = await store(client, talk(FIRST))
    assert (await say(client, entry_id=entry_id, messages=talk(FIRST, "And by phone?"))).json()["learned"]
    [label] = await labels(client)
    assert (label.asked, label.cached, label.conversation) == ("And by phone?", LAST, False)
    refused = await say(client, entry_id=entry_id, messages=talk(OTHERWISE))
    assert_problem(refused, 422, "invalid_request", "messages")
