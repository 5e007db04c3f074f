"""Which header fields make another request, and which do not: on a service, with a provider that goes by them."""

from __future__ import annotations

import uuid
from typing import Any

import anthropic
import openai
import pytest

from semcache.gateway.counted import Counted, counts
from semcache.gateway.headers import forward
from semcache.http import repeats
from tests.gateway.conftest import Gateway, Open
from tests.gateway.provider import Call, Reply

COUNTED = [
    "anthropic-beta",
    "openai-beta",
    "idempotency-key",
    "x-amzn-bedrock-guardrailidentifier",
    "x-amzn-bedrock-guardrailversion",
    "x-amzn-bedrock-trace",
    "azureml-model-deployment",
    "extra-parameters",
    "x-ms-model-mesh-model-name",
    "x-portkey-config",
    "x-portkey-provider",
    "x-portkey-custom-host",
    "x-portkey-metadata",
    "x-litellm-tags",
    "helicone-target-url",
    "helicone-moderations-enabled",
    "helicone-cache-seed",
    "cf-aig-cache-key",
    "cf-aig-metadata",
    "x-goog-user-project",
    "x-goog-request-params",
    "x-openrouter-experimental-metadata",
    "x-never-heard-of",
    "query",
]
"""They choose a guardrail, a deployment, a route, a copy; or nobody knows what they do."""

UNCOUNTED = [
    "accept",
    "accept-encoding",
    "accept-language",
    "user-agent",
    "referer",
    "sec-fetch-mode",
    "x-stainless-retry-count",
    "x-stainless-timeout",
    "x-request-id",
    "x-client-request-id",
    "x-ms-client-request-id",
    "x-correlation-id",
    "helicone-request-id",
    "x-portkey-trace-id",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-cloud-trace-context",
    "x-datadog-parent-id",
    "sentry-trace",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "via",
    "cf-ray",
    "cf-connecting-ip",
    "cf-ipcountry",
    "x-envoy-attempt-count",
    "x-vercel-id",
    "fly-request-id",
    "x-amzn-oidc-data",
    "x-goog-iap-jwt-assertion",
    "cookie",
    "http-referer",
    "x-title",
    "x-goog-api-client",
    "helicone-property-session",
    "x-litellm-timeout",
]
"""How a message travels, by whom it is traced, what sent it."""


@pytest.mark.parametrize("name", COUNTED)
def test_a_field_that_may_change_the_answer_makes_another_request(gateway: Gateway, name: str) -> None:
    """The provider answers by the field: each must be given the answer to what it asked."""

    def by_field(call: Call) -> Reply:
        return Reply(text=f"with {call.header(name)}")

    gateway.provider.always(by_field)
    prompt = f"Which answer comes with {name}?"
    for value in (None, "one", "two"):
        headers: dict[str, str] = {} if value is None else {name: value}
        for status in ("MISS", "HIT"):
            seen = gateway.chat(prompt, headers=headers)
            gateway.settled()
            assert (seen.status, seen.text) == (status, f"with {value}")


def test_fields_of_transport_make_no_other_request(gateway: Gateway) -> None:
    prompt = "Who carried the question?"
    assert gateway.chat(prompt).status == "MISS"
    gateway.settled()
    for name in UNCOUNTED:
        assert gateway.chat(prompt, headers={name: str(uuid.uuid4())}).status == "HIT", name
    assert gateway.chat(prompt, headers={name: str(uuid.uuid4()) for name in UNCOUNTED}).status == "HIT"
    assert len(gateway.provider.calls) == 1


def test_the_order_of_fields_makes_no_other_request(gateway: Gateway) -> None:
    prompt = "Which field came first?"
    assert gateway.chat(prompt, headers={"x-one": "1", "x-two": "2"}).status == "MISS"
    gateway.settled()
    assert gateway.chat(prompt, headers={"x-two": "2", "x-one": "1"}).status == "HIT"


def test_a_field_makes_another_embedding_too(gateway: Gateway) -> None:
    body: dict[str, Any] = {"model": "text-embedding-3-small", "input": "by which route?"}
    statuses = []
    for route in ("a", "b", "a"):
        answer = gateway.client.post("/v1/embeddings", json=body, headers={"x-portkey-config": route})
        statuses.append(answer.headers["x-cache-status"])
        gateway.settled()
    assert statuses == ["MISS", "MISS", "HIT"]


def test_a_field_called_query_is_not_the_query(gateway: Gateway) -> None:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Which query?"}]}
    assert gateway.client.post("/v1/chat/completions?a=b", json=body).headers["x-cache-status"] == "MISS"
    gateway.settled()
    answer = gateway.client.post("/v1/chat/completions", json=body, headers={"query": "a=b"})
    assert answer.headers["x-cache-status"] == "MISS"


def test_an_operator_says_what_else_leaves_answers_alone(open_gateway: Open) -> None:
    gateway = open_gateway(gateway={"uncounted_headers": ("X-Tab", "x-app-*")})
    prompt = "Who asks?"
    assert gateway.chat(prompt, headers={"x-tab": "1", "x-app-user": "ann"}).status == "MISS"
    gateway.settled()
    assert gateway.chat(prompt, headers={"x-tab": "2", "x-app-user": "bob", "x-app-view": "list"}).status == "HIT"
    assert gateway.chat(prompt, headers={"x-tabs": "2"}).status == "MISS"


def test_what_was_counted_before_is_told_as_before() -> None:
    """Else every answer that is kept would be lost with the next release."""
    sent = [
        (b"host", b"h"), (b"user-agent", b"OpenAI/Python"), (b"x-stainless-lang", b"python"),
        (b"authorization", b"Bearer k"), (b"openai-organization", b"o"), (b"openai-project", b"p"),
        (b"anthropic-version", b"2023-06-01"), (b"anthropic-beta", b"a"), (b"anthropic-beta", b"b"),
        (b"anthropic-dangerous-direct-browser-access", b"true"), (b"content-length", b"9"),
    ]  # fmt: skip
    assert Counted().told(sent) == {"anthropic-version": "2023-06-01", "anthropic-beta": "a,b"}
    assert Counted().told(sent[:6]) == {}


def test_the_official_clients_send_nothing_else_that_counts() -> None:
    for client in (openai.OpenAI(api_key="k"), anthropic.Anthropic(api_key="k")):
        sent = [(name.lower().encode(), str(value).encode()) for name, value in client.default_headers.items()]
        assert len(sent) > 5
        assert set(Counted().told(sent)) <= {"anthropic-version"}


def test_what_does_not_go_up_cannot_count() -> None:
    for name in UNCOUNTED + COUNTED:
        if not forward([(name.encode(), b"v")]):
            assert not counts(name.encode()), name


def test_what_repeats_overlook_is_not_counted() -> None:
    assert not any(map(counts, repeats._IGNORED))
