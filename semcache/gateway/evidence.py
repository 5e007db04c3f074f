"""Evidence: what an answer of the gateway says of itself, in header fields and in the member `x_semcache`.

Pure; knows no HTTP framework. The field `Cache-Status` is that of RFC 9211, in the syntax of RFC 8941 (structured
fields).
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from semcache import tokens
from semcache.models import Bypass, CacheStatus, Entry, Hit, Miss, MissReason, Stale, Tier

Header = tuple[bytes, bytes]
Outcome = Hit | Stale | Miss | Bypass

REVALIDATING: Final = "revalidating"
"""Reason of a stale answer that is served while a refresh runs. With any other the request was sent on and failed."""
MEMBER: Final = "x_semcache"

_FORWARDED_BECAUSE: Final = {
    MissReason.EXPIRED: b"stale",
    MissReason.NO_CACHE: b"request",
    MissReason.TOO_OLD: b"request",
}
"""RFC 9211, section 2.2; `miss` for all else, since our keys are not URIs."""
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~:/0-9A-Za-z-]*")
_NOT_IN_STRING = re.compile(r"[^\x20-\x7e]")


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of `x_semcache`."""

    cache_hit: bool
    """Whether the answer was kept here before the request came."""
    tier: str | None = None
    similarity: float | None = None
    """Cosine of the two prompts; 1 for exact and normalized hits."""
    confidence: float | None = None
    entry_id: str | None = None
    age_s: float | None = None
    cost_usd: float | None = None
    """What this answer cost now; None where nobody knows."""
    saved_usd: float | None = None
    """What the call would have cost that was not made; None where nobody knows."""
    latency_ms: float | None = None
    """From the request to the answer, at the gateway."""
    status: str
    """As `X-Cache-Status`."""
    reason: str | None = None
    """As `X-Cache-Reason`."""
    request_id: str | None = None
    """By which feedback names a hit by meaning. It holds the asking prompt, so it is in no header, which are logged."""


def of_hit(hit: Hit, *, latency_ms: float) -> dict[str, Any]:
    """Of an answer from the cache."""
    return _fields(told_of_hit(hit, latency_ms=latency_ms))


def told_of_hit(hit: Hit, *, latency_ms: float) -> Evidence:
    """The same as a struct: for `between`."""
    return Evidence(
        cache_hit=True,
        tier=hit.tier.value,
        similarity=round(hit.similarity, 6),
        confidence=hit.confidence,
        entry_id=hit.entry.entry_id,
        age_s=_age_s(hit.entry, hit.now_ms),
        cost_usd=0.0,
        saved_usd=hit.entry.cost_usd,
        latency_ms=round(latency_ms, 3),
        status=status_of(hit).value,
        request_id=tokens.request_id(hit) if hit.tier is Tier.SEMANTIC else None,
    )


def of_stale(stale: Stale, reason: str, *, latency_ms: float) -> dict[str, Any]:
    """Of an expired answer; it saved nothing, as statistics have it."""
    return _fields(
        Evidence(
            cache_hit=True,
            tier=Tier.EXACT.value,
            similarity=1.0,
            entry_id=stale.entry.entry_id,
            age_s=_age_s(stale.entry, stale.now_ms),
            cost_usd=0.0,
            saved_usd=0.0,
            latency_ms=round(latency_ms, 3),
            status=CacheStatus.STALE.value,
            reason=reason,
        )
    )


def of_miss(miss: Miss, *, cost_usd: float | None, latency_ms: float, coalesced: bool = False) -> dict[str, Any]:
    """Of an answer from upstream. `cost_usd`: of the call; who shared another's (`coalesced`) saved it.

    A hit that was withheld (shadow, verified mode) shows how near and how sure it was.
    """
    withheld = miss.withheld
    return _fields(
        Evidence(
            cache_hit=False,
            entry_id=miss.fill.entry_id if miss.fill is not None else None,
            cost_usd=0.0 if coalesced else cost_usd,
            saved_usd=cost_usd if coalesced else 0.0,
            similarity=round(withheld.similarity, 4) if withheld is not None else None,
            confidence=withheld.confidence if withheld is not None else None,
            latency_ms=round(latency_ms, 3),
            status=status_of(miss).value,
            reason=miss.reason.value,
        )
    )


def of_bypass(bypass: Bypass, *, cost_usd: float | None, latency_ms: float) -> dict[str, Any]:
    """Of an answer that never met the cache."""
    return _fields(
        Evidence(
            cache_hit=False,
            cost_usd=cost_usd,
            saved_usd=0.0,
            latency_ms=round(latency_ms, 3),
            status=CacheStatus.BYPASS.value,
            reason=bypass.reason.value,
        )
    )


def status_of(outcome: Outcome) -> CacheStatus:
    """What `X-Cache-Status` says of an outcome that is served as it is."""
    if isinstance(outcome, Hit):
        return CacheStatus.SEMANTIC_HIT if outcome.tier is Tier.SEMANTIC else CacheStatus.HIT
    if isinstance(outcome, Stale):
        return CacheStatus.STALE
    if isinstance(outcome, Miss):
        return CacheStatus.SHADOW if outcome.reason is MissReason.SHADOWED else CacheStatus.MISS
    return CacheStatus.BYPASS


def headers(
    status: CacheStatus,
    outcome: Outcome,
    *,
    reason: str | None = None,
    fwd_status: int | None = None,
    stored: bool = False,
    collapsed: bool = False,
) -> list[Header]:
    """All header fields of an answer.

    `reason` in place of the outcome's own. `fwd_status`: upstream's HTTP status. `stored`: the answer is known to be
    kept. `collapsed`: it came with another's call.
    """
    told = cache_status(status, outcome, reason=reason, fwd_status=fwd_status, stored=stored, collapsed=collapsed)
    return [*x_cache(status, outcome, reason=reason), (b"cache-status", told)]


def x_cache(status: CacheStatus, outcome: Outcome, *, reason: str | None = None) -> list[Header]:
    """`X-Cache-*`, and `Age` where the answer was kept here."""
    said: list[Header] = [(b"x-cache-status", status.value.encode())]
    if isinstance(outcome, (Hit, Stale)):
        tier, similarity = (outcome.tier, outcome.similarity) if isinstance(outcome, Hit) else (Tier.EXACT, 1.0)
        said.append((b"x-cache-tier", tier.value.encode()))
        said.append((b"x-cache-similarity", b"%.4f" % similarity))
        said.append((b"x-cache-key", outcome.entry.entry_id.encode()))
        said.append((b"age", b"%d" % _age_s(outcome.entry, outcome.now_ms)))
    if reason is not None:
        said.append((b"x-cache-reason", _printable(reason).encode()))
    elif isinstance(outcome, (Miss, Bypass)):
        said.append((b"x-cache-reason", outcome.reason.value.encode()))
    return said


def cache_status(
    status: CacheStatus,
    outcome: Outcome,
    *,
    reason: str | None = None,
    fwd_status: int | None = None,
    stored: bool = False,
    collapsed: bool = False,
) -> bytes:
    """The value of `Cache-Status`: `hit` with what is left of the life, or why the request was sent on (`fwd`)."""
    parts = [b"semcache"]
    forwarded = _forwarded_because(status, outcome, reason)
    if forwarded is None:
        parts.append(b"hit")
    else:
        parts.append(b"fwd=" + forwarded)
        if fwd_status is not None:
            parts.append(b"fwd-status=%d" % fwd_status)
        if stored:
            parts.append(b"stored")
        if collapsed:
            parts.append(b"collapsed")
    entry_id: str | None = None
    if isinstance(outcome, (Hit, Stale)):
        entry_id = outcome.entry.entry_id
        parts.append(b"ttl=%d" % ((outcome.entry.expires_ms - outcome.now_ms) // 1000))
    elif isinstance(outcome, Miss) and outcome.fill is not None:
        entry_id = outcome.fill.entry_id
    if entry_id is not None:
        parts.append(b'key="%s"' % entry_id.encode())
    if reason is None and isinstance(outcome, (Miss, Bypass)):
        reason = outcome.reason.value
    if reason is not None:
        parts.append(b"detail=" + _bare_item(reason))
    return b"; ".join(parts)


def splice(body: bytes, evidence: dict[str, Any]) -> bytes:
    """A JSON object's text with `"x_semcache": {...}` as its last member, every other byte as it was.

    A member of that name that another cache has left is replaced. A body that is no JSON object is returned unchanged.
    """
    parts = around(body)
    return body if parts is None else between(parts[0], evidence, parts[1])


def between(before: bytes, evidence: Evidence | dict[str, Any], after: bytes) -> bytes:
    """A body again, with other evidence."""
    return before + msgspec.json.encode(evidence) + after


def around(body: bytes) -> tuple[bytes, bytes] | None:
    """What stands before and after the evidence in a JSON object's text; None for a body that is none."""
    try:
        members = _members.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if MEMBER in members:
        del members[MEMBER]
        body = msgspec.json.encode(members)  # of Raw values: these stay as they were
    end = len(body.rstrip(b" \t\r\n")) - 1
    comma = b"," if members else b""
    return b'%s%s"%s":' % (body[:end], comma, MEMBER.encode()), body[end:]


_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _forwarded_because(status: CacheStatus, outcome: Outcome, reason: str | None) -> bytes | None:
    """The `fwd` of RFC 9211, section 2.2; None where the answer is the cache's own."""
    if status in (CacheStatus.HIT, CacheStatus.SEMANTIC_HIT):
        return None
    if status is CacheStatus.STALE:
        return None if reason == REVALIDATING else b"stale"
    if isinstance(outcome, Miss):
        return _FORWARDED_BECAUSE.get(outcome.reason, b"miss")
    return b"bypass"


def _bare_item(text: str) -> bytes:
    """A token where it may be one, else a string (RFC 8941, section 3.3)."""
    if _TOKEN.fullmatch(text):
        return text.encode()
    escaped = _printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return b'"%s"' % escaped.encode()


def _printable(text: str) -> str:
    return _NOT_IN_STRING.sub("?", text)


def _age_s(entry: Entry, now_ms: int) -> float:
    return max(0, now_ms - entry.created_ms) / 1000


def _fields(evidence: Evidence) -> dict[str, Any]:
    return msgspec.structs.asdict(evidence)
