"""The hit decision: what the store knows of a request, in; one typed outcome, out.

The rule, in order:

1. A record may be served only if its epoch is not below the current one (not invalidated), it has not expired by the
   store's clock, it is not older than the request's `max_age_s`, and no feedback vetoed it for this prompt.
2. The record of the raw digest is the exact hit; the one that the normalised digest points to is the normalised hit.
3. A neighbour is a semantic hit if it is of the same partition and context, may be served by rule 1, its similarity,
   computed from the record's own vectors, reaches the threshold, and no guard vetoes it. The best such neighbour wins.
4. A record beyond whose reach a tier lies is, for that tier, not there at all.

Pure: no clock, no randomness, no I/O. The live service, the offline benchmark and the tests call these functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from semcache.models import (
    CacheIdentity,
    Candidate,
    Embedding,
    Entry,
    Hit,
    Miss,
    MissReason,
    Nearest,
    Stale,
    Strategy,
    Tier,
)
from semcache.policy.guards import edited_inside
from semcache.policy.similarity import similarity
from semcache.ports import ExactRead, ManyRead


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a request accepts, after the operator's bounds were applied."""

    threshold: float | None = None
    """Least cosine of a semantic hit; None before it is known (the direct tiers need none)."""
    max_age_s: float | None = None


_WEIGHT: Final = {
    reason: weight
    for weight, reason in enumerate(
        (
            MissReason.NOT_FOUND,
            MissReason.BELOW_THRESHOLD,
            MissReason.TOO_OLD,
            MissReason.EXPIRED,
            MissReason.INVALIDATED,
            MissReason.VETOED,
        )
    )
}


def telling(first: MissReason, second: MissReason) -> MissReason:
    """Of two reasons why nothing was served, the one that tells the caller more."""
    return second if _WEIGHT.get(second, len(_WEIGHT)) > _WEIGHT.get(first, len(_WEIGHT)) else first


def unservable(candidate: Candidate, epoch: int, now_ms: int, max_age_s: float | None) -> MissReason | None:
    """Why a record may not be served now (rule 1); None if it may."""
    entry = candidate.entry
    if candidate.vetoed:
        return MissReason.VETOED
    if entry.epoch < epoch:
        return MissReason.INVALIDATED
    if now_ms >= entry.expires_ms:
        return MissReason.EXPIRED
    if max_age_s is not None and now_ms - entry.created_ms > max_age_s * 1000:
        return MissReason.TOO_OLD
    return None


def match_direct(read: ExactRead, terms: Terms) -> Hit | Miss:
    """Decide the exact and the normalised tier from one read of the slot (rules 1, 2 and 4)."""
    reason = MissReason.NOT_FOUND
    for tier, candidate in ((Tier.EXACT, read.exact), (Tier.NORMALIZED, read.normalized)):
        if candidate is None or (tier is Tier.NORMALIZED and not _reaches(candidate.entry, Strategy.NORMALIZED)):
            continue
        refusal = unservable(candidate, read.epoch, read.now_ms, terms.max_age_s)
        if refusal is None:
            entry = candidate.entry
            return Hit(tier=tier, entry=entry, similarity=1.0, now_ms=read.now_ms, asker=entry.norm_digest)
        reason = telling(reason, refusal)
    return Miss(reason=reason)


def stale(read: ExactRead, window_s: float) -> Stale | None:
    """The exact entry, where expiry alone, no longer ago than `window_s`, keeps it from being served.

    Serving it takes an explicit stale rule.
    """
    if read.exact is None or read.now_ms - read.exact.entry.expires_ms >= window_s * 1000:
        return None
    if unservable(read.exact, read.epoch, read.now_ms, None) is not MissReason.EXPIRED:
        return None
    return Stale(entry=read.exact.entry, now_ms=read.now_ms)


class Verdict(msgspec.Struct, frozen=True):
    """A semantic decision. `more`: every neighbour was dead or vetoed, so further ones deserve a look."""

    outcome: Hit | Miss
    more: bool = False


def match_neighbours(
    identity: CacheIdentity,
    query: Embedding,
    neighbours: Iterable[str],
    read: ManyRead,
    terms: Terms,
) -> Verdict:
    """Decide the semantic tier among neighbours as the store has them now (rules 1, 3 and 4).

    `neighbours` are entry ids as the index proposed them; `read` holds those that still exist.
    """
    best: tuple[float, Entry] | None = None
    reason = MissReason.NOT_FOUND
    threshold = 1.0 if terms.threshold is None else terms.threshold
    for entry_id in neighbours:
        candidate = read.found.get(entry_id)
        if candidate is None or not _same_place(candidate.entry, identity):
            continue
        if not _reaches(candidate.entry, Strategy.SEMANTIC):  # a row that the index has yet to drop
            continue
        if candidate.embedding is None or candidate.embedding.space != query.space:
            continue
        alike = similarity(query, candidate.embedding)
        refusal = unservable(candidate, read.epochs[entry_id], read.now_ms, terms.max_age_s)
        if refusal is not None:
            if alike >= threshold:
                reason = telling(reason, refusal)
            continue
        if alike >= threshold and _guarded(identity, query, candidate):
            reason = telling(reason, MissReason.VETOED)
            continue
        if best is None or alike > best[0]:
            best = (alike, candidate.entry)
    if best is None:
        return Verdict(Miss(reason=reason), more=True)
    alike, entry = best
    if alike >= threshold:
        hit = Hit(tier=Tier.SEMANTIC, entry=entry, similarity=alike, now_ms=read.now_ms, asker=identity.norm_digest)
        return Verdict(hit)
    nearest = Nearest(similarity=alike, entry_id=entry.entry_id)
    return Verdict(Miss(reason=telling(MissReason.BELOW_THRESHOLD, reason), nearest=nearest))


def _guarded(identity: CacheIdentity, query: Embedding, candidate: Candidate) -> bool:
    """Whether a guard vetoes the pair. Short texts (of one window) have none yet."""
    if candidate.embedding is None or len(query.vectors) == 1 or len(candidate.embedding.vectors) == 1:
        return False
    return edited_inside(identity.prompt, candidate.entry.prompt)


def _same_place(entry: Entry, identity: CacheIdentity) -> bool:
    return (
        entry.partition == identity.partition
        and entry.context == identity.context
        and entry.namespace == identity.namespace  # in the partition already, but for a forged import
    )


def _reaches(entry: Entry, strategy: Strategy) -> bool:
    return entry.reach.rank >= strategy.rank
