"""Feedback on hits of the gateway: named by what the answer says of itself, they teach as a lookup's do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from semcache.policy.labels import Label
from tests.gateway.conftest import Gateway, Seen, many
from tests.serving import until
from tests.sure import decide_by, sure_verifier

FIRST = "How do I enable the alarm?"
OTHERWISE = "how can i enable the alarm"
LAST = "And on a phone?"


@pytest.fixture(scope="module")
def shared_gateway(
    standalone_server: str, prepared_models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """One where a verifier that is sure of everything decides."""
    folder = tmp_path_factory.mktemp("judged")
    (folder / "data").mkdir()
    (folder / "data" / "models").symlink_to(prepared_models_dir, target_is_directory=True)
    with many(standalone_server, folder) as opened, contextlib.ExitStack() as stack:
        gateway = opened(
            embedder="minilm",
            data_dir=folder / "data",
            mode="threshold",
            upstream={"api_key": None},
            embedding={"threads": 1},
            maintenance={"poll_s": 0.02},
        )
        until(lambda: all(part["ok"] for part in gateway.do(gateway.service.health()).values()))
        verifying = sure_verifier()
        decide_by(gateway.service, gateway.do(verifying.__aenter__()))
        stack.callback(lambda: gateway.do(verifying.__aexit__(None, None, None)))
        yield gateway


def ask(gateway: Gateway, path: str, namespace: str, text: str, *, stream: bool = False) -> Seen:
    """A question by itself, in the protocol of a path."""
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": 9}
    if path == "/v1/responses":
        body = {"model": "m", "input": text}
    if stream:
        body["stream"] = True
    seen = Seen(gateway.client.post(path, json=body, headers={"x-cache-namespace": namespace}))
    gateway.settled()
    return seen


def evidence(seen: Seen) -> dict[str, Any]:
    """`x_semcache`, wherever the protocol has the answer's own fields."""
    found = [seen.json] if not seen.is_stream else seen.events
    found += [event[name] for event in found for name in ("message", "response") if name in event]
    [shown] = [value["x_semcache"] for value in found if "x_semcache" in value]
    return dict(shown)


def labels(gateway: Gateway, namespace: str) -> list[Label]:
    async def read() -> list[Label]:
        return [one async for one in gateway.service.labels.read(namespace)]

    found: list[Label] = gateway.do(read())
    return found


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_hit_by_meaning_carries_what_feedback_needs(gateway: Gateway, path: str, stream: bool) -> None:
    namespace = f"{path.rpartition('/')[2]}-{stream}"
    ask(gateway, path, namespace, FIRST, stream=stream)
    seen = ask(gateway, path, namespace, OTHERWISE, stream=stream)
    assert seen.status == "SEMANTIC-HIT"
    shown = evidence(seen)
    said = gateway.post("/v1/feedback", {"request_id": shown["request_id"], "correct": False})
    assert (said.status_code, said.json()["learned"]) == (202, True)
    [label] = labels(gateway, namespace)
    assert (label.asked, label.cached, label.same) == (OTHERWISE, FIRST, False)
    assert label.similarity == pytest.approx(shown["similarity"], abs=1e-5)
    assert label.confidence == pytest.approx(shown["confidence"])
    again = ask(gateway, path, namespace, OTHERWISE)
    assert (again.status, again.reason) == ("MISS", "vetoed")


def test_of_a_conversation_the_label_has_all_turns(gateway: Gateway) -> None:
    def talk(first: str) -> Seen:
        turns = [("user", first), ("assistant", "Open the settings."), ("user", LAST)]
        messages = [{"role": role, "content": content} for role, content in turns]
        seen = gateway.chat("", messages=messages, headers={"x-cache-namespace": "talk"})
        gateway.settled()
        return seen

    talk(FIRST)
    shown = talk(OTHERWISE).evidence
    assert shown["tier"] == "semantic"
    assert gateway.post("/v1/feedback", {"request_id": shown["request_id"], "correct": False}).json()["learned"]
    [label] = labels(gateway, "talk")
    assert (label.conversation, label.asked.split("\n")[0]) == (True, f"user: {OTHERWISE}")
    assert label.confidence == pytest.approx(shown["confidence"])


def test_an_exact_hit_is_named_by_its_key_and_its_prompt(gateway: Gateway) -> None:
    for status in ("MISS", "HIT"):
        seen = ask(gateway, "/v1/chat/completions", "own", FIRST)
        assert (seen.status, seen.evidence["request_id"]) == (status, None)
    body = {"entry_id": seen.headers["x-cache-key"], "prompt": FIRST, "correct": False}
    assert gateway.post("/v1/feedback", body).json()["learned"]
    assert ask(gateway, "/v1/chat/completions", "own", FIRST).reason == "vetoed"


def test_what_a_callers_own_key_paid_for_takes_that_key_beside_it(gateway: Gateway) -> None:
    key = {"authorization": "Bearer sk-mine", "x-cache-namespace": "paid"}
    gateway.chat(FIRST, headers=key)
    gateway.settled()
    body = {"request_id": gateway.chat(OTHERWISE, headers=key).evidence["request_id"], "correct": False}
    assert gateway.client.post("/v1/feedback", json=body).status_code == 404
    assert (
        gateway.client.post("/v1/feedback", json=body, headers={"authorization": "Bearer sk-other"}).status_code == 404
    )
    assert gateway.client.post("/v1/feedback", json=body, headers=key).json()["learned"]
    [label] = labels(gateway, "paid")
    assert label.confidence is not None
