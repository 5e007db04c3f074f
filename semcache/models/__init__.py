"""The vocabulary: what a request, its identity, an entry, a vector and an outcome are.

Plain frozen values. This room knows no clock, no store and no network; everything else speaks in its terms.
Times are integer milliseconds since the epoch *by the store's clock*; digests are raw SHA-256 bytes.
"""

from __future__ import annotations

from semcache.models.embedding import Embedding
from semcache.models.entry import Entry, Usage
from semcache.models.identity import SHARDS, CacheIdentity, CacheRequest, shard_of
from semcache.models.namespaces import DERIVED, base_namespace
from semcache.models.outcomes import (
    Bypass,
    CacheStatus,
    Candidate,
    FillToken,
    Hit,
    Miss,
    Nearest,
    Outcome,
    Refused,
    SemanticState,
    Stale,
    Stored,
    StoreOutcome,
)
from semcache.models.reasons import BypassReason, MissReason, RefusedReason
from semcache.models.tiers import Context, Strategy, Tier
from semcache.models.ttl_class import TtlClass
from semcache.models.withheld import Drawn, Grounds, Withheld

__all__ = [
    "DERIVED",
    "SHARDS",
    "Bypass",
    "BypassReason",
    "CacheIdentity",
    "CacheRequest",
    "CacheStatus",
    "Candidate",
    "Context",
    "Drawn",
    "Embedding",
    "Entry",
    "FillToken",
    "Grounds",
    "Hit",
    "Miss",
    "MissReason",
    "Nearest",
    "Outcome",
    "Refused",
    "RefusedReason",
    "SemanticState",
    "Stale",
    "StoreOutcome",
    "Stored",
    "Strategy",
    "Tier",
    "TtlClass",
    "Usage",
    "Withheld",
    "base_namespace",
    "shard_of",
]
