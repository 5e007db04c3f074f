"""Byte for byte: what a caller sends reaches the provider as it was sent, and comes back as it came."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.gateway.conftest import EVENTS, Gateway, sent
from tests.gateway.provider import Reply
from tests.patience import LONG_S

CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}
RESPONSE = {"model": "gpt-4o-mini", "input": "hi"}
MESSAGE = {"model": "claude-test", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
ROUTES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": CHAT,
    "/v1/responses": RESPONSE,
    "/v1/messages": MESSAGE,
}


@pytest.fixture
def http(gateway: Gateway) -> Iterator[httpx.Client]:
    """A client that adds little of its own and decodes nothing."""
    with httpx.Client(base_url=gateway.url, timeout=LONG_S) as client:
        yield client


def raw(client: httpx.Client, method: str, path: str, **more: Any) -> tuple[httpx.Response, bytes]:
    """An answer and its body as it came over the wire, without the framing of chunks."""
    with client.stream(method, path, **more) as response:
        return response, b"".join(response.iter_raw())


@pytest.mark.parametrize("split", [None, 1, 13], ids=["by event", "by byte", "across events"])
@pytest.mark.parametrize("path", ROUTES)
def test_a_streamed_miss_is_byte_for_byte_the_providers(
    gateway: Gateway, http: httpx.Client, path: str, split: int | None
) -> None:
    reply = Reply(text="Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{SNOWMAN}e", split=split)
    gateway.provider.always(reply)
    response, body = raw(http, "POST", path, json={**ROUTES[path], "stream": True, "x_test": f"split {split}"})
    assert response.headers["x-cache-status"] == "MISS"
    assert response.headers["content-type"] == EVENTS
    assert body == sent(gateway.provider.calls[0], reply)


@pytest.mark.parametrize("path", ROUTES)
def test_a_whole_miss_is_the_providers_text_with_one_more_member(
    gateway: Gateway, http: httpx.Client, path: str
) -> None:
    asked = {**ROUTES[path], "x_test": "whole"}
    _, body = raw(http, "POST", path, json=asked)
    told = sent(gateway.provider.calls[0])
    assert body.startswith(told.removesuffix(b"}") + b',"x_semcache":{')
    hit, kept = raw(http, "POST", path, json=asked)
    assert hit.headers["x-cache-status"] == "HIT"
    assert kept.startswith(told.removesuffix(b"}") + b',"x_semcache":{')


@pytest.mark.parametrize("path", ROUTES)
def test_the_body_goes_up_byte_for_byte(gateway: Gateway, http: httpx.Client, path: str) -> None:
    given = json.dumps({**ROUTES[path], "x_unknown": {"deep": [1.0, 1e-7, None]}}, indent=3).encode() + b"\n \n"
    raw(http, "POST", path, content=given, headers={"content-type": "application/json; charset=utf-8"})
    call = gateway.provider.calls[0]
    assert call.body == given
    assert call.header("content-type") == "application/json; charset=utf-8"
    assert call.header("content-length") == str(len(given))


def test_unknown_fields_make_another_entry(gateway: Gateway, http: httpx.Client) -> None:
    statuses = [
        http.post("/v1/chat/completions", json={**CHAT, "x_new": value}).headers["x-cache-status"]
        for value in (1, 2, 1)
    ]
    assert statuses == ["MISS", "MISS", "HIT"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b'{"model": 3}', b'{"model": "m", "messages": "no list"}', b"\xff"])
def test_what_is_not_understood_is_for_the_provider_to_judge(gateway: Gateway, http: httpx.Client, body: bytes) -> None:
    gateway.provider.always(Reply(status=400))
    response, told = raw(http, "POST", "/v1/chat/completions", content=body)
    assert (response.status_code, response.headers["x-cache-reason"]) == (400, "not_understood")
    assert json.loads(told)["error"]["message"] == "scripted 400"
    assert gateway.provider.calls[0].body == body


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("POST", "/v1/images/generations", ""),
        ("GET", "/v1/files", "limit=3&after=a%2Fb&empty="),
        ("DELETE", "/v1/files/file-1", ""),
        ("PUT", "/v1/vector_stores/vs_1", "a=1&a=2"),
        ("PATCH", "/v1/some/thing%2Felse", ""),
        ("OPTIONS", "/v1/files", ""),
        ("POST", "/v1/completions", ""),
        ("POST", "/v1/fine_tuning/jobs", ""),
        ("GET", "/v1/chat/completions/chatcmpl-1/messages", "order=asc"),
    ],
)
def test_unknown_routes_pass_through_untouched(
    gateway: Gateway, http: httpx.Client, method: str, path: str, query: str
) -> None:
    gateway.provider.always(Reply(raw=b'{"as": "it is"}', status=201, headers={"x-of-the-provider": "yes"}))
    given = b"" if method in ("GET", "OPTIONS") else b'{"some": "body"}'
    response, body = raw(http, method, f"{path}?{query}" if query else path, content=given or None)
    assert (response.status_code, body) == (201, b'{"as": "it is"}')
    assert response.headers["x-of-the-provider"] == "yes"
    assert (response.headers["x-cache-status"], response.headers["x-cache-reason"]) == ("BYPASS", "not_cached")
    assert response.headers["cache-status"] == "semcache; fwd=bypass; fwd-status=201; detail=not_cached"
    call = gateway.provider.calls[0]
    assert (call.method, call.path, call.query, call.body) == (method, path, query, given)


def test_binary_bodies_go_both_ways_as_they_are(gateway: Gateway, http: httpx.Client) -> None:
    sound = os.urandom(300_000)
    gateway.provider.always(Reply(raw=sound, content_type="audio/mpeg"))
    upload = os.urandom(200_000)
    files = {"file": ("a.bin", upload, "application/octet-stream")}
    response, body = raw(http, "POST", "/v1/audio/transcriptions", files=files, data={"model": "whisper-1"})
    assert body == sound
    assert response.headers["content-type"] == "audio/mpeg"
    call = gateway.provider.calls[0]
    assert upload in call.body
    assert (call.header("content-type") or "").startswith("multipart/form-data; boundary=")


def test_a_compressed_answer_of_an_unknown_route_stays_compressed(gateway: Gateway, http: httpx.Client) -> None:
    gateway.provider.always(Reply(raw=b'{"long": "' + b"a" * 500 + b'"}', gzip=True))
    response, body = raw(http, "GET", "/v1/files", headers={"accept-encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == b'{"long": "' + b"a" * 500 + b'"}'


@pytest.mark.parametrize("status", [204, 304, 307])
def test_an_answer_without_a_body_stays_without(gateway: Gateway, http: httpx.Client, status: int) -> None:
    """A redirect is for the client to follow, or not."""
    gateway.provider.always(Reply(bare=True, status=status, headers={"location": "/elsewhere"}))
    response, body = raw(http, "DELETE", "/v1/files/file-1")
    assert (response.status_code, body) == (status, b"")
    assert "content-type" not in response.headers
    assert response.headers["location"] == "/elsewhere"
    assert len(gateway.provider.calls) == 1


def test_a_head_request_has_no_body(gateway: Gateway, http: httpx.Client) -> None:
    response, body = raw(http, "HEAD", "/v1/files")
    assert (response.status_code, body) == (200, b"")
    assert gateway.provider.calls[0].method == "HEAD"


def test_a_wrong_method_on_a_route_of_ours_is_told_apart(http: httpx.Client) -> None:
    assert http.get("/v1/lookup").status_code == 405


def test_what_speaks_of_a_hop_does_not_travel(gateway: Gateway, http: httpx.Client) -> None:
    gateway.provider.always(Reply(headers={"set-cookie": "a=b", "x-ratelimit-limit": "9", "x-cache-status": "lie"}))
    response, _ = raw(
        http,
        "POST",
        "/v1/chat/completions",
        json={**CHAT, "x_test": "hop"},
        headers={
            "cookie": "c=d",
            "x-forwarded-for": "10.0.0.1",
            "x-cache-ttl": "60",
            "openai-beta": "x=1",
            "connection": "x-secret-hop",
            "x-secret-hop": "1",
        },
    )
    assert "set-cookie" not in response.headers
    assert response.headers.get_list("x-cache-status") == ["MISS"]
    assert response.headers["x-ratelimit-limit"] == "9"
    call = gateway.provider.calls[0]
    for name in ("cookie", "x-forwarded-for", "x-cache-ttl", "x-secret-hop"):
        assert call.header(name) is None, name
    assert call.header("openai-beta") == "x=1"
    assert call.header("host") == gateway.provider.origin.removeprefix("http://")


def test_a_providers_headers_are_not_replayed_from_the_cache(gateway: Gateway, http: httpx.Client) -> None:
    gateway.provider.always(Reply(headers={"x-ratelimit-remaining-requests": "3"}))
    first, second = (http.post("/v1/chat/completions", json={**CHAT, "x_test": "limits"}) for _ in range(2))
    assert first.headers["x-ratelimit-remaining-requests"] == "3"
    assert second.headers["x-cache-status"] == "HIT"
    assert "x-ratelimit-remaining-requests" not in second.headers


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/files"])
def test_an_answer_has_one_request_id_the_providers_if_it_made_the_answer(
    gateway: Gateway, http: httpx.Client, path: str
) -> None:
    body = {**CHAT, "x_test": "request id"}
    answers = [http.post(path, json=body, headers={"x-request-id": "mine"}) for _ in range(2)]
    named = [answer.headers.get_list("x-request-id") for answer in answers]
    assert named == ([["req_1"], ["mine"]] if path == "/v1/chat/completions" else [["req_1"], ["req_2"]])


def test_the_query_and_the_headers_that_choose_an_api_make_another_entry(gateway: Gateway, http: httpx.Client) -> None:
    body = {**MESSAGE, "x_test": "api"}

    def asked(query: str = "", **headers: str) -> str:
        return http.post(f"/v1/messages{query}", json=body, headers=headers).headers["x-cache-status"]

    assert [asked(), asked("?beta=true"), asked("?beta=true"), asked()] == ["MISS", "MISS", "HIT", "HIT"]
    assert asked(**{"anthropic-beta": "new-2026"}) == "MISS"
    assert gateway.provider.calls[1].query == "beta=true"


def test_a_path_that_leads_elsewhere_is_refused(gateway: Gateway, http: httpx.Client) -> None:
    response, _ = raw(http, "GET", "/v1/%2e%2e/admin")
    assert response.status_code in (404, 422)
    assert gateway.provider.calls == []


def test_models_of_the_one_upstream_come_as_it_tells_them(gateway: Gateway, http: httpx.Client) -> None:
    _, body = raw(http, "GET", "/v1/models")
    assert body == sent(gateway.provider.calls[0])


def test_a_slow_client_slows_the_provider_down_on_unknown_routes(gateway: Gateway) -> None:
    """Nothing is gathered in memory: upstream has sent little more than the client has read."""
    piece = b"x" * 65536

    def endless() -> Iterator[bytes]:
        while True:
            yield piece

    gateway.provider.always(Reply(body=endless))
    with (
        httpx.Client(base_url=gateway.url, timeout=LONG_S) as client,
        client.stream("GET", "/v1/files/f/content") as got,
    ):
        read = 0
        for chunk in got.iter_raw():
            read += len(chunk)
            if read > 1_000_000:
                break
        call = gateway.provider.calls[0]
        assert call.sent < read + 64_000_000
    assert call.left.wait(10), "a client that leaves ends the call of upstream"
