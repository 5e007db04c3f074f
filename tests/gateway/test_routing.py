"""Which upstream is asked, and what is known of its health."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from semcache.errors import NoUpstream, RequestError, UnknownModel, UpstreamUnavailable
from semcache.gateway.http_upstream import HttpUpstream
from semcache.gateway.pool import proxy_for
from semcache.gateway.routing import Upstreams
from semcache.ports import UpstreamRequest
from semcache.settings import Settings, UpstreamSettings
from tests.gateway.provider import Provider, Reply, provider

MODELS = UpstreamRequest(method="GET", path="/v1/models", headers=[])


def upstreams(**tables: dict[str, Any]) -> Upstreams:
    return Upstreams(
        Settings(
            upstreams={
                name: UpstreamSettings(**{"base_url": "http://127.0.0.1:1", **table}) for name, table in tables.items()
            }
        )
    )


def test_the_first_that_fits_is_asked() -> None:
    known = upstreams(
        claude={"protocol": "anthropic"},
        local={"models": ("llama*", "qwen-?")},
        mini={"protocol": "openai", "models": ("*-mini",)},
        rest={"protocol": "openai"},
    )
    for model, provider_name, expected in (
        ("claude-x", "anthropic", "claude"),
        ("llama-4", "anthropic", "claude"),
        ("llama-4", "openai", "local"),
        ("qwen-3", "openai", "local"),
        ("qwen-30", "openai", "rest"),
        ("gpt-x-mini", "openai", "mini"),
        ("GPT-X-MINI", "openai", "rest"),
        (None, "anthropic", "claude"),
        (None, "openai", "local"),
    ):
        assert known.choose(model, provider_name).name == expected  # type: ignore[arg-type]


def test_the_single_one_is_the_last() -> None:
    settings = Settings(
        upstream_base_url="http://127.0.0.1:2",
        upstream_api_key="k",
        upstreams={"a": UpstreamSettings(base_url="http://127.0.0.1:1", models=("a",))},
    )
    known = Upstreams(settings)
    assert [each.name for each in known.all] == ["a", "default"]
    assert known.choose("a", "openai").name == "a"
    assert known.choose("b", "openai").has_key
    assert known.configured


def test_none_that_fits() -> None:
    with pytest.raises(NoUpstream, match="SEMCACHE_UPSTREAM_BASE_URL, such as https://"):
        upstreams().choose("gpt-x", "openai")
    assert not upstreams().configured
    with pytest.raises(NoUpstream, match="openai"):
        upstreams(a={"protocol": "anthropic"}).choose(None, "openai")
    with pytest.raises(UnknownModel, match="`gpt-y`") as caught:
        upstreams(a={"models": ("gpt-x",)}).choose("gpt-y", "openai")
    assert (caught.value.status, caught.value.code, caught.value.field) == (404, "model_not_found", "model")


def upstream(base_url: str = "http://h", **fields: Any) -> HttpUpstream:
    return HttpUpstream("u", UpstreamSettings(base_url=base_url, **fields))


@pytest.mark.parametrize(
    ("base_url", "path", "query", "expected"),
    [
        ("http://h", "/v1/models", b"", b"/v1/models"),
        ("http://h/", "/v1/models", b"a=%20&b", b"/v1/models?a=%20&b"),
        ("https://h/v1", "/v1/models", b"", b"/v1/models"),
        ("https://h/api/v3/", "/v1/a/b%2Fc", b"", b"/api/v3/a/b%2Fc"),
        ("https://h", "/v1/models/..gpt", b"", b"/v1/models/..gpt"),
    ],
)
def test_targets(base_url: str, path: str, query: bytes, expected: bytes) -> None:
    assert upstream(base_url).target(path, query) == expected


@pytest.mark.parametrize(
    "path",
    ["/v1", "/v2/models", "/v1x/models", "/v1/../admin", "/v1/a/%2e%2E/x", "/v1/..%2fadmin", "/v1/.", "/v1/a\\..\\b",
     "/v1/é"],
)  # fmt: skip
def test_paths_that_lead_elsewhere(path: str) -> None:
    with pytest.raises(RequestError):
        upstream().target(path)


def test_the_operator_s_key() -> None:
    sent = [(b"authorization", b"Bearer theirs")]
    assert upstream(api_key="own").authorize(sent, "openai") == [(b"authorization", b"Bearer own")]
    for keyless in (upstream(), upstream(api_key="")):
        assert not keyless.has_key
        assert keyless.authorize(sent, "openai") == sent


@pytest.fixture
def p() -> Iterator[Provider]:
    with provider() as made:
        yield made


async def ask(one: HttpUpstream, request: UpstreamRequest = MODELS) -> int:
    answer = await one.send(request)
    async for _ in answer.chunks():
        pass
    return answer.status


async def test_health_is_what_traffic_has_shown(p: Provider) -> None:
    now = [0.0]
    settings = UpstreamSettings(base_url=p.url, retries=0, api_key="own")
    one = HttpUpstream("u", settings, monotonic=lambda: now[0])
    assert one.health().ok
    for reply, words in (
        (Reply(status=503), "answered 503"),
        (Reply(status=401), "operator's key"),
        (Reply(reset_at=-1), "broke"),
        (Reply(close_at=1), "broke"),
    ):
        p.then(reply)
        with contextlib.suppress(UpstreamUnavailable):
            await ask(one)
        assert not one.health().ok
        assert words in one.health().detail
        p.then(Reply(status=429))
        assert await ask(one) == 429
        assert one.health().ok
    p.then(Reply(status=500))
    await ask(one)
    now[0] = 59.0
    assert "(59 s ago)" in one.health().detail
    assert not one.health().ok
    now[0] = 61.0
    assert one.health().ok
    await one.aclose()


async def test_what_http_cannot_carry_is_the_caller_s_fault(p: Provider) -> None:
    one = HttpUpstream("u", UpstreamSettings(base_url=p.url))
    with pytest.raises(RequestError, match="cannot be sent"):
        await one.send(UpstreamRequest(method="GET", path="/v1/x", headers=[(b"x", b"a\nb")]))
    assert await ask(one) == 200
    await one.aclose()


async def test_proxies_of_the_environment(p: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", p.origin.removeprefix("http://"))
    monkeypatch.setenv("NO_PROXY", ".direct.example")
    outside = upstream("http://models.example/v1")
    assert await ask(outside) == 200
    assert p.calls[0].path == "http://models.example/v1/models"
    await outside.aclose()
    for host in ("127.0.0.1:1", "localhost", "[::1]:1", "x.direct.example", "direct.example:80"):
        assert proxy_for(f"http://{host}") is None
    assert proxy_for("https://models.example") is None
    monkeypatch.setenv("ALL_PROXY", "http://other:1")
    assert proxy_for("https://models.example") == "http://other:1"
    monkeypatch.setenv("HTTP_PROXY", "gopher://127.0.0.1:1")
    with pytest.raises(UpstreamUnavailable, match="proxy of upstream u"):
        await ask(upstream("http://models.example/v1", retries=0))


async def test_all_are_closed_together(p: Provider) -> None:
    known = Upstreams(Settings(upstream_base_url=p.url))
    assert await ask(known.choose(None, "openai")) == 200
    assert {name: health.ok for name, health in known.health().items()} == {"default": True}
    await known.aclose()
    with pytest.raises(UpstreamUnavailable):
        await ask(known.choose(None, "openai"))
