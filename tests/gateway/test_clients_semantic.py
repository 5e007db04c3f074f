"""The semantic tier through the gateway, with the real embedder: what a paraphrase gets, and what it must not get."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import Gateway, many
from tests.gateway.provider import Reply
from tests.serving import until

ASKED = "How do I reset my router to factory settings?"
PARAPHRASE = "How can I reset my router to its factory settings?"
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "reset", "parameters": {"type": "object"}}}
IMAGE: dict[str, Any] = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


@pytest.fixture(scope="module")
def shared_gateway(
    standalone_server: str, prepared_models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("semantic")
    data = folder / "data"
    data.mkdir()
    (data / "models").symlink_to(prepared_models_dir, target_is_directory=True)
    with many(standalone_server, folder) as opened:
        gateway = opened(
            embedder="minilm",
            data_dir=data,
            threshold=0.9,
            verifier="off",
            namespaces={"shadowed": {"mode": "shadow"}},
            embedding={"threads": 1},
            maintenance={"poll_s": 0.02},
        )
        until(lambda: all(part["ok"] for part in gateway.do(gateway.service.health()).values()))
        yield gateway


def namespaced(name: str, **more: str) -> dict[str, str]:
    return {"x-cache-namespace": name, **more}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_paraphrase_is_a_semantic_hit(gateway: Gateway, stream: bool) -> None:
    headers = namespaced(f"hit-{stream}")
    gateway.chat(ASKED, stream=stream, headers=headers)
    gateway.settled()
    seen = gateway.chat(PARAPHRASE, stream=not stream, headers=headers)
    assert (seen.status, seen.headers["x-cache-tier"]) == ("SEMANTIC-HIT", "semantic")
    assert seen.text == f"You said: {ASKED}"
    assert 0.9 <= float(seen.headers["x-cache-similarity"]) < 1
    assert 0.9 <= seen.evidence["similarity"] < 1
    assert len(gateway.provider.calls) == 1


def test_the_answers_of_messages_and_responses_too(gateway: Gateway) -> None:
    def asked(prompt: str) -> list[str]:
        message = {"model": "claude-test", "max_tokens": 9, "messages": [{"role": "user", "content": prompt}]}
        answers = [
            gateway.client.post(path, json=body, headers=namespaced("others"))
            for path, body in (("/v1/messages", message), ("/v1/responses", {"model": "gpt-test", "input": prompt}))
        ]
        gateway.settled()
        return [answer.headers["x-cache-status"] for answer in answers]

    assert asked(ASKED) == ["MISS", "MISS"]
    assert asked(PARAPHRASE) == ["SEMANTIC-HIT", "SEMANTIC-HIT"]


@pytest.mark.parametrize("narrowed", [{"x-cache-threshold": "0.9999"}, {"x-cache-strategy": "normalized"}])
def test_a_caller_may_tighten(gateway: Gateway, narrowed: dict[str, str]) -> None:
    name = "tighten-" + next(iter(narrowed))[-5:]
    gateway.chat(ASKED, headers=namespaced(name))
    gateway.settled()
    assert gateway.chat(PARAPHRASE, headers=namespaced(name, **narrowed)).status == "MISS"


def test_a_caller_cannot_loosen(gateway: Gateway) -> None:
    gateway.chat(ASKED, headers=namespaced("loosen"))
    gateway.settled()
    other = "How do I bake a loaf of bread?"
    seen = gateway.chat(other, headers=namespaced("loosen", **{"x-cache-threshold": "0.01"}))
    assert seen.status == "MISS"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_answer_that_calls_tools_is_for_the_very_same_request(gateway: Gateway, stream: bool) -> None:
    gateway.provider.always(Reply(tools=(("reset", "{}"),)))
    headers = namespaced(f"tools-{stream}")
    asked = {"tools": [TOOL], "headers": headers, "stream": stream}
    gateway.chat(ASKED, **asked)
    gateway.settled()
    assert gateway.chat(ASKED, **asked).status == "HIT"
    assert gateway.chat(PARAPHRASE, **asked).status == "MISS"
    spelled = gateway.chat(ASKED.lower().rstrip("?"), **asked)
    assert spelled.status == "MISS", "not even for another spelling"


def test_a_question_with_an_image_is_for_the_very_same_request(gateway: Gateway) -> None:
    def asked(text: str, image: dict[str, Any] = IMAGE) -> str:
        content = [{"type": "text", "text": text}, image]
        seen = gateway.chat("", messages=[{"role": "user", "content": content}], headers=namespaced("images"))
        gateway.settled()
        return str(seen.status)

    other = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert [asked(ASKED), asked(ASKED), asked(PARAPHRASE), asked(ASKED, other)] == ["MISS", "HIT", "MISS", "MISS"]


def test_personal_answers_of_one_user_are_for_no_paraphrase_of_another(gateway: Gateway) -> None:
    first, second = "What is my account balance?", "What's the balance of my account?"
    gateway.chat(first, user="ann", headers=namespaced("personal"))
    gateway.settled()
    assert gateway.chat(second, user="bob", headers=namespaced("personal")).status == "MISS"


def test_embeddings_are_never_compared_for_meaning(gateway: Gateway) -> None:
    def asked(text: str) -> str:
        body = {"model": "text-embedding-3-small", "input": text}
        return gateway.client.post("/v1/embeddings", json=body, headers=namespaced("vectors")).headers["x-cache-status"]

    assert [asked(ASKED), asked(PARAPHRASE), asked(ASKED.lower()), asked(ASKED)] == ["MISS", "MISS", "MISS", "HIT"]


def test_shadow_mode_asks_upstream_and_says_what_it_would_have_served(gateway: Gateway) -> None:
    headers = namespaced("shadowed")
    first = gateway.chat(ASKED, headers=headers)
    gateway.settled()
    seen = gateway.chat(PARAPHRASE, headers=headers)
    assert (first.status, seen.status) == ("MISS", "SHADOW")
    assert seen.headers["x-cache-reason"] == "shadowed"
    assert seen.text == f"You said: {PARAPHRASE}"
    assert seen.evidence["similarity"] >= 0.9
    assert len(gateway.provider.calls) == 2
    gateway.settled()
    assert gateway.chat(PARAPHRASE, headers=headers).status == "HIT"  # the exact tiers serve
