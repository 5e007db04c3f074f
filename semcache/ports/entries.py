"""Where entries are kept, and what reading and writing them tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from semcache.models import CacheIdentity, Candidate, Embedding, Entry, FillToken, RefusedReason, Strategy, Usage


class ExactRead(msgspec.Struct, frozen=True, kw_only=True):
    """One round trip: what one slot knows of an identity."""

    now_ms: int
    """The store's clock."""
    epoch: int
    """Current invalidation epoch of (namespace, shard)."""
    fence: int
    """Current fence sequence of the shard; goes into the fill token."""
    exact: Candidate | None = None
    normalized: Candidate | None = None
    """Through the pointer of the normalised digest; None where it leads to `exact` itself or to nothing."""


class ManyRead(msgspec.Struct, frozen=True, kw_only=True):
    """Several entries, read from their shards in parallel. Absent ids are missing from `found`."""

    now_ms: int
    found: dict[str, Candidate]
    epochs: dict[str, int]
    """entry id -> current epoch of its namespace and shard, for each id in `found`."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An entry to be written; the store's script stamps `created`, `expires` and `epoch`."""

    identity: CacheIdentity
    response: bytes
    ttl_s: float
    retain_s: float
    """How much longer than `ttl_s` the key is kept (the stale window)."""
    sliding: bool = False
    tags: tuple[str, ...] = ()
    usage: Usage | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    metadata: dict[str, Any] | None = None
    embedding: Embedding | None = None
    fill: FillToken | None = None
    reach: Strategy = Strategy.SEMANTIC
    pinned: bool = False
    """To be found only where all that precedes the last user message is the same."""
    created_ms: int | None = None
    """When the answer was stored first, elsewhere (one that is imported); else now."""
    expires_ms: int | None = None
    """When it expires, where that is not `ttl_s` from now."""
    vetoes: tuple[bytes, ...] = ()
    """Askers (heads of norm digests, as `EntryStore.vetoes` tells them) for whom it was found wrong elsewhere."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A draft became the record."""

    entry: Entry
    replaced: bool
    shard_entries: int
    """Entries in this shard after the write (bookkeeping count, evicted ones included until swept)."""
    seq: int = 0
    """The number of this change in its shard's log."""
    embedding: Embedding | None = None
    """The draft's, as it is read again."""
    disputed: bool = True
    """See `Candidate.disputed`: the vetoes of what was replaced stay."""


class Fenced(msgspec.Struct, frozen=True):
    """A draft was refused: its fill token is older than something that concerns it.

    INVALIDATED_MEANWHILE: an invalidation. SUPERSEDED: a newer flight for the same entry. NEWER_KEPT: the record's own
    fill token, or, of a record without, the time when it was stored.
    """

    reason: RefusedReason = RefusedReason.INVALIDATED_MEANWHILE


class Touch(msgspec.Struct, frozen=True):
    """Use of an entry since the last flush."""

    hits: int
    slide: bool
    """Move the expiry to now + ttl (entries stored as sliding only)."""


class EntryStore(Protocol):
    """Records: found by digest, by pointer, or by id. Each method is one atomic script per shard touched."""

    async def read(self, identity: CacheIdentity, strategy: Strategy) -> ExactRead:
        """Read the exact entry, and for `normalized` and wider the pointer's too, in one round trip.

        `Candidate.vetoed` tells whether feedback vetoed the entry for `identity.norm_digest`.
        """

    def begin_read(self, identity: CacheIdentity, hear: Callable[[ExactRead | Exception], None]) -> bool:
        """Read the exact entry alone; `hear` is given what `read` would return, or raise, as soon as it is there.

        False, and `hear` is never called, where that is not possible just now: then `read` is.
        """

    async def read_many(
        self, entry_ids: Sequence[str], *, space: str | None = None, asker: bytes | None = None
    ) -> ManyRead:
        """Read entries by id, with their vectors in `space` if given, vetoes for the norm digest `asker`."""

    async def gone(self, entry_ids: Sequence[str]) -> tuple[dict[int, int], list[str]]:
        """The store's clock in each shard touched, and those of the ids whose record is gone.

        To ask is no use of a record, as reading it is: what nobody asks for is still the first to be evicted.
        """

    async def put(self, draft: Draft) -> Written | Fenced:
        """Fence check, record, pointer, change-log entry, tag and model sets: one atomic script in one slot.

        Only what has a fill token can be refused: it never replaces an answer that was asked for later. And what was
        kept elsewhere before (`Draft.created_ms`): it never replaces one that was created later.
        """

    async def remove(self, entry_ids: Sequence[str]) -> int:
        """Delete records, with a change-log entry each; returns how many were there."""

    async def forget(self, entry_ids: Sequence[str]) -> int:
        """Tell, by the change log, of those whose record the server has evicted; returns how many that were news of."""

    async def attach(self, entry_id: str, digest: bytes, embedding: Embedding) -> bool:
        """Add vectors to a record that still holds `digest`, and log the change; False where it is gone, or may not
        be found by meaning (`Entry.reach`)."""

    async def touch(self, uses: Mapping[str, Touch]) -> None:
        """Flush hit counts, recency for eviction, and sliding expiries. Never re-creates a record."""

    async def veto(self, entry_id: str, asker: bytes, *, wrong: bool) -> bool:
        """Remember (or forget) that this entry is wrong for the norm digest `asker`; False where it is gone."""

    async def vetoes(self, entry_ids: Sequence[str]) -> dict[str, tuple[bytes, ...]]:
        """Of the entries that have any: the heads (16 bytes) of the norm digests for which they are wrong."""
