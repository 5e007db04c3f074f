"""Real provider SDKs with a caching transport, against a scripted provider: their answers change in cost alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import httpx
import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic
from openai import APIStatusError, AsyncOpenAI, OpenAI

from semcache.client import AsyncClient, Client, LocalCache
from semcache.client.transport import AsyncCachingTransport, CachingTransport
from semcache.settings import GatewaySettings
from tests.gateway.provider import Provider, Reply, provider

HELLO: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why is the sky blue?"}]
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    """The provider."""
    with provider() as started:
        yield started


@pytest.fixture
def upstream(running: Provider) -> Provider:
    """The provider, as if nobody had asked it before."""
    running.forget()
    return running


@pytest.fixture
def http(client: Client) -> Iterator[httpx2.Client]:
    """An HTTP client that caches."""
    with httpx2.Client(transport=CachingTransport(client)) as http:
        yield http


@pytest.fixture
def openai(upstream: Provider, http: httpx2.Client) -> OpenAI:
    """The official client over it."""
    return OpenAI(base_url=upstream.url, api_key="k", http_client=http, max_retries=0)


@pytest.fixture
def anthropic(upstream: Provider, http: httpx2.Client) -> Anthropic:
    """The official client over it."""
    return Anthropic(base_url=upstream.origin, api_key="k", http_client=http, max_retries=0)


def chat(openai: OpenAI, *, stream: bool = False, model: str = "gpt-4o", **more: Any) -> tuple[str, str]:
    """The text of an answer, and its cache status."""
    asked = {"messages": HELLO, "model": model, **more}
    raw = openai.chat.completions.with_raw_response.create(stream=stream, **asked)
    answer: Any = raw.parse()
    status = raw.headers["x-cache-status"]
    if not stream:
        return str(answer.choices[0].message.content), status
    pieces = [piece.choices[0].delta.content or "" for piece in answer if piece.choices]
    return "".join(pieces), status


SAID = "You said: Why is the sky blue?"


@pytest.mark.parametrize("first", [False, True], ids=["whole first", "stream first"])
def test_chat_is_asked_once_streamed_or_not(openai: OpenAI, upstream: Provider, first: bool) -> None:
    assert chat(openai, stream=first) == (SAID, "MISS")
    for stream in (first, not first, first):
        assert chat(openai, stream=stream) == (SAID, "HIT")
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("first", [False, True], ids=["whole first", "stream first"])
def test_responses_are_asked_once(openai: OpenAI, upstream: Provider, first: bool) -> None:
    def ask(stream: bool) -> str:
        asked: dict[str, Any] = {"model": "gpt-4o", "input": "Why?", "store": False}
        if not stream:
            return openai.responses.create(**asked).output_text
        with openai.responses.stream(**asked) as events:
            for _ in events:
                pass
            return events.get_final_response().output_text

    assert {ask(stream) for stream in (first, not first, first)} == {"You said: Why?"}
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("first", [False, True], ids=["whole first", "stream first"])
def test_messages_are_asked_once(anthropic: Anthropic, upstream: Provider, first: bool) -> None:
    def ask(stream: bool, **more: Any) -> str:
        asked: dict[str, Any] = {
            "model": "claude-x",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": "Why?"}],
            **more,
        }
        if stream:
            with anthropic.messages.stream(**asked) as events:
                return "".join(events.text_stream)
        return "".join(getattr(block, "text", "") for block in anthropic.messages.create(**asked).content)

    assert {ask(stream) for stream in (first, not first, first)} == {"You said: Why?"}
    assert len(upstream.calls) == 1
    ask(False, extra_headers={"anthropic-beta": "another-2026-01-01"})
    assert len(upstream.calls) == 2
    ask(False, extra_headers={"anthropic-version": "2030-01-01"})
    assert len(upstream.calls) == 3
    ask(False, extra_query={"api-version": "2"})
    assert len(upstream.calls) == 4
    ask(False, extra_headers={"x-amzn-bedrock-guardrailidentifier": "strict"})
    assert len(upstream.calls) == 5
    ask(False, extra_headers={"x-request-id": "another"})
    assert len(upstream.calls) == 5


async def test_and_so_it_is_for_those_who_await(local: LocalCache, namespace: str, upstream: Provider) -> None:
    async with httpx2.AsyncClient(
        transport=AsyncCachingTransport(local.aio), headers={"x-cache-namespace": namespace}
    ) as http:
        openai = AsyncOpenAI(base_url=upstream.url, api_key="k", http_client=http)
        stream: Any = await openai.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
        assert "".join([piece.choices[0].delta.content or "" async for piece in stream if piece.choices]) == SAID
        whole = await openai.chat.completions.create(model="gpt-4o", messages=HELLO)
        assert whole.choices[0].message.content == SAID
        anthropic = AsyncAnthropic(base_url=upstream.origin, api_key="k", http_client=http)
        for _ in range(2):
            await anthropic.messages.create(
                model="c", max_tokens=9, messages=[{"role": "user", "content": "Why, then?"}]
            )
        upstream.then(Reply(status=400))
        with pytest.raises(APIStatusError):
            await openai.chat.completions.create(model="gpt-4o", messages=HELLO[1:])
        assert len(await _paths(openai)) > 0
    assert len(upstream.asked("/v1/chat/completions")) == 2
    assert len(upstream.asked("/v1/messages")) == 1


async def _paths(openai: AsyncOpenAI) -> list[str]:
    return [model.id async for model in openai.models.list()]


@pytest.mark.parametrize("module", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_miss_is_byte_for_byte_what_the_provider_sent(module: ModuleType, client: Client, upstream: Provider) -> None:
    upstream.always(Reply(split=3))
    body = {"model": "gpt-4o", "messages": HELLO, "stream": True}
    with module.Client(transport=CachingTransport(client)) as cached, module.Client() as plain:
        answers = [http.post(f"{upstream.url}/chat/completions", json=body) for http in (plain, cached, cached)]
    direct, miss, hit = answers
    assert miss.content == direct.content.replace(b"chatcmpl-1", b"chatcmpl-2").replace(b"1750000001", b"1750000002")
    assert [one.headers.get("x-cache-status") for one in answers] == [None, "MISS", "HIT"]
    assert hit.headers["content-type"].startswith("text/event-stream")
    assert hit.content.endswith(b"data: [DONE]\n\n")


async def test_httpx_is_served_as_httpx2_is(local: LocalCache, namespace: str, upstream: Provider) -> None:
    headers = {"x-cache-namespace": namespace}
    async with httpx.AsyncClient(transport=AsyncCachingTransport(local.aio), headers=headers) as http:
        for status in ("MISS", "HIT"):
            answer = await http.post(
                f"{upstream.url}/chat/completions", json={"model": "m", "messages": HELLO, "stream": True}
            )
            assert answer.headers["x-cache-status"] == status
    assert len(upstream.calls) == 1


def test_evidence(openai: OpenAI, client: Client) -> None:
    assert openai.chat.completions.create(model="gpt-4o", messages=HELLO).model_extra == {}
    raw = openai.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
    assert raw.headers["x-cache-tier"] == "exact"
    assert raw.headers["age"] == "0"
    answer = raw.parse()
    assert answer.model_extra is not None
    shown = answer.model_extra["x_semcache"]
    assert (shown["cache_hit"], shown["tier"], shown["entry_id"]) == (True, "exact", raw.headers["x-cache-key"])
    record = client.entry(shown["entry_id"])
    assert record is not None
    assert record.usage is not None
    assert record.usage.output_tokens > 0
    assert record.cost_usd
    assert record.latency_ms
    assert client.feedback(request_id=shown["request_id"], correct=False).entry_id == shown["entry_id"]


def test_the_provider_sees_no_header_of_ours(openai: OpenAI, upstream: Provider) -> None:
    chat(openai, extra_headers={"X-Cache-TTL": "60", "X-Cache-Tags": "a,b"})
    [call] = upstream.calls
    assert not [name for name, _ in call.headers if name.lower().startswith(b"x-cache-")]
    assert call.header("authorization") == "Bearer k"


def test_headers_ask_for_namespace_life_and_tags(openai: OpenAI, client: Client, namespace: str) -> None:
    headers = {"X-Cache-TTL": "60", "X-Cache-Tags": "faq, sky"}
    chat(openai, extra_headers=headers)
    raw = openai.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
    record = client.entry(raw.headers["x-cache-key"])
    assert record is not None
    assert (record.ttl_s, record.tags, record.namespace) == (60, ("faq", "sky"), namespace)
    assert chat(openai, extra_headers={"X-Cache-Namespace": f"{namespace}-other"})[1] == "MISS"


def test_cache_control(openai: OpenAI, upstream: Provider) -> None:
    with pytest.raises(APIStatusError) as raised:
        chat(openai, extra_headers={"Cache-Control": "only-if-cached"})
    assert raised.value.status_code == 504
    assert raised.value.body["code"] == "not_cached"  # type: ignore[index]
    assert chat(openai, extra_headers={"Cache-Control": "no-store"})[1] == "BYPASS"
    assert chat(openai)[1] == "MISS"
    assert chat(openai, extra_headers={"Cache-Control": "no-cache"})[1] == "MISS"
    assert chat(openai, extra_headers={"Cache-Control": "only-if-cached"})[1] == "HIT"
    assert len(upstream.calls) == 3


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"temperature": 0.7}, "temperature"),
        ({"n": 2}, "several_answers"),
        ({"logprobs": True}, "logprobs"),
        ({"messages": [{"role": "user", "content": "My key is AKIAIOSFODNN7EXAMPLQ"}]}, "sensitive"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_cached_passes_with_the_reason(
    openai: OpenAI, upstream: Provider, more: dict[str, Any], reason: str
) -> None:
    for _ in range(2):
        raw = openai.chat.completions.with_raw_response.create(**{"model": "gpt-4o", "messages": HELLO, **more})
        assert (raw.headers["x-cache-status"], raw.headers["x-cache-reason"]) == ("BYPASS", reason)
    assert len(upstream.calls) == 2


def test_the_policy_is_the_applications(client: Client, upstream: Provider) -> None:
    policy = GatewaySettings(max_temperature=1.0, deny=("(?i)sky",))
    with httpx2.Client(transport=CachingTransport(client, policy=policy)) as http:
        openai = OpenAI(base_url=upstream.url, api_key="k", http_client=http)
        assert chat(openai, temperature=0.5)[1] == "BYPASS"
        talk = [{"role": "user", "content": "Why is the sea blue?"}]
        assert [chat(openai, temperature=0.5, messages=talk)[1] for _ in range(2)] == ["MISS", "HIT"]


def test_a_new_model_version_leaves_older_answers_behind(client: Client, upstream: Provider) -> None:
    for version, status in (("", "MISS"), ("2", "MISS"), ("2", "HIT"), ("", "HIT")):
        transport = CachingTransport(client, model_versions={"gpt-4o": version})
        with httpx2.Client(transport=transport) as http:
            assert chat(OpenAI(base_url=upstream.url, api_key="k", http_client=http))[1] == status


FAULTS = {
    "500": Reply(status=500),
    "429": Reply(status=429),
    "400": Reply(status=400),
    "cut off by length": Reply(finish="length"),
    "filtered": Reply(finish="content_filter"),
    "empty": Reply(text=""),
    "refusal": Reply(refusal="I cannot help with that."),
    "garbage": Reply(raw=b"<html>", content_type="text/html"),
    "broken JSON": Reply(raw=b'{"choices": [', content_type="application/json"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_is_no_good_answer_passes_and_is_not_kept(
    http: httpx2.Client, upstream: Provider, fault: Reply, stream: bool
) -> None:
    upstream.then(fault)
    asked = {"model": "gpt-4o", "messages": HELLO, "stream": stream}
    first = http.post(f"{upstream.url}/chat/completions", json=asked)
    assert first.status_code == fault.status
    if fault.raw is not None:
        assert first.content == fault.raw
    second = http.post(f"{upstream.url}/chat/completions", json=asked)
    assert second.headers["x-cache-status"] == "MISS"
    assert len(upstream.calls) == 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", [Reply(reset_at=1), Reply(close_at=1)], ids=["reset", "closed"])
def test_an_answer_that_breaks_off_breaks_off_and_is_not_kept(
    http: httpx2.Client, upstream: Provider, fault: Reply, stream: bool
) -> None:
    upstream.then(fault)
    asked = {"model": "gpt-4o", "messages": HELLO, "stream": stream}
    with pytest.raises(httpx2.TransportError):
        http.post(f"{upstream.url}/chat/completions", json=asked)
    assert http.post(f"{upstream.url}/chat/completions", json=asked).headers["x-cache-status"] == "MISS"


def test_a_stream_that_is_left_early_is_not_kept(openai: OpenAI, upstream: Provider) -> None:
    upstream.then(Reply(pause_s=0.02, delta_chars=1))
    stream: Any = openai.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
    next(iter(stream))
    stream.close()
    assert chat(openai) == (SAID, "MISS")


def test_tool_calls_are_replayed_to_the_very_same_request_alone(openai: OpenAI, upstream: Provider) -> None:
    upstream.always(Reply(tools=(("weather", '{"city": "Ürümqi"}'),)))
    asked: dict[str, Any] = {"model": "gpt-4o", "messages": HELLO, "tools": [TOOL]}
    calls = [openai.chat.completions.create(**asked).choices[0].message.tool_calls for _ in range(2)]
    assert calls[0] == calls[1]
    spelled = [HELLO[0], {"role": "user", "content": "why is the sky blue"}]
    openai.chat.completions.create(**{**asked, "messages": spelled})
    assert len(upstream.calls) == 2
    streamed: Any = openai.chat.completions.create(**asked, stream=True)
    pieces = [piece.choices[0].delta.tool_calls for piece in streamed if piece.choices]
    assert "".join(tool[0].function.arguments or "" for tool in pieces if tool) == '{"city": "Ürümqi"}'
    assert len(upstream.calls) == 2


def test_compressed_answers_are_asked_for_only_where_nobody_reads_them(http: httpx2.Client, upstream: Provider) -> None:
    upstream.always(Reply(gzip=True))
    for status in ("MISS", "HIT"):
        answer = http.post(f"{upstream.url}/chat/completions", json={"model": "m", "messages": HELLO})
        assert answer.headers["x-cache-status"] == status
        assert answer.json()["choices"]
    assert http.get(f"{upstream.url}/models").headers["content-encoding"] == "gzip"


def test_two_providers_share_no_answer(client: Client, upstream: Provider) -> None:
    with provider() as other, httpx2.Client(transport=CachingTransport(client)) as http:
        for one in (upstream, other):
            assert chat(OpenAI(base_url=one.url, api_key="k", http_client=http))[1] == "MISS"


def test_other_routes_and_bodies_pass(http: httpx2.Client, upstream: Provider) -> None:
    for answer in (
        http.get(f"{upstream.url}/models"),
        http.post(f"{upstream.url}/embeddings", json={"model": "e", "input": "x"}),
    ):
        assert answer.status_code == 200
        assert (answer.headers["x-cache-status"], answer.headers["x-cache-reason"]) == ("BYPASS", "not_cached")
    upstream.always(Reply(status=400, raw=b"{}"))
    for content in (b"{", b"[]", b'{"model": 1}', b"\xff", b'{"model": "m", "messages": "x"}'):
        answer = http.post(f"{upstream.url}/chat/completions", content=content)
        assert answer.headers["x-cache-reason"] == "not_understood"
        assert upstream.calls[-1].body == content


def test_an_upload_passes_unread(http: httpx2.Client, upstream: Provider) -> None:
    def parts() -> Iterator[bytes]:
        yield b"a" * 10
        yield b"b" * 10

    assert http.post(f"{upstream.url}/files", content=parts()).headers["x-cache-reason"] == "not_cached"
    assert upstream.calls[-1].body == b"a" * 10 + b"b" * 10
    assert upstream.calls[-1].header("transfer-encoding") == "chunked"


def test_what_the_service_does_not_look_up_is_a_bypass(openai: OpenAI, upstream: Provider) -> None:
    talk = [{"role": "user", "content": "What is my account balance?"}]
    assert [chat(openai, messages=talk)[1] for _ in range(2)] == ["BYPASS", "BYPASS"]
    assert [chat(openai, messages=talk, user="ann")[1] for _ in range(2)] == ["MISS", "HIT"]
    assert chat(openai, messages=talk, user="bob")[1] == "MISS"


def test_without_a_cache_nothing_changes(upstream: Provider, caplog: pytest.LogCaptureFixture) -> None:
    with Client("http://127.0.0.1:1") as dead, httpx2.Client(transport=CachingTransport(dead)) as http:
        openai = OpenAI(base_url=upstream.url, api_key="k", http_client=http)
        raw = openai.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
        assert raw.headers["x-cache-reason"] == "cache_unavailable"
        assert chat(openai, stream=True) == (SAID, "MISS")


def test_a_cache_that_refuses_the_application_is_told_in_the_log(
    openai: OpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, logger="semcache.client")
    assert chat(openai, extra_headers={"X-Cache-Namespace": "no such name"}) == (SAID, "MISS")
    assert "namespace" in caplog.text


async def test_an_async_client_of_nothing_changes_nothing(upstream: Provider) -> None:
    dead = AsyncClient("http://127.0.0.1:1")
    async with dead, httpx2.AsyncClient(transport=AsyncCachingTransport(dead)) as http:
        openai = AsyncOpenAI(base_url=upstream.url, api_key="k", http_client=http)
        answer = await openai.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert answer.choices[0].message.content == SAID
