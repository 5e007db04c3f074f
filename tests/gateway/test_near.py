"""The near cache on the provider routes: the answer of the whole way, and never for another question or caller."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.conftest import Gateway, Open, Seen, asked, without_evidence
from tests.serving import until

PERSONAL = "What is my account balance?"


def copies(gateway: Gateway) -> int:
    """How often a copy was served."""
    return gateway.service.near.hits


def near(gateway: Gateway, prompt: str, **more: Any) -> Seen:
    """A hit that came from a copy."""
    assert gateway.chat(prompt, **more).code == 200
    gateway.settled()
    for _ in range(2):  # read from the store, and kept
        assert gateway.chat(prompt, **more).status == "HIT"

    def looked() -> Seen | None:
        before = copies(gateway)
        seen = gateway.chat(prompt, **more)
        return seen if copies(gateway) > before else None

    found: Seen = until(looked, what="a hit from a copy")
    return found


def plain(seen: Seen) -> tuple[Any, ...]:
    """What answers to one question have in common."""
    varying = ("date", "x-request-id", "age", "cache-status", "content-length")
    headers = sorted((name, value) for name, value in seen.headers.items() if name not in varying)
    varied = {"age_s", "latency_ms"}
    shown = {name: value for name, value in seen.evidence.items() if name not in varied}
    assert set(seen.evidence) - set(shown) == varied
    assert seen.headers["cache-status"].startswith("semcache; hit; ttl=")
    return seen.code, headers, shown, without_evidence(seen.json)


def test_an_answer_from_a_copy_is_the_answer(open_gateway: Open) -> None:
    one, two = open_gateway(), open_gateway(near={"entries": 0})
    copied = near(one, "Why is the sky blue?")
    read = two.chat("Why is the sky blue?")
    assert plain(copied) == plain(read)
    assert copies(two) == 0
    assert len(one.provider.calls) == 1


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"cache-control": "no-cache"}, {}),
        ({"cache-control": "no-store"}, {}),
        ({"cache-control": "max-age=0"}, {}),
        ({"x-cache-namespace": "other"}, {}),
        ({"openai-beta": "assistants=v2"}, {}),
        ({}, {"max_tokens": 7}),
        ({}, {"model": "gpt-4o"}),
        ({}, {"temperature": 1}),
        ({}, {"n": 2}),
    ],
)
def test_what_asks_for_something_else_does_not_get_the_copy(
    gateway: Gateway, headers: dict[str, str], body: dict[str, Any]
) -> None:
    prompt = f"Why is the grass green, {sorted(headers.items())} {sorted(body.items())}?"
    near(gateway, prompt)
    before, calls = copies(gateway), len(gateway.provider.calls)
    answer = gateway.client.post("/v1/chat/completions", json=asked(prompt, **body), headers=headers)
    assert answer.status_code == 200
    assert answer.headers["x-cache-status"] != "HIT"
    assert (copies(gateway), len(gateway.provider.calls)) == (before, calls + 1)


def test_a_stream_is_made_of_the_copy(gateway: Gateway) -> None:
    copied = near(gateway, "Why is the sea salt?")
    before = copies(gateway)
    seen = gateway.chat("Why is the sea salt?", stream=True)
    assert (seen.status, seen.text, seen.done, copies(gateway)) == ("HIT", copied.text, True, before + 1)


def test_a_personal_answer_is_its_users_alone(gateway: Gateway) -> None:
    near(gateway, PERSONAL, user="ann")
    calls = len(gateway.provider.calls)
    assert gateway.chat(PERSONAL, user="bob").status != "HIT"
    assert gateway.chat(PERSONAL).status != "HIT"
    assert len(gateway.provider.calls) == calls + 2


def test_who_pays_for_an_answer_has_it(open_gateway: Open) -> None:
    gateway = open_gateway(upstream={"api_key": None})
    mine = {"authorization": "Bearer sk-mine"}
    near(gateway, "Why do cats purr?", headers=mine)
    assert gateway.chat("Why do cats purr?", headers={"authorization": "Bearer sk-yours"}).status == "MISS"
    gateway.lose_secret()
    before = copies(gateway)
    gateway.chat("Why do cats purr?", headers=mine)
    assert copies(gateway) == before


def test_a_new_version_of_the_model_leaves_copies_behind(open_gateway: Open) -> None:
    gateway = open_gateway()
    near(gateway, "Why do dogs bark?")
    front = gateway.service.front
    assert front is not None

    async def changed() -> None:
        name = front.upstreams.all[0].name
        await front.versions.observe(name, "gpt-4o-mini", "gpt-4o-mini-next", front.versions.label(name, "gpt-4o-mini"))

    gateway.do(changed())
    calls = len(gateway.provider.calls)
    assert gateway.chat("Why do dogs bark?").status == "MISS"
    assert len(gateway.provider.calls) == calls + 1


def test_only_if_cached_is_answered_by_a_copy(gateway: Gateway) -> None:
    near(gateway, "Why is ice slippery?")
    assert gateway.is_kept("Why is ice slippery?")
    before = copies(gateway)
    assert gateway.is_kept("Why is ice slippery?")
    assert copies(gateway) == before + 1
