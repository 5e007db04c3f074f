"""Requests that are known byte for byte are not read again; whatever may have changed since is asked anew."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from semcache.gateway.ask import Ask
from semcache.gateway.dialects.chat import Chat
from semcache.gateway.errands import Errand
from semcache.gateway.prepared import LONGEST, Known, Preparations, Prepared
from semcache.memory import Budget, Memory
from semcache.policy.directives import Directives
from tests.gateway.conftest import Gateway, Open

FAR: dict[str, Any] = {"near": {"entries": 0}}
"""Every hit is the store's."""


def kept(gateway: Gateway) -> Preparations:
    """What is kept of requests."""
    front = gateway.service.front
    assert front is not None
    return front.generation._preparations


def prepared(gateway: Gateway, prompt: str, **more: Any) -> None:
    """Have a request answered from the store, and kept."""
    before = len(kept(gateway))
    assert gateway.chat(prompt, **more).status == "MISS"
    gateway.settled()
    assert len(kept(gateway)) == before
    for _ in range(2):
        assert gateway.chat(prompt, **more).status == "HIT"
    assert len(kept(gateway)) == before + 1


def test_the_answer_is_the_same(open_gateway: Open) -> None:
    gateway = open_gateway(**FAR)
    prepared(gateway, "Why is the sky blue?")
    before, streamed = gateway.chat("Why is the sky blue?"), gateway.chat("Why is the sky blue?", stream=True)
    assert (before.status, streamed.status, streamed.text) == ("HIT", "HIT", before.text)
    assert len(kept(gateway)) == 2


def test_a_miss_sends_upstream_what_this_call_said(open_gateway: Open) -> None:
    gateway = open_gateway(**FAR)
    prepared(gateway, "Why is the sky blue?", headers={"traceparent": "first"})
    assert gateway.client.post("/admin/invalidate", json={"all": True}).status_code in (200, 202)
    assert gateway.chat("Why is the sky blue?", headers={"traceparent": "second"}).status == "MISS"
    assert len(kept(gateway)) == 1
    first, second = gateway.provider.calls
    assert (first.header("traceparent"), second.header("traceparent")) == ("first", "second")
    assert first.body == second.body
    assert [name for name, _ in first.headers] == [name for name, _ in second.headers]


@pytest.mark.parametrize("header", ["no-cache", "no-store", "max-age=0"])
def test_what_a_caller_asks_of_the_cache_counts(open_gateway: Open, header: str) -> None:
    gateway = open_gateway(**FAR)
    prepared(gateway, "Why is the sky blue?")
    for _ in range(2):
        assert gateway.chat("Why is the sky blue?", headers={"cache-control": header}).status != "HIT"
        gateway.settled()


def test_a_new_version_of_the_model_is_asked_itself(open_gateway: Open) -> None:
    gateway = open_gateway(**FAR)
    prepared(gateway, "Why do dogs bark?")
    front = gateway.service.front
    assert front is not None

    async def changed() -> None:
        name = front.upstreams.all[0].name
        await front.versions.observe(name, "gpt-4o-mini", "gpt-4o-mini-next", front.versions.label(name, "gpt-4o-mini"))

    gateway.do(changed())
    assert gateway.chat("Why do dogs bark?").status == "MISS"
    assert len(kept(gateway)) == 0


def test_who_pays_for_an_answer_has_it(open_gateway: Open) -> None:
    gateway = open_gateway(upstream={"api_key": None}, **FAR)
    mine = {"authorization": "Bearer sk-mine"}
    prepared(gateway, "Why do cats purr?", headers=mine)
    assert gateway.chat("Why do cats purr?", headers={"authorization": "Bearer sk-yours"}).status == "MISS"
    gateway.lose_secret()
    assert gateway.chat("Why do cats purr?", headers=mine).status == "MISS"


# -- the memory itself ------------------------------------------------------------------------------------------------


def of(body: bytes, ours: frozenset[bytes] = frozenset()) -> Prepared:
    """A request, as far as the memory looks at it."""
    asked = Chat().read({"model": "m", "messages": [{"role": "user", "content": "Why?"}]})
    ask = Ask(
        method="POST",
        path=Chat.path,
        query=b"",
        headers=[(b"traceparent", b"1")],
        ours=ours,
        body=body,
        namespace="n",
        principal=lambda user: user,
        directives=Directives(),
    )
    upstream: Any = None
    errand = Errand(ask=ask, provider="openai", upstream=upstream, model="m", namespace="n")
    return Prepared(asked, errand, errand.request(asked.messages, asked.params, None))


def test_one_asker_s_request_is_no_other_s() -> None:
    kept = Preparations(10, Budget(10**6))
    me, other = object(), object()
    kept.put(Known(b"k", me), of(b"{}", frozenset({b"x-api-key"})), None)
    assert kept.get(Known(b"k", other), frozenset({b"x-api-key"})) is None
    assert kept.get(Known(b"k", me), frozenset()) is None
    found = kept.get(Known(b"k", me), frozenset({b"x-api-key"}))
    assert found is not None
    assert (found.errand.ask.headers, found.errand.ask.body) == ([], b"")
    kept.drop(Known(b"k", me))
    assert kept.get(Known(b"k", me), frozenset({b"x-api-key"})) is None


def test_it_is_bounded() -> None:
    kept, me = Preparations(2, Budget(10**6)), object()
    kept.put(Known(b"long", me), of(bytes(LONGEST + 1)), None)
    assert len(kept) == 0
    for key in (b"1", b"2"):
        kept.put(Known(key, me), of(b"{}"), None)
    assert kept.get(Known(b"1", me), frozenset()) is not None
    kept.put(Known(b"3", me), of(b"{}"), None)
    assert [kept.get(Known(key, me), frozenset()) is not None for key in (b"1", b"2", b"3")] == [True, False, True]
    none = Preparations(0, Budget(10**6))
    none.put(Known(b"1", me), of(b"{}"), None)
    assert len(none) == 0


# -- what it takes ----------------------------------------------------------------------------------------------------

CONVERSATIONS: dict[str, Callable[[int], Any]] = {
    "short": lambda n: [{"role": "user", "content": f"Why is {n} odd? " + "word " * 20}],
    "wide": lambda n: [{"role": "user", "content": f"Why is {n} odd? \U0001f600 " + "word " * 380}],
    "turns": lambda n: [{"role": ("user", "assistant")[at % 2], "content": f"{at} of {n}, say"} for at in range(31)],
    "deep": lambda n: [{"role": "user", "content": [{"type": "text", "text": f"Why {n}?", "x": [[]] * 600}]}],
}


@pytest.mark.parametrize("kind", CONVERSATIONS)
def test_a_request_weighs_what_it_takes(open_gateway: Open, kind: str) -> None:
    gateway, asked = open_gateway(**FAR), CONVERSATIONS[kind]
    cache, memory = gateway.service.cache, kept(gateway)._kept

    def answered(number: int) -> None:
        for expected in ("MISS", "HIT"):
            body = {"model": "gpt-4o-mini", "messages": asked(number)}
            assert gateway.client.post(Chat.path, json=body).headers["x-cache-status"] == expected
            gateway.settled()

    def empty(one: Memory[Any]) -> int:
        """Bytes that it frees."""

        async def freed() -> int:
            # In the service's own loop, without a pause: what else it does must not count.
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            one._values.clear()
            one._weights.clear()
            one.bytes = 0
            gc.collect()
            return before - tracemalloc.get_traced_memory()[0]

        return int(gateway.do(freed()))

    answered(0)
    for one in (cache._identities._known, cache.direct._known, memory):
        empty(one)
    tracemalloc.start()
    try:
        for number in range(1, 41):
            answered(number)
        assert len(memory) == 40
        empty(cache._identities._known)  # those of requests that are kept stay with them
        said = memory.bytes
        held = empty(memory)
    finally:
        tracemalloc.stop()
    assert 0.6 < said / held < 1.6


@pytest.mark.parametrize("most_bytes", [1, 3_000, 30_000])
def test_what_is_forgotten_is_read_anew(open_gateway: Open, most_bytes: int) -> None:
    gateway = open_gateway(near={"entries": 0, "requests_max_bytes": most_bytes})
    prompts = [f"Why is {number} odd?" for number in range(12)]
    for prompt in prompts:
        assert gateway.chat(prompt).status == "MISS"
        gateway.settled()
    for _ in range(3):
        for prompt in prompts:
            assert gateway.chat(prompt).status == "HIT"
            assert gateway.service.cache.remembered.bytes <= most_bytes
    assert len(kept(gateway)) < len(prompts)
