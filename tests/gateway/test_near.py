"""The near cache on the provider routes: the answer of the whole way, and never for another question or caller."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

import httpx
import pytest

from semcache.models import CacheIdentity
from semcache.stores.entries import RedisEntries
from tests.gateway.conftest import Gateway, Open, Seen, asked, without_evidence
from tests.patience import LONG_S
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


# -- known byte for byte, without copies ------------------------------------------------------------------------------


def sent(gateway: Gateway, prompt: str, *headers: str, **body: Any) -> tuple[str, Any]:
    """Status and body of a request that comes in one chunk of bytes."""
    text = json.dumps(asked(prompt, **body)).encode()
    lines = ("POST /v1/chat/completions HTTP/1.1", "Host: localhost", f"Content-Length: {len(text)}", *headers)
    with socket.create_connection(("127.0.0.1", httpx.URL(gateway.url).port or 0), timeout=LONG_S) as line:
        line.sendall("\r\n".join((*lines, "", "")).encode() + text)
        found = http.client.HTTPResponse(line)
        found.begin()
        return found.headers["x-cache-status"], json.loads(found.read())


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes what is read directly."""
    noted: list[str] = []
    begin = RedisEntries.begin_read

    def begun(self: RedisEntries, identity: CacheIdentity, hear: Any) -> bool:
        noted.append(identity.entry_id)
        return begin(self, identity, hear)

    monkeypatch.setattr(RedisEntries, "begin_read", begun)
    return noted


def directly(gateway: Gateway, direct: list[str], prompt: str, *headers: str) -> Any:
    """Have an answer kept, and ask until it is read directly; that answer."""
    sent(gateway, prompt, *headers)
    gateway.settled()

    def looked() -> Any:
        before = len(direct)
        status, body = sent(gateway, prompt, *headers)
        return body if len(direct) > before and status == "HIT" else None

    return until(looked, what="a direct read")


def test_a_completion_that_is_read_directly_is_the_answer(open_gateway: Open, direct: list[str]) -> None:
    one, two = open_gateway(near={"entries": 0}), open_gateway(near={"entries": 0, "requests": 0})
    found = directly(one, direct, "Why is the sky blue?")
    status, expected = sent(two, "Why is the sky blue?")
    assert status == "HIT"
    shown = [{**body, "x_semcache": {**body["x_semcache"], "age_s": 0, "latency_ms": 0}} for body in (found, expected)]
    assert shown[0] == shown[1]
    assert len(one.provider.calls) == 1


def test_what_must_not_be_served_is_not_read_directly(open_gateway: Open, direct: list[str]) -> None:
    gateway = open_gateway(near={"entries": 0})
    directly(gateway, direct, "Why is the sea salt?")
    reads, calls = len(direct), len(gateway.provider.calls)
    for headers, body in (
        (("Cache-Control: no-cache",), {}),
        (("Cache-Control: no-store",), {}),
        (("X-Cache-Namespace: other",), {}),
        ((), {"max_tokens": 7}),
    ):
        assert sent(gateway, "Why is the sea salt?", *headers, **body)[0] != "HIT"
    assert (len(direct), len(gateway.provider.calls)) == (reads, calls + 4)


def test_a_personal_answer_is_read_directly_for_its_user_alone(open_gateway: Open, direct: list[str]) -> None:
    gateway = open_gateway(near={"entries": 0})
    assert gateway.chat(PERSONAL, user="ann").code == 200
    gateway.settled()
    for _ in range(4):
        assert sent(gateway, PERSONAL, user="ann")[0] == "HIT"
    assert direct
    assert sent(gateway, PERSONAL, user="bob")[0] != "HIT"
    assert sent(gateway, PERSONAL)[0] != "HIT"


def test_a_new_version_of_the_model_ends_direct_reads(open_gateway: Open, direct: list[str]) -> None:
    gateway = open_gateway(near={"entries": 0})
    directly(gateway, direct, "Why do dogs bark?")
    front = gateway.service.front
    assert front is not None

    async def changed() -> None:
        name = front.upstreams.all[0].name
        await front.versions.observe(name, "gpt-4o-mini", "gpt-4o-mini-next", front.versions.label(name, "gpt-4o-mini"))

    gateway.do(changed())
    reads, calls = len(direct), len(gateway.provider.calls)
    assert sent(gateway, "Why do dogs bark?")[0] == "MISS"
    assert (len(direct), len(gateway.provider.calls)) == (reads, calls + 1)


def test_who_pays_for_an_answer_has_it_read_directly_while_the_secret_is_known(
    open_gateway: Open, direct: list[str]
) -> None:
    gateway = open_gateway(upstream={"api_key": None}, near={"entries": 0})
    directly(gateway, direct, "Why do cats purr?", "Authorization: Bearer sk-mine")
    reads = len(direct)
    assert sent(gateway, "Why do cats purr?", "Authorization: Bearer sk-yours")[0] == "MISS"
    gateway.lose_secret()
    sent(gateway, "Why do cats purr?", "Authorization: Bearer sk-mine")
    assert len(direct) == reads


def test_a_record_that_the_route_may_not_give_is_fetched_anew(open_gateway: Open, direct: list[str]) -> None:
    gateway = open_gateway(near={"entries": 0})
    directly(gateway, direct, "Why is ice slippery?")
    link, entry_id = gateway.service.store._link, direct[-1]
    key = link.keys.bases[int(entry_id[:2], 16)] + b"e:" + entry_id.encode()
    gateway.do(link.command("HSET", key, "r", b'{"no": "completion"}'))
    calls = len(gateway.provider.calls)
    status, body = sent(gateway, "Why is ice slippery?")
    assert status == "MISS"
    assert body["choices"]
    assert len(gateway.provider.calls) == calls + 1
