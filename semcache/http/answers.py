"""What callers get: outcomes as typed JSON, stored answers spliced in as the bytes that they were stored as."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from semcache import tokens
from semcache.gateway import evidence
from semcache.http.exchange import Header
from semcache.models import Entry, Hit, Miss, Nearest, Outcome, Refused, Stored, Strategy, Tier, Usage

_encoder: Final = msgspec.json.Encoder()
encode = _encoder.encode

_AGE: Final = b'"age_s":'
_CLASS: Final = b',"ttl_class":'
_NULL: Final = msgspec.Raw(b"null")


class LookupAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a lookup."""

    hit: bool
    tier: Tier | None = None
    response: msgspec.Raw
    """The stored answer; null without a hit."""
    similarity: float | None = None
    """Cosine of the two prompts; 1 for exact and normalized hits."""
    confidence: float | None = None
    entry_id: str | None = None
    matched_prompt: str | None = None
    """The prompt that the answer was made for."""
    model: str | None = None
    model_version: str | None = None
    created_at: datetime | None = None
    age_s: float | None = None
    expires_in_s: float | None = None
    ttl_class: str | None = None
    """What kind of answer the stored prompt asks for, as far as its life is concerned."""
    reason: str | None = None
    """Why there is no hit."""
    nearest: Nearest | None = None
    """The best neighbour that was not good enough."""
    fill_token: str | None = None
    """On a miss: give it back with the store that follows."""
    request_id: str | None = None
    """On a hit: names it in `POST /v1/feedback`."""
    strategy: Strategy | None = None
    """The widest tier that the request allowed, if it said so."""


class StoredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer was kept: acknowledged in the store."""

    stored: bool = True
    entry_id: str
    ttl_s: float
    ttl_class: str
    expires_at: datetime
    replaced: bool
    """Whether there was an entry for this very request."""
    semantic: str
    """`indexed`, `pending` (found by paraphrase later) or `off`."""


class RefusedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Policy, or the state of the store, kept nothing."""

    stored: bool = False
    reason: str


class EntryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A record without its vectors."""

    entry_id: str
    namespace: str
    model: str
    model_version: str
    prompt: str
    response: msgspec.Raw
    ttl_class: str
    ttl_s: float
    sliding: bool
    created_at: datetime
    expires_at: datetime
    hits: int
    tags: tuple[str, ...]
    usage: Usage | None
    cost_usd: float | None
    latency_ms: float | None
    metadata: dict[str, Any] | None


class AcceptedFeedback(msgspec.Struct, frozen=True):
    """What feedback did."""

    entry_id: str
    vetoed: bool
    """Whether this entry is now barred for that prompt."""
    learned: bool = False
    """Whether it told something new: a repetition is none, nor what could not be recorded just now."""


class JobAccepted(msgspec.Struct, frozen=True):
    """A job was queued; `GET /admin/jobs/{job_id}` reports it."""

    job_id: str


def moment(ms: int) -> datetime:
    """A time of the store's clock."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def of_lookup(outcome: Outcome, strategy: Strategy | None) -> LookupAnswer:
    """The body of a lookup."""
    if isinstance(outcome, Hit):
        entry = outcome.entry
        return LookupAnswer(
            hit=True,
            tier=outcome.tier,
            response=msgspec.Raw(entry.response),
            similarity=outcome.similarity,
            confidence=outcome.confidence,
            entry_id=entry.entry_id,
            matched_prompt=entry.prompt,
            model=entry.model,
            model_version=entry.model_version,
            created_at=moment(entry.created_ms),
            age_s=_age(entry, outcome.now_ms),
            expires_in_s=_left(entry, outcome.now_ms),
            ttl_class=entry.ttl_class.value,
            request_id=tokens.request_id(outcome),
            strategy=strategy,
        )
    if isinstance(outcome, Miss):
        return LookupAnswer(
            hit=False,
            response=_NULL,
            reason=outcome.reason.value,
            nearest=outcome.nearest,
            fill_token=tokens.encode_fill(outcome.fill) if outcome.fill is not None else None,
            strategy=strategy,
        )
    return LookupAnswer(hit=False, response=_NULL, reason=outcome.reason.value, strategy=strategy)


def around(hit: Hit, strategy: Strategy | None) -> tuple[bytes, bytes]:
    """The body of an exact hit before its age and after its expiry: what stays the same while the entry does."""
    whole = encode(of_lookup(hit, strategy))
    age = whole.rindex(_AGE) + len(_AGE)  # the last: what follows is ours, while the answer before it may say anything
    return whole[:age], whole[whole.index(_CLASS, age) :]


def between(before: bytes, hit: Hit, after: bytes) -> bytes:
    """The body again, at another time."""
    return before + times(hit) + after


def times(hit: Hit) -> bytes:
    """What stands between the two."""
    entry, now_ms = hit.entry, hit.now_ms
    return b'%s,"expires_in_s":%s' % (encode(_age(entry, now_ms)), encode(_left(entry, now_ms)))


def lookup_headers(outcome: Outcome) -> list[Header]:
    """The outcome once more, for those who look at headers only."""
    return evidence.x_cache(evidence.status_of(outcome), outcome)


class _Lookups:
    """How a lookup's exact hit is told, for `Direct`."""

    weight = 0
    """There are five for all."""

    def __init__(self, strategy: Strategy | None) -> None:
        self._strategy = strategy

    def around(self, hit: Hit) -> tuple[list[Header], bytes, bytes]:
        """See `Telling.around`."""
        return lookup_headers(hit), *around(hit, self._strategy)


TELLING: Final = {strategy: _Lookups(strategy) for strategy in (None, *Strategy)}
"""By the widest tier that the request allowed, if it said so."""


def of_store(outcome: Stored | Refused) -> StoredAnswer | RefusedAnswer:
    """The body of a store."""
    if isinstance(outcome, Refused):
        return RefusedAnswer(reason=outcome.reason.value)
    return StoredAnswer(
        entry_id=outcome.entry_id,
        ttl_s=outcome.ttl_s,
        ttl_class=outcome.ttl_class.value,
        expires_at=moment(outcome.expires_ms),
        replaced=outcome.replaced,
        semantic=outcome.semantic.value,
    )


def of_entry(entry: Entry) -> EntryAnswer:
    """The body of an entry."""
    return EntryAnswer(
        entry_id=entry.entry_id,
        namespace=entry.namespace,
        model=entry.model,
        model_version=entry.model_version,
        prompt=entry.prompt,
        response=msgspec.Raw(entry.response),
        ttl_class=entry.ttl_class.value,
        ttl_s=entry.ttl_s,
        sliding=entry.sliding,
        created_at=moment(entry.created_ms),
        expires_at=moment(entry.expires_ms),
        hits=entry.hits,
        tags=entry.tags,
        usage=entry.usage,
        cost_usd=entry.cost_usd,
        latency_ms=entry.latency_ms,
        metadata=entry.metadata,
    )


def _age(entry: Entry, now_ms: int) -> float:
    return max(0, now_ms - entry.created_ms) / 1000


def _left(entry: Entry, now_ms: int) -> float:
    return max(0, entry.expires_ms - now_ms) / 1000
