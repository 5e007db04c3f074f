"""One record of the store."""

from __future__ import annotations

from typing import Any

import msgspec

from semcache.models.tiers import Strategy
from semcache.models.ttl_class import TtlClass


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of the call that made an answer."""

    input_tokens: int = 0
    output_tokens: int = 0


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the store, without its vectors."""

    entry_id: str
    digest: bytes
    norm_digest: bytes
    partition: bytes
    context: bytes
    namespace: str
    model: str
    model_version: str
    prompt: str
    response: bytes
    """JSON text exactly as it was stored; never decoded on the hot path."""
    ttl_class: TtlClass
    ttl_s: float
    created_ms: int
    expires_ms: int
    """Logical expiry. The store keeps the key for the operator's stale window longer."""
    epoch: int
    """Invalidation epoch of (namespace, shard) when it was stored."""
    sliding: bool = False
    tags: tuple[str, ...] = ()
    hits: int = 0
    usage: Usage | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    """What the model call took: the time that a hit saves."""
    metadata: dict[str, Any] | None = None
    owner: str | None = None
    """Principal of a personal entry."""
    reach: Strategy = Strategy.SEMANTIC
    """The widest tier by which it may be found."""
    history: bytes = b""
    """As in `CacheIdentity`."""
    transcript: str = ""
    """As in `CacheIdentity`."""
    pinned: bool = False
    """It may be found only where all that precedes the last user message is the same."""

    @property
    def exact_context(self) -> bytes:
        """As in `CacheIdentity`."""
        return self.history or self.context

    @property
    def compared(self) -> str:
        """As in `CacheIdentity`; this is what the vectors are of."""
        return self.transcript or self.prompt
