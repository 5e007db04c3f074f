"""What a caller tries to get more, or others to get worse, than the operator allows; each try comes to nothing.

What becomes of answers that are planted, in the air or no answers is in `test_adversary_answers`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from semcache.gateway.redaction import Redactor
from tests.gateway.conftest import Gateway, Seen, asked
from tests.gateway.provider import BEFORE_HEADERS, Call, Reply

CHAT = "/v1/chat/completions"


@pytest.fixture
def gateway(wary_gateway: Gateway) -> Gateway:
    """One that remembers refusals and serves what is stale."""
    return wary_gateway


def raw(gateway: Gateway, path: str, body: bytes, *headers: tuple[str, str]) -> Seen:
    given = (
        headers
        if any(name == "content-type" for name, _ in headers)
        else [("content-type", "application/json"), *headers]
    )
    return Seen(gateway.client.post(path, content=body, headers=list(given)))


# -- the same bytes, read in two ways ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"a"}],"messages":[{"role":"user","content":"b"}]}',
        b'{"model":"dear","model":"gpt-4o-mini","messages":[{"role":"user","content":"b"}]}',
        b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"a","content":"b"}]}',
        b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"b"}],"\\u006dodel":"gpt-4o-mini"}',
    ],
)
def test_a_body_that_readers_read_differently_is_only_passed_on(gateway: Gateway, body: bytes) -> None:
    seen = raw(gateway, CHAT, body)
    assert (seen.status, seen.reason) == ("BYPASS", "not_understood")
    assert gateway.provider.calls[-1].body == body


def test_an_embeddings_body_that_readers_read_differently_is_only_passed_on(gateway: Gateway) -> None:
    body = b'{"model":"text-embedding-3-small","input":"one thing","input":"another"}'
    assert raw(gateway, "/v1/embeddings", body).status == "BYPASS"


def test_blanks_escapes_and_long_numbers_are_no_ambiguity(gateway: Gateway) -> None:
    message = b'{"role": "user", "content": "caf\\u00e9 \\/ spelled out"}'
    body = b'{ "model": "gpt-4o-mini", "seed": 123456789012345678901, "top_p": 1e0, "messages": [ %b ] }' % message
    assert raw(gateway, CHAT, body).status == "MISS"
    gateway.settled()
    assert raw(gateway, CHAT, body).status == "HIT"


@pytest.mark.parametrize(
    "more",
    [
        {"protocol": "openai.chat"},
        {"api": {"openai-beta": "x"}},
        {"extra_headers": {"anthropic-beta": "x"}},
        {"extra_query": {"version": "2"}},
    ],
)
def test_no_field_stands_for_what_the_gateway_says_of_a_request(gateway: Gateway, more: dict[str, Any]) -> None:
    assert gateway.chat("What is a field?", **more).reason == "not_understood"
    embeddings = gateway.post("/v1/embeddings", {"model": "text-embedding-3-small", "input": "a field", **more})
    assert embeddings.headers["x-cache-reason"] == "not_understood"


@pytest.mark.parametrize("path", [CHAT, "/v1/responses", "/v1/messages", "/v1/embeddings"])
@pytest.mark.parametrize("levels", [80, 95, 101, 400])
def test_what_is_nested_too_deep_for_us_is_the_provider_s_to_judge(gateway: Gateway, path: str, levels: int) -> None:
    schema: Any = {}
    for _ in range(levels):
        schema = {"a": [schema]} if levels == 400 else {"a": schema}
    body = asked("How deep?", input="How deep?", max_tokens=9, tool_choice=schema)
    answer = gateway.post(path, body)
    assert answer.status_code == 200
    assert answer.headers["x-cache-status"] == ("MISS" if levels == 80 else "BYPASS")


# -- header fields that stand twice -----------------------------------------------------------------------------------


def test_every_field_of_a_repeated_directive_counts(gateway: Gateway) -> None:
    body = json.dumps(asked("Is this kept in spite of me?")).encode()
    seen = raw(gateway, CHAT, body, ("cache-control", "no-store"), ("cache-control", "max-age=60"))
    assert seen.reason == "no_store"
    gateway.settled()
    assert not gateway.is_kept("Is this kept in spite of me?")


def test_features_that_are_asked_for_in_several_fields_all_count(gateway: Gateway) -> None:
    body = json.dumps(asked("Which features?", max_tokens=9)).encode()
    version = ("anthropic-version", "2023-06-01")
    assert (
        raw(gateway, "/v1/messages", body, version, ("anthropic-beta", "one"), ("anthropic-beta", "two")).status
        == "MISS"
    )
    gateway.settled()
    assert raw(gateway, "/v1/messages", body, version, ("anthropic-beta", "two")).status == "MISS"
    gateway.settled()
    assert raw(gateway, "/v1/messages", body, version, ("anthropic-beta", "one,two")).status == "HIT"


def test_an_idempotency_key_brings_no_other_request_s_answer_into_the_cache(gateway: Gateway) -> None:
    """A provider that goes by the key alone gives the first request's answer to the second."""
    said: dict[str, Any] = {}

    def by_key(call: Call) -> Reply:
        key = call.header("idempotency-key") or str(call.number)
        said.setdefault(key, f"answer to {call.json['messages'][0]['content']}")
        return Reply(text=said[key])

    gateway.provider.always(by_key)
    for prompt in ("A first idempotent thing", "A second idempotent thing"):
        gateway.chat(prompt, headers={"idempotency-key": "mine"})
        gateway.settled()
    assert gateway.chat("A second idempotent thing").text == "answer to A second idempotent thing"


# -- requests made to fail for others ---------------------------------------------------------------------------------


def test_another_spelling_of_the_path_leaves_no_trace(gateway: Gateway) -> None:
    gateway.provider.always(lambda call: Reply(status=404) if "%2" in call.path.upper() else Reply())
    body = json.dumps(asked("Which path?")).encode()
    raw(gateway, "/v1/chat%2Fcompletions", body)
    gateway.settled()
    assert gateway.chat("Which path?").code == 200


@pytest.mark.parametrize("header", [("content-type", "text/plain"), ("content-encoding", "gzip")])
def test_headers_that_belie_the_body_leave_no_refusal_for_others(gateway: Gateway, header: tuple[str, str]) -> None:
    def strict(call: Call) -> Reply:
        sound = call.header("content-type") == "application/json" and call.header("content-encoding") is None
        return Reply() if sound else Reply(status=400)

    gateway.provider.always(strict)
    prompt = f"Who lies about {header[0]}?"
    raw(gateway, CHAT, json.dumps(asked(prompt)).encode(), header)
    gateway.settled()
    assert gateway.chat(prompt).code == 200


# -- the operator's key -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [CHAT, "/v1/images/generations"])
@pytest.mark.parametrize("split", [None, 3])
def test_a_provider_that_repeats_the_operator_s_key_does_not_show_it(
    gateway: Gateway, path: str, split: int | None
) -> None:
    told = b'{"error": {"message": "wrong key: sk-operator, sk-operator"}}'
    gateway.provider.then(Reply(status=401, raw=told, split=split, headers={"x-key": "sk-operator"}))
    seen = gateway.client.post(path, json=asked(f"Whose key? {split}"))
    assert seen.status_code == 401
    assert seen.json() == {"error": {"message": f"wrong key: {'*' * 11}, {'*' * 11}"}}
    assert "sk-operator" not in str(seen.headers)


def test_a_key_in_pieces_is_seen() -> None:
    for cut in range(len(b"see sk-operator!")):
        redactor = Redactor(b"sk-operator")
        text = b"see sk-operator!"
        assert redactor.feed(text[:cut]) + redactor.feed(text[cut:]) + redactor.rest() == b"see ***********!"
    redactor = Redactor(b"aab")
    assert b"".join(redactor.feed(b"%c" % one) for one in b"aaab aa") + redactor.rest() == b"a*** aa"


# -- what is charged for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count_hits", [True, False])
def test_other_ways_to_a_model_spend_the_same_rate(open_gateway: Any, count_hits: bool) -> None:
    gateway: Gateway = open_gateway(rate={"enabled": True, "generation_per_minute": 3, "count_hits": count_hits})
    paths = ("/v1/completions", "/v1//chat/completions", "/v1/responses/compact", "/v1/completions")
    assert [gateway.client.post(path, json=asked("Once more")).status_code for path in paths][-1] == 429
    assert gateway.client.post("/v1/messages/count_tokens", json={}).status_code != 429
    assert gateway.chat("And by the door?").code == 429


# -- keys are nowhere -------------------------------------------------------------------------------------------------


def test_no_key_is_told_logged_or_kept(
    open_gateway: Any, caplog: pytest.LogCaptureFixture, standalone_server: str
) -> None:
    """Whoever pays: in answers, logs of every level, metrics, settings, exports and the store itself."""
    caplog.set_level(logging.DEBUG, logger="")
    keys = ("sk-operator-of-all", "sk-caller-s-own", "admin-of-this")
    told = b""
    for upstream in ({"api_key": keys[0]}, {"api_key": None}):
        gateway: Gateway = open_gateway(upstream=upstream, admin_key=keys[2])
        own = {"authorization": f"Bearer {keys[1]}", "x-goog-api-key": keys[1]}
        gateway.provider.then(Reply(), Reply(status=401), Reply(reset_at=BEFORE_HEADERS))
        for prompt in ("one", "two", "three", "four"):
            told += gateway.client.post(CHAT, json=asked(prompt), headers=own).content
        for path in ("/v1/models", "/v1/files", "/v1/stats", "/metrics", "/readyz", "/openapi.json"):
            told += gateway.client.get(path, headers=own).content
        gateway.settled()
        for path in ("/admin/config", "/admin/export", "/admin/invalidations"):
            answer = gateway.client.get(path, headers={"x-api-key": keys[2]})
            assert answer.status_code == 200
            told += answer.content
    assert b"gpt-4o-mini" in told
    shown = caplog.text.encode() + told + b"".join(everything(standalone_server))
    assert not [key for key in keys if key.encode() in shown]


def everything(server: str) -> Iterator[bytes]:
    with redis.Redis.from_url(server) as store:
        for key in store.scan_iter(count=1000):
            yield key
            kind = store.type(key)
            if kind == b"hash":
                yield b"".join(b"".join(pair) for pair in store.hgetall(key).items())
            elif kind == b"string":
                yield store.get(key) or b""
            elif kind == b"stream":
                yield str(store.xrange(key)).encode()
            elif kind in (b"set", b"zset"):
                yield b"".join(store.smembers(key) if kind == b"set" else store.zrange(key, 0, -1))


@pytest.mark.parametrize("namespace", ["default~0123456789abcdef", "two\nlines", "", "x" * 129])
def test_a_warm_list_names_no_namespace_that_callers_could_not(gateway: Gateway, namespace: str) -> None:
    items = [{"prompt": "Warm?", "model": "gpt-4o-mini", "namespace": namespace}]
    assert gateway.post("/admin/warm", {"items": items}).status_code in (400, 422)
    assert gateway.provider.calls == []
