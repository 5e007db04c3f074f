"""What goes to a provider and what comes back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.gateway.headers import Provider, authorize, back, forward, provider_key, provider_of

NAMES = st.sampled_from(
    [
        b"connection", b"x-hop", b"keep-alive", b"te", b"transfer-encoding", b"upgrade", b"host", b"content-length",
        b"x-cache-ttl", b"x-cache-status", b"x-forwarded-for", b"cookie", b"set-cookie", b"authorization", b"x-api-key",
        b"accept-encoding", b"user-agent", b"content-type", b"anthropic-beta",
    ]
)  # fmt: skip
PAIRS = st.lists(st.tuples(NAMES, st.sampled_from([b"a", b"x-hop, close", b"keep-alive"])), max_size=12)


def test_what_a_client_sends_passes_in_order() -> None:
    sent = [
        (b"host", b"localhost:8080"),
        (b"user-agent", b"OpenAI/Python 3.52"),
        (b"authorization", b"Bearer sk-1"),
        (b"x-stainless-lang", b"python"),
        (b"anthropic-beta", b"a"),
        (b"anthropic-beta", b"b"),
        (b"accept-encoding", b"gzip"),
        (b"content-type", b"application/json"),
        (b"content-length", b"10"),
    ]
    assert forward(sent) == sent[1:-1]


def test_hop_by_hop_fields_stay_here() -> None:
    sent = [
        (b"connection", b"Close, X-Secret-Hop"), (b"x-secret-hop", b"1"), (b"keep-alive", b"timeout=5"),
        (b"te", b"trailers"), (b"trailer", b"x"), (b"transfer-encoding", b"chunked"), (b"upgrade", b"h2c"),
        (b"proxy-authorization", b"Basic x"), (b"proxy-connection", b"keep-alive"), (b"x-kept", b"1"),
    ]  # fmt: skip
    assert forward(sent) == [(b"x-kept", b"1")]
    assert back([(name.title(), value) for name, value in sent]) == [(b"x-kept", b"1")]


def test_what_is_for_us_or_tells_of_the_caller_stays_here() -> None:
    sent = [
        (b"x-cache-namespace", b"team"), (b"x-cache-ttl", b"60"), (b"x-forwarded-for", b"10.0.0.1"),
        (b"forwarded", b"for=10.0.0.1"), (b"x-real-ip", b"10.0.0.1"), (b"cookie", b"session=1"),
        (b"expect", b"100-continue"), (b"x-amzn-oidc-data", b"eyJ"), (b"x-auth-request-email", b"a@b.example"),
        (b"cf-access-jwt-assertion", b"eyJ"), (b"remote-user", b"ann"), (b"cache-control", b"no-cache"),
    ]  # fmt: skip
    assert forward(sent) == [(b"cache-control", b"no-cache")]


def test_our_own_key_stays_here() -> None:
    sent = [(b"x-api-key", b"sc_ours"), (b"authorization", b"Bearer sk-theirs")]
    assert forward(sent, drop={b"x-api-key"}) == sent[1:]
    assert provider_key(sent, drop={b"x-api-key"}) == b"authorization:bearer sk-theirs"
    assert forward(sent, drop={b"authorization"}) == sent[:1]


def test_an_answer_that_is_read_here_is_not_compressed() -> None:
    sent = [(b"accept-encoding", b"gzip, br"), (b"x", b"1")]
    assert forward(sent, readable=True) == [(b"x", b"1"), (b"accept-encoding", b"identity")]
    assert forward([], readable=True) == [(b"accept-encoding", b"identity")]


def test_what_comes_back() -> None:
    came = [
        (b"Content-Type", b"application/json"), (b"Content-Length", b"3"), (b"Content-Encoding", b"gzip"),
        (b"X-Request-Id", b"r"), (b"Set-Cookie", b"__cf_bm=1"), (b"Alt-Svc", b'h3=":443"'), (b"X-Cache-Status", b"HIT"),
        (b"Retry-After", b"1"), (b"Transfer-Encoding", b"chunked"),
    ]  # fmt: skip
    assert back(came) == [
        (b"content-type", b"application/json"), (b"content-length", b"3"), (b"content-encoding", b"gzip"),
        (b"x-request-id", b"r"), (b"retry-after", b"1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "expected"),
    [("openai", (b"authorization", b"Bearer own")), ("anthropic", (b"x-api-key", b"own"))],
)
def test_the_operator_s_key_replaces_the_caller_s(provider: Provider, expected: tuple[bytes, bytes]) -> None:
    sent = [
        (b"authorization", b"Bearer theirs"), (b"x-api-key", b"theirs"), (b"api-key", b"theirs"),
        (b"openai-organization", b"org"), (b"openai-project", b"p"), (b"x-litellm-api-key", b"theirs"),
        (b"x-auth-token", b"theirs"), (b"anthropic-version", b"2023-06-01"), (b"anthropic-beta", b"b"),
    ]  # fmt: skip
    assert authorize(sent, provider, "own") == [*sent[-2:], expected]


def test_whose_protocol() -> None:
    assert provider_of("/v1/messages", []) == "anthropic"
    assert provider_of("/v1/messages/count_tokens", []) == "anthropic"
    assert provider_of("/v1/models", [(b"anthropic-version", b"2023-06-01")]) == "anthropic"
    assert provider_of("/v1/models", [(b"authorization", b"Bearer k")]) == "openai"
    assert provider_of("/v1/messages-of-mine", []) == "openai"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([(b"authorization", b"Bearer k")], [(b"authorization", b"bearer  k ")]),
        ([(b"x-api-key", b"k")], [(b"x-api-key", b" k")]),
        ([(b"x-api-key", b"k"), (b"api-key", b"l")], [(b"api-key", b"l"), (b"x-api-key", b"k")]),
        ([(b"apikey", b"k"), (b"x-auth-token", b"l")], [(b"x-auth-token", b"l"), (b"apikey", b"k")]),
        ([(b"api-key", b"k")], [(b"api-key", b"k"), (b"idempotency-key", b"1"), (b"cf-aig-cache-key", b"2")]),
        (
            [(b"api-key", b"k")],
            [(b"x-ms-token-aad-access-token", b"1"), (b"proxy-authorization", b"2"), (b"api-key", b"k")],
        ),
    ],
)
def test_the_same_credential(one: list[tuple[bytes, bytes]], other: list[tuple[bytes, bytes]]) -> None:
    assert provider_key(one) == provider_key(other) is not None


def test_other_credentials() -> None:
    several = [
        [(b"authorization", b"Bearer k")], [(b"authorization", b"Bearer K")], [(b"authorization", b"Basic k")],
        [(b"authorization", b"k")], [(b"x-api-key", b"k")], [(b"api-key", b"k")],
        [(b"authorization", b"Bearer k"), (b"x-api-key", b"k")],
    ]  # fmt: skip
    assert len({provider_key(each) for each in several}) == len(several)
    known = [(b"authorization", b"Bearer k"), (b"cf-aig-authorization", b"Bearer c"), (b"x-api-key", b"a")]
    assert provider_key(known) == b"authorization:bearer k\nx-api-key:a\ncf-aig-authorization:bearer c"  # as ever
    assert provider_key([(b"user-agent", b"x"), (b"authorization", b" ")]) is None


@settings(max_examples=100, deadline=None)
@given(PAIRS, st.sets(st.sampled_from([b"authorization", b"x-api-key"])), st.booleans())
def test_nothing_of_ours_ever_goes_up(headers: list[tuple[bytes, bytes]], ours: set[bytes], readable: bool) -> None:
    sent = forward(headers, drop=ours, readable=readable)
    names = {name for name, _ in sent}
    assert not names & {b"connection", b"host", b"content-length", b"te", b"x-cache-ttl", b"cookie", *ours}
    if any(name == b"connection" and b"x-hop" in value for name, value in headers):
        assert b"x-hop" not in names
    kept = [pair for pair in headers if pair[0] in (b"user-agent", b"content-type", b"anthropic-beta")]
    assert [pair for pair in sent if pair in kept] == kept
    assert forward(sent, drop=ours, readable=readable) == sent
    assert not {b"set-cookie", b"x-cache-status", b"connection"} & {name for name, _ in back(headers)}
