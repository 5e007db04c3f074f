"""Evidence: the header fields, the syntax of Cache-Status, and a member put into a body that stays as it was."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache import tokens
from semcache.gateway import evidence
from semcache.gateway.evidence import REVALIDATING, Evidence, Outcome, cache_status, headers, splice
from semcache.models import Bypass, BypassReason, CacheStatus, FillToken, Hit, Miss, MissReason, Stale, Tier, Withheld
from semcache.stores.codec import stamped
from tests.ops import draft_of

ENTRY = msgspec.structs.replace(
    stamped(draft_of("a prompt"), created_ms=0, expires_ms=60_000, epoch=1), cost_usd=0.25, latency_ms=900.0
)
KEY = ENTRY.entry_id
HIT = Hit(tier=Tier.EXACT, entry=ENTRY, similarity=1.0, now_ms=42_900)
NEAR = Hit(
    tier=Tier.SEMANTIC,
    entry=ENTRY,
    similarity=0.91237,
    confidence=0.99,
    now_ms=42_900,
    asker=b"a" * 32,
    asked="the prompt",
)
STALE = Stale(entry=ENTRY, now_ms=72_500)
MISS = Miss(reason=MissReason.BELOW_THRESHOLD, fill=FillToken(KEY, 1, 1, 0))
BYPASS = Bypass(reason=BypassReason.TEMPERATURE)


# --- header fields -------------------------------------------------------------------------------------------


def fields(*told: Any, **more: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers(*told, **more)}


def test_of_a_hit() -> None:
    assert fields(CacheStatus.HIT, HIT) == {
        "x-cache-status": "HIT",
        "x-cache-tier": "exact",
        "x-cache-similarity": "1.0000",
        "x-cache-key": KEY,
        "age": "42",
        "cache-status": f'semcache; hit; ttl=17; key="{KEY}"',
    }
    near = fields(CacheStatus.SEMANTIC_HIT, NEAR)
    assert (near["x-cache-status"], near["x-cache-tier"]) == ("SEMANTIC-HIT", "semantic")
    assert near["x-cache-similarity"] == "0.9124"


def test_of_a_miss() -> None:
    assert fields(CacheStatus.MISS, MISS, fwd_status=200) == {
        "x-cache-status": "MISS",
        "x-cache-reason": "below_threshold",
        "cache-status": f'semcache; fwd=miss; fwd-status=200; key="{KEY}"; detail=below_threshold',
    }


def test_of_a_bypass() -> None:
    assert fields(CacheStatus.BYPASS, BYPASS, fwd_status=429) == {
        "x-cache-status": "BYPASS",
        "x-cache-reason": "temperature",
        "cache-status": "semcache; fwd=bypass; fwd-status=429; detail=temperature",
    }


def test_of_a_stale_answer() -> None:
    assert fields(CacheStatus.STALE, STALE, reason=REVALIDATING) == {
        "x-cache-status": "STALE",
        "x-cache-tier": "exact",
        "x-cache-similarity": "1.0000",
        "x-cache-key": KEY,
        "age": "72",
        "x-cache-reason": "revalidating",
        "cache-status": f'semcache; hit; ttl=-13; key="{KEY}"; detail=revalidating',
    }
    failed = fields(CacheStatus.STALE, STALE, reason="upstream_503", fwd_status=503)
    assert failed["cache-status"] == f'semcache; fwd=stale; fwd-status=503; ttl=-13; key="{KEY}"; detail=upstream_503'


@pytest.mark.parametrize(
    ("reason", "because"),
    [
        (MissReason.NOT_FOUND, "miss"),
        (MissReason.EXPIRED, "stale"),
        (MissReason.NO_CACHE, "request"),
        (MissReason.TOO_OLD, "request"),
        (MissReason.STORE_UNAVAILABLE, "miss"),
    ],
)
def test_why_a_request_was_sent_on(reason: MissReason, because: str) -> None:
    told = cache_status(CacheStatus.MISS, Miss(reason=reason), stored=True, collapsed=True).decode()
    assert told == f"semcache; fwd={because}; stored; collapsed; detail={reason.value}"


def test_a_remembered_refusal_is_a_hit_without_an_entry() -> None:
    told = fields(CacheStatus.HIT, MISS, reason="negative")
    assert told == {
        "x-cache-status": "HIT",
        "x-cache-reason": "negative",
        "cache-status": f'semcache; hit; key="{KEY}"; detail=negative',
    }


def test_no_reason_can_break_a_header() -> None:
    for reason in ('a "quoted" \\ reason', "line\r\nx-evil: 1", "ü", "", "9 lives"):
        told = headers(CacheStatus.MISS, MISS, reason=reason)
        assert all(b"\r" not in value and b"\n" not in value and value.isascii() for _, value in told)
        (status,) = [value for name, value in told if name == b"cache-status"]
        parse_item(status.decode())


OUTCOMES: list[Outcome] = [HIT, NEAR, STALE, MISS, BYPASS, Miss(reason=MissReason.EXPIRED)]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(CacheStatus),
    st.sampled_from(OUTCOMES),
    st.none() | st.text(max_size=12) | st.just(REVALIDATING),
    st.none() | st.integers(100, 599),
    st.booleans(),
    st.booleans(),
)
def test_cache_status_is_a_structured_field(
    status: CacheStatus, outcome: Outcome, reason: str | None, fwd_status: int | None, stored: bool, collapsed: bool
) -> None:
    told = cache_status(status, outcome, reason=reason, fwd_status=fwd_status, stored=stored, collapsed=collapsed)
    name, parameters = parse_item(told.decode())
    assert name == "semcache"
    assert ("hit" in parameters) != ("fwd" in parameters)
    assert parameters.get("fwd", "miss") in {"bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale"}
    assert {type(parameters.get(name, 0)) for name in ("ttl", "fwd-status")} == {int}
    if "hit" in parameters:
        assert not {"fwd-status", "stored", "collapsed"} & set(parameters)


def parse_item(text: str) -> tuple[str, dict[str, Any]]:
    """An item that is a token, and its parameters, after the algorithm of RFC 8941, section 4.2."""
    token = r"[A-Za-z*][!#$%&'*+\-.^_`|~:/0-9A-Za-z]*"
    value = rf'-?\d{{1,15}}(?![\d.])|"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|\?[01]|{token}'
    head = re.match(token, text)
    assert head is not None, text
    at, found = head.end(), dict[str, Any]()
    while at < len(text):
        part = re.compile(rf"; *([a-z*][a-z0-9_\-.*]*)(?:=({value}))?").match(text, at)
        assert part is not None, text[at:]
        bare = part.group(2)
        found[part.group(1)] = True if bare is None else int(bare) if re.fullmatch(r"-?\d+", bare) else bare
        at = part.end()
    return head.group(), found


# --- x_semcache ----------------------------------------------------------------------------------------------


def test_the_fields_of_the_contract_are_there() -> None:
    contract = {
        "cache_hit",
        "tier",
        "similarity",
        "confidence",
        "entry_id",
        "age_s",
        "cost_usd",
        "saved_usd",
        "latency_ms",
    }
    told = [
        evidence.of_hit(NEAR, latency_ms=1.23456),
        evidence.of_stale(STALE, "upstream_503", latency_ms=1),
        evidence.of_miss(MISS, cost_usd=0.5, latency_ms=1),
        evidence.of_bypass(BYPASS, cost_usd=None, latency_ms=1),
    ]
    for each in told:
        assert set(each) == contract | {"status", "reason", "request_id"} == set(Evidence.__struct_fields__)
    assert told[0] == {
        "cache_hit": True,
        "tier": "semantic",
        "similarity": 0.91237,
        "confidence": 0.99,
        "entry_id": KEY,
        "age_s": 42.9,
        "cost_usd": 0.0,
        "saved_usd": 0.25,
        "latency_ms": 1.235,
        "status": "SEMANTIC-HIT",
        "reason": None,
        "request_id": tokens.request_id(NEAR),
    }
    assert all(each["request_id"] is None for each in told[1:])


def test_a_hit_by_meaning_alone_says_how_both_met() -> None:
    text = evidence.of_hit(NEAR, latency_ms=1)["request_id"]
    entry_id, asker, met = tokens.decode_hit(text)
    assert (entry_id, asker) == (KEY, NEAR.asker)
    assert met is not None
    assert met.asked == NEAR.asked
    assert met.similarity == pytest.approx(NEAR.similarity)
    assert met.confidence == pytest.approx(NEAR.confidence)
    exact = msgspec.structs.replace(HIT, asker=NEAR.asker)
    assert evidence.of_hit(exact, latency_ms=1)["request_id"] is None


def test_what_was_paid_and_what_was_saved() -> None:
    def money(told: dict[str, Any]) -> tuple[float | None, float | None]:
        return told["cost_usd"], told["saved_usd"]

    assert money(evidence.of_miss(MISS, cost_usd=0.5, latency_ms=1)) == (0.5, 0.0)
    assert money(evidence.of_miss(MISS, cost_usd=0.5, latency_ms=1, coalesced=True)) == (0.0, 0.5)
    assert money(evidence.of_miss(MISS, cost_usd=None, latency_ms=1)) == (None, 0.0)
    assert money(evidence.of_miss(MISS, cost_usd=None, latency_ms=1, coalesced=True)) == (0.0, None)
    assert money(evidence.of_bypass(BYPASS, cost_usd=0.5, latency_ms=1)) == (0.5, 0.0)
    assert money(evidence.of_stale(STALE, REVALIDATING, latency_ms=1)) == (0.0, 0.0)


# --- splice --------------------------------------------------------------------------------------------------

SHOWN = evidence.of_hit(HIT, latency_ms=0.5)
TAIL = b'"x_semcache":' + msgspec.json.encode(SHOWN) + b"}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", b"{" + TAIL),
        (b"{ }", b"{ " + TAIL),
        (b'{"a":1}', b'{"a":1,' + TAIL),
        (b'{"a":{"b":[{}]}}', b'{"a":{"b":[{}]},' + TAIL),
        (b' {"a" : "}" \n}\r\n', b' {"a" : "}" \n,' + TAIL + b"\r\n"),
        ('{"é":"日本"}'.encode(), '{"é":"日本",'.encode() + TAIL),
    ],
)
def test_the_member_is_put_last(body: bytes, expected: bytes) -> None:
    assert splice(body, SHOWN) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"[{}]",
        b'"}"',
        b"{",
        b"}",
        b'{"a":1',
        b'{"a":1}{"b":2}',
        b'{"a":1}\n{"b":2}',
        b'data: {"a":1}',
        b'{"a":1,}',
        b"\xff{}",
        b"{" * 100_000,
        b'{"a":' + b"[" * 100_000,
    ],
)
def test_what_is_no_object_is_left_alone(body: bytes) -> None:
    assert splice(body, SHOWN) is body


def test_what_another_cache_said_of_itself_is_replaced() -> None:
    body = splice(b'{"x_semcache":{"cache_hit":false},"a":1.50}', SHOWN)
    assert body.startswith(b'{"a":1.50,"x_semcache":{"cache_hit":true')
    assert body.count(b"x_semcache") == 1


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.text(), JSON, max_size=4),
    st.sampled_from([None, 2]),
    st.booleans(),
    st.text(" \t\r\n", max_size=3),
)
def test_every_other_byte_and_value_stays(
    value: dict[str, Any], indent: int | None, ascii_only: bool, blank: str
) -> None:
    value.pop("x_semcache", None)
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    body = (text + blank).encode("utf-8", "surrogatepass")
    spliced = splice(body, SHOWN)
    kept = body.rstrip(b" \t\r\n")[:-1]
    assert spliced.startswith(kept)
    assert spliced.endswith(TAIL + blank.encode())
    decoded = json.loads(spliced)
    assert decoded.pop("x_semcache") == json.loads(msgspec.json.encode(SHOWN))
    assert decoded == value


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40))
def test_no_body_breaks_it(body: bytes) -> None:
    spliced = splice(body, SHOWN)
    assert spliced is body or json.loads(spliced)["x_semcache"]["cache_hit"] is True


def test_of_a_hit_that_shadow_mode_withheld() -> None:
    withheld = Withheld(KEY, 0.91237, 0.97)
    miss = Miss(reason=MissReason.SHADOWED, fill=MISS.fill, withheld=withheld)
    assert evidence.status_of(miss) is CacheStatus.SHADOW
    assert fields(evidence.status_of(miss), miss, fwd_status=200)["x-cache-status"] == "SHADOW"
    told = evidence.of_miss(miss, cost_usd=0.1, latency_ms=3.0)
    assert (told["cache_hit"], told["status"], told["similarity"], told["confidence"]) == (
        False,
        "SHADOW",
        0.9124,
        0.97,
    )
