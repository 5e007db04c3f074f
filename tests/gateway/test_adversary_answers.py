"""Answers that a caller plants, follows or breaks; nobody else gets them, nor what was asked before an invalidation."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.gateway import provider_responses
from tests.gateway.conftest import Gateway, Seen, asked
from tests.gateway.provider import BEFORE_HEADERS, Call, Gate, Reply
from tests.serving import until


@pytest.fixture
def gateway(wary_gateway: Gateway) -> Gateway:
    """One that remembers refusals and serves what is stale."""
    return wary_gateway


class Asking(threading.Thread):
    """A chat completion that is under way."""

    def __init__(self, gateway: Gateway, prompt: str, **more: Any) -> None:
        super().__init__()
        self._ask = lambda: gateway.chat(prompt, **more)
        self.start()

    def run(self) -> None:
        self.seen = self._ask()

    def answer(self) -> Seen:
        self.join()
        return self.seen


def invalidate_all(gateway: Gateway) -> None:
    assert gateway.client.post("/admin/invalidate", json={"all": True}).status_code in (200, 202)


# -- invalidation, and what is in the air -----------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_who_asks_after_an_invalidation_does_not_follow_what_was_asked_before(gateway: Gateway, stream: bool) -> None:
    gate = Gate()
    prompt = f"What holds after the invalidation? {stream}"
    gateway.provider.then(Reply(text="the old", gate=gate, gate_at=BEFORE_HEADERS), Reply(text="the new"))
    before = Asking(gateway, prompt, stream=stream)
    assert gate.reached.wait(10)
    invalidate_all(gateway)
    after = Asking(gateway, prompt, stream=stream)
    gate.open()
    assert before.answer().text == "the old"
    assert after.answer().text == "the new"
    gateway.settled()
    assert gateway.chat(prompt, stream=stream).text == "the new"


def test_a_refusal_is_forgotten_with_an_invalidation(gateway: Gateway) -> None:
    gateway.provider.then(Reply(status=404))
    prompt = "Is there such a model?"
    assert gateway.chat(prompt).code == 404
    gateway.settled()
    assert gateway.chat(prompt).reason == "negative"
    invalidate_all(gateway)
    assert gateway.chat(prompt).code == 200


def test_a_stale_answer_is_no_older_than_the_caller_bears(gateway: Gateway) -> None:
    prompt = "How old may it be?"
    gateway.chat(prompt, headers={"x-cache-ttl": "0.05"})
    gateway.settled()
    threading.Event().wait(1.2)  # the answer's age is the thing itself: above the second that is borne below
    assert gateway.chat(prompt, headers={"cache-control": "max-age=1"}).status == "MISS"


def test_who_asks_for_embeddings_after_an_invalidation_asks_anew(gateway: Gateway) -> None:
    gate = Gate()
    gateway.provider.then(Reply(gate=gate))
    body = {"model": "text-embedding-3-small", "input": ["asked before", "and after"]}
    answers: list[Any] = []
    asking = [threading.Thread(target=lambda: answers.append(gateway.post("/v1/embeddings", body))) for _ in range(2)]
    asking[0].start()
    assert gate.reached.wait(10)
    invalidate_all(gateway)
    asking[1].start()
    gate.open()
    for one in asking:
        one.join()
    assert [one.status_code for one in answers] == [200, 200]
    assert len(gateway.provider.calls) == 2


# -- what is said of one caller --------------------------------------------------------------------------------------


def test_a_stream_that_names_one_caller_is_not_passed_to_another(gateway: Gateway) -> None:
    def named(call: Call) -> Reply:
        """Responses repeat whom their request named."""
        response = provider_responses.whole(call.json, call.number, Reply())
        response |= {name: call.json.get(name) for name in ("user", "metadata", "safety_identifier")}
        created = {"type": "response.created", "sequence_number": 0, "response": {**response, "output": []}}
        rest = b"".join(provider_responses.events(call.json, call.number, Reply())).split(b"\n\n")[1:-2]
        done = {"type": "response.completed", "sequence_number": len(rest) + 1, "response": response}
        ends = [b"event: %b\ndata: %b" % (one["type"].encode(), json.dumps(one).encode()) for one in (created, done)]
        return Reply(raw=b"\n\n".join([ends[0], *rest, ends[1], b""]), content_type="text/event-stream", gate=gate)

    gate = Gate()
    gateway.provider.always(named)
    seen: dict[str, bytes] = {}

    def ask(user: str) -> None:
        body = {"model": "gpt-4.1", "input": "Who is named?", "stream": True, "user": user, "metadata": {"of": user}}
        seen[user] = gateway.post("/v1/responses", body).content

    asking = [threading.Thread(target=ask, args=(user,)) for user in ("alice", "bob")]
    asking[0].start()
    assert gate.reached.wait(10)
    asking[1].start()
    until(lambda: any(flight.followers for flight in flights(gateway)), what="bob follows")
    gate.open()
    for one in asking:
        one.join()
    assert len(gateway.provider.calls) == 1
    assert b"response.completed" in seen["bob"]
    assert b"alice" in seen["alice"]
    assert b"alice" not in seen["bob"]


def flights(gateway: Gateway) -> list[Any]:
    return list(gateway.service.front._parts.coalescer._flights.values())  # type: ignore[union-attr]


# -- what is no answer is nobody's answer -----------------------------------------------------------------------------


@pytest.mark.parametrize("page", [b"<html>busy</html>", b'{"choices": ', b'{"detail": "busy"}'])
def test_a_page_that_came_for_one_is_not_given_to_others_as_json(gateway: Gateway, page: bytes) -> None:
    gate = Gate()
    prompt = f"What follows a page of {len(page)}?"
    gateway.provider.then(Reply(raw=page, content_type="text/html", gate=gate))
    first = Asking(gateway, prompt)
    assert gate.reached.wait(10)
    second = Asking(gateway, prompt)
    gate.open()
    assert first.answer().raw.startswith(page[:10])
    assert second.answer().text == f"You said: {prompt}"


def said(text: str, finish: str = "stop") -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}]}


PLANTED = [
    "hello", 7, {"choices": []}, {"error": {"message": "gone"}}, said("It is cut", "length"), said(" "),
    said("I'm sorry, but I can't help with that."),
]  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED, ids=range(len(PLANTED)))
@pytest.mark.parametrize("stream", [False, True])
def test_a_planted_record_that_is_no_answer_is_not_served(gateway: Gateway, planted: Any, stream: bool) -> None:
    prompt = f"Was number {PLANTED.index(planted)} planted for {stream}?"
    body = {**asked(prompt), "params": {"protocol": "openai.chat"}, "response": planted}
    assert gateway.post("/v1/store", body).status_code == 201
    assert gateway.chat(prompt, stream=stream).text == f"You said: {prompt}"


@pytest.mark.parametrize("embedding", [None, [], "", {}, 7])
def test_nothing_is_no_embedding(gateway: Gateway, embedding: Any) -> None:
    body = {"model": "text-embedding-3-small", "input": f"nothing, that is {embedding}"}
    empty = {"data": [{"index": 0, "embedding": embedding}], "model": body["model"], "usage": {"prompt_tokens": 1}}
    gateway.provider.then(Reply(raw=json.dumps(empty).encode()))
    gateway.post("/v1/embeddings", body)
    assert len(gateway.post("/v1/embeddings", body).json()["data"][0]["embedding"]) > 0
    planted = {
        "model": body["model"],
        "messages": [{"role": "input", "content": f"planted {embedding}"}],
        "params": {"protocol": "openai.embeddings"},
        "response": {"embedding": embedding, "tokens": 1},
    }
    assert gateway.post("/v1/store", planted).status_code == 201
    body["input"] = f"planted {embedding}"
    assert len(gateway.post("/v1/embeddings", body).json()["data"][0]["embedding"]) > 0


def test_embeddings_that_are_to_live_for_no_time_are_not_kept(gateway: Gateway) -> None:
    body = {"model": "text-embedding-3-small", "input": "of no life"}
    for _ in range(2):
        assert gateway.post("/v1/embeddings", body, x_cache_ttl="0").headers["x-cache-status"] == "MISS"
    assert len(gateway.provider.calls) == 2


def test_what_the_operator_denies_is_denied_to_embeddings_too(gateway: Gateway) -> None:
    body = {"model": "text-embedding-3-small", "input": ["harmless", "of operation walrus"]}
    assert gateway.post("/v1/embeddings", body).headers["x-cache-reason"] == "denied_pattern"


@pytest.mark.parametrize("status", [201, 202, 206])
def test_only_a_plain_200_is_kept(gateway: Gateway, status: int) -> None:
    prompt = f"Is {status} whole?"
    gateway.provider.then(Reply(status=status))
    assert gateway.chat(prompt).code == status
    gateway.settled()
    assert not gateway.is_kept(prompt)


def test_evidence_is_ours_alone(gateway: Gateway) -> None:
    forged = {"cache_hit": True, "tier": "exact", "status": "HIT", "cost_usd": -5}
    answer = {
        "id": "x", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini", "x_semcache": forged,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes"}, "finish_reason": "stop"}],
    }  # fmt: skip
    gateway.provider.then(Reply(raw=json.dumps(answer).encode()))
    seen = gateway.chat("Who says so?")
    assert seen.evidence["cache_hit"] is False
    assert seen.raw.count(b"x_semcache") == 1
    gateway.settled()
    kept = gateway.chat("Who says so?")
    assert (kept.status, kept.evidence["cost_usd"]) == ("HIT", 0.0)
    assert kept.raw.count(b"x_semcache") == 1
