"""What the service says, typed. Fields that a newer service adds are read past.

Ages and lives are in seconds; moments are aware datetimes in UTC by the store's clock.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from semcache.models import Nearest, Usage


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a lookup. A cache that cannot be used is a miss with the reason `cache_unavailable`."""

    hit: bool = False
    response: Any = None
    """The stored answer, decoded."""
    tier: str | None = None
    """`exact`, `normalized` or `semantic`."""
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
    reason: str | None = None
    """Why there is no hit."""
    nearest: Nearest | None = None
    """The best neighbour that was not good enough."""
    fill_token: str | None = None
    """On a miss: give it to the store that follows."""
    request_id: str | None = None
    """On a hit: names it in `feedback`."""
    strategy: str | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What a store did: `stored`, or the `reason` why nothing was kept."""

    stored: bool
    reason: str | None = None
    entry_id: str | None = None
    ttl_s: float | None = None
    ttl_class: str | None = None
    expires_at: datetime | None = None
    replaced: bool = False
    """Whether there was an entry for this very request."""
    semantic: str | None = None
    """`indexed`, `pending` (found by paraphrase later) or `off`."""


class EntryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One entry, without its vectors."""

    entry_id: str
    namespace: str
    model: str
    model_version: str
    prompt: str
    response: Any
    ttl_class: str
    ttl_s: float
    created_at: datetime
    expires_at: datetime
    hits: int
    sliding: bool = False
    tags: tuple[str, ...] = ()
    usage: Usage | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    metadata: dict[str, Any] | None = None


class Accepted(msgspec.Struct, frozen=True):
    """What feedback did."""

    entry_id: str
    vetoed: bool
    """Whether this entry is now barred for that prompt."""
    learned: bool = False
    """Whether it told something new."""


class Readiness(msgspec.Struct, frozen=True):
    """Whether requests can be answered, and which parts are degraded."""

    status: str
    """`ready`, `starting` or `draining`."""
    degraded: dict[str, str] = {}
    """Part -> what is wrong with it."""
    parts: dict[str, Any] = {}

    @property
    def ready(self) -> bool:
        """Whether requests are answered, if only with named misses."""
        return self.status == "ready"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """How a job is going. `rate` is items a second, `eta_s` seconds to go; None while unknown."""

    job_id: str
    state: str
    """`queued`, `running`, `done`, `failed` or `cancelled`."""
    kind: str = ""
    who: str = ""
    params: dict[str, Any] = {}
    done: int = 0
    total: int = 0
    rate: float | None = None
    eta_s: float | None = None
    error: str | None = None
    result: dict[str, Any] | None = None

    @property
    def finished(self) -> bool:
        """Whether it will not change any more."""
        return self.state in ("done", "failed", "cancelled")


class Invalidation(msgspec.Struct, frozen=True, kw_only=True):
    """What an invalidation came to; with `job_id` it goes on, and the counts are those up to now."""

    matched: int
    deleted: int
    invalidation_id: str
    dry_run: bool = False
    unjudged: int = 0
    """With `similar_to`: entries left alone because they have no vectors yet."""
    job_id: str | None = None


class PastInvalidation(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the history."""

    invalidation_id: str
    at: datetime
    who: str
    selector: dict[str, Any]
    state: str
    matched: int
    deleted: int
    dry_run: bool
    job_id: str | None = None


class ImportProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A line that was not taken."""

    line: int
    """Its number, from 1."""
    code: str
    detail: str = ""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an export's lines."""

    imported: int = 0
    replaced: int = 0
    expired: int = 0
    refused: int = 0
    damaged: int = 0
    pending: int = 0
    """Of those imported, how many get their vectors later."""
    lines: int = 0
    problems: tuple[ImportProblem, ...] = ()
    """The first of those lines that were refused or damaged, at least a hundred."""
