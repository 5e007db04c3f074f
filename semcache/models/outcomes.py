"""What a lookup found, and what a store did."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from semcache.models.embedding import Embedding
from semcache.models.entry import Entry
from semcache.models.reasons import BypassReason, MissReason, RefusedReason
from semcache.models.tiers import Tier
from semcache.models.ttl_class import TtlClass
from semcache.models.withheld import Withheld


class CacheStatus(StrEnum):
    """What `X-Cache-Status` says of a gateway's answer."""

    HIT = "HIT"
    SEMANTIC_HIT = "SEMANTIC-HIT"
    MISS = "MISS"
    BYPASS = "BYPASS"
    STALE = "STALE"
    SHADOW = "SHADOW"


class Candidate(msgspec.Struct, frozen=True):
    """An entry as the store has it now, beside what the decision needs."""

    entry: Entry
    embedding: Embedding | None = None
    vetoed: bool = False
    """Feedback said that this entry is a wrong answer to the asking prompt."""
    disputed: bool = True
    """Feedback said so for some prompt, or it is not known whether."""


class Nearest(msgspec.Struct, frozen=True):
    """The best neighbour that was not good enough."""

    similarity: float
    entry_id: str
    confidence: float | None = None
    """The verifier's probability that it would have answered the prompt, where it was asked."""


class FillToken(msgspec.Struct, frozen=True, array_like=True):
    """What a miss read, for the store that follows: lets the store script tell a fill that raced an invalidation."""

    entry_id: str
    epoch: int
    fence: int
    issued_ms: int
    """When the miss was read, by the store's clock: the answer was asked for then, or later."""
    flight: int = 0
    """Fencing token of the flight that fetches the answer; 0 for a store that no flight makes."""
    withheld: Withheld | None = None
    """What the stored answer will be compared with."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to serve."""

    tier: Tier
    entry: Entry
    similarity: float
    confidence: float | None = None
    now_ms: int
    asker: bytes = b""
    """Norm digest of the asking request: what a veto of this hit is about."""
    asked: str = ""
    """What was compared, of a semantic hit: the asking prompt, or the whole conversation."""


class Stale(msgspec.Struct, frozen=True, kw_only=True):
    """An expired exact entry inside the stale window; served only by an explicit rule."""

    entry: Entry
    now_ms: int


class Miss(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing to serve, and why."""

    reason: MissReason
    nearest: Nearest | None = None
    fill: FillToken | None = None
    stale: Stale | None = None
    """The expired exact entry, while it is kept (`ttl.stale_window_s`) and nothing but its age speaks against it."""
    withheld: Withheld | None = None
    """The semantic hit that shadow or verified mode did not serve."""


class Bypass(msgspec.Struct, frozen=True, kw_only=True):
    """Policy forbids the cache for this request."""

    reason: BypassReason


Outcome = Hit | Miss | Bypass


class SemanticState(StrEnum):
    """What a store did for the semantic tier."""

    INDEXED = "indexed"
    PENDING = "pending"
    OFF = "off"


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What a store did."""

    entry_id: str
    ttl_s: float
    ttl_class: TtlClass
    expires_ms: int
    replaced: bool
    semantic: SemanticState


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Why a store did not happen."""

    reason: RefusedReason


StoreOutcome = Stored | Refused
