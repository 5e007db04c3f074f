"""The hit decision: what the store knows of a request, in; one typed outcome, out.

The rule, in order:

1. A record may be served only if its epoch is not below the current one (not invalidated), it has not expired by the
   store's clock, it is not older than the request's `max_age_s`, and no feedback vetoed it for this prompt.
2. The record of the raw digest is the exact hit; the one that the normalised digest points to is the normalised hit.
3. A neighbour is open to a semantic hit if it is of the same partition and context (exactly, where the request or the
   entry asks for that), may be served by rule 1, its similarity, computed from the record's own vectors, reaches the
   threshold, and no guard vetoes it, nor an earlier turn of it. With a cosine threshold alone the nearest open
   neighbour is the hit; else the one that the verifier, with all further evidence, finds the most probable to ask the
   same, if it is sure enough.
4. A prompt with words that are none is looked up as it was probably meant, too, where nothing else was found; what
   that finds is open only if the prompt as it was typed repeats it but for slips (`policy.repeats`), without a doubt.
5. A record beyond whose reach a tier lies is, for that tier, not there at all.

Pure: no clock, no randomness, no I/O. The live service, the offline benchmark and the tests call these functions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from semcache.models import (
    CacheIdentity,
    Candidate,
    Drawn,
    Embedding,
    Entry,
    Hit,
    Miss,
    MissReason,
    Nearest,
    Stale,
    Strategy,
    Tier,
    Withheld,
)
from semcache.policy.conversation import Guard
from semcache.policy.guards import Finding, Rules
from semcache.policy.repeats import Repeat, repeat
from semcache.policy.similarity import similarity
from semcache.ports import ExactRead, ManyRead


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a request accepts, after the operator's bounds were applied."""

    threshold: float | None = None
    """Least cosine of a semantic hit; None before it is known (the direct tiers need none)."""
    max_age_s: float | None = None
    confidence: float | None = None
    """Least probability of a semantic hit; None where the cosine decides alone."""
    exact_context: bool = False
    """What precedes the last user message must be the same, not only mean the same."""


_WEIGHT: Final = {
    reason: weight
    for weight, reason in enumerate(
        (
            MissReason.NOT_FOUND,
            MissReason.BELOW_THRESHOLD,
            MissReason.TOO_OLD,
            MissReason.EXPIRED,
            MissReason.INVALIDATED,
            MissReason.DOUBTED,
            MissReason.NOT_JUDGED,
            MissReason.GUARDED,
            MissReason.SHADOWED,
            MissReason.EXPLORED,
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
    """Decide the exact and the normalised tier from one read of the slot (rules 1, 2 and 5)."""
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


class Open(msgspec.Struct, frozen=True):
    """A neighbour that may be served if one answer serves both prompts: near enough, and no guard vetoed it."""

    entry: Entry
    similarity: float
    findings: tuple[Finding, ...] = ()
    """What the guards doubt."""


class Shortlist(msgspec.Struct, frozen=True):
    """What is left of the neighbours before the verifier is asked; nearest first."""

    open: tuple[Open, ...]
    missed: Miss
    """The outcome where none of them is served."""
    more: bool
    """Every neighbour was dead or vetoed, so further ones deserve a look."""


def shortlist(
    identity: CacheIdentity,
    query: Embedding,
    neighbours: Iterable[str],
    read: ManyRead,
    terms: Terms,
    rules: Rules | None = None,
) -> Shortlist:
    """Which neighbours, as the store has them now, are open to a hit (rules 1, 3 and 5).

    `neighbours` are entry ids as the index proposed them; `read` holds those that still exist. Without `rules` only
    the guard for long texts is asked.
    """
    found: list[Open] = []
    nearest: Nearest | None = None
    reason = MissReason.NOT_FOUND
    threshold = 1.0 if terms.threshold is None else terms.threshold
    guard = Guard(identity, rules)
    for entry_id in neighbours:
        candidate = read.found.get(entry_id)
        if candidate is None or not _same_place(candidate.entry, identity):
            continue
        if not _same_context(candidate.entry, identity, terms):
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
        if alike >= threshold:
            findings = guard.findings(candidate.entry, long=_long(query, candidate.embedding))
            if findings is None:
                reason = telling(reason, MissReason.GUARDED)
                continue
            found.append(Open(candidate.entry, alike, findings))
        if nearest is None or alike > nearest.similarity:
            nearest = Nearest(similarity=alike, entry_id=entry_id)
    missed = Miss(reason=reason)
    if nearest is not None:
        missed = Miss(reason=telling(MissReason.BELOW_THRESHOLD, reason), nearest=nearest)
    found.sort(key=lambda one: -one.similarity)
    return Shortlist(tuple(found), missed, more=nearest is None)


_UNHEARD: Final = frozenset(
    {MissReason.NOT_FOUND, MissReason.BELOW_THRESHOLD, MissReason.DOUBTED, MissReason.GUARDED, MissReason.NOT_JUDGED}
)


def may_be_mistyped(missed: Miss) -> bool:
    """Whether the outcome leaves room for an entry that only a slip in the prompt keeps out of sight."""
    return missed.withheld is None and missed.reason in _UNHEARD


def only_repeats(listed: Shortlist, prompt: str, known: Collection[str], terms: Terms) -> Shortlist:
    """Of neighbours that another spelling of `prompt` found, those that the prompt itself repeats but for slips.

    None that a guard doubts, unless it is but the name that is mistyped: such a one is no nearer than it was as typed,
    AS_TYPED at most, so the verifier must be the surer, and terms that ask for more rule it out.
    """
    kept = []
    may_be_named = terms.threshold is not None and terms.threshold <= AS_TYPED
    for one in listed.open:
        again = repeat(prompt, one.entry.prompt, known)
        if not one.findings and again in (Repeat.CLOSE, Repeat.SURE, Repeat.SAME):
            kept.append(one)
        elif may_be_named and again is Repeat.SURE and mistypes_a_name(one.findings):
            kept.append(msgspec.structs.replace(one, similarity=min(one.similarity, AS_TYPED)))
    return msgspec.structs.replace(listed, open=tuple(kept))


AS_TYPED: Final = 0.5
"""Cosine that is granted to a prompt whose slip is in a name."""


def mistypes_a_name(findings: Iterable[Finding]) -> bool:
    """Whether all that guards doubt of a repeat is a name: where a slip is the only difference, the slip is in it."""
    return all(finding.guard == "entity" for finding in findings)


class Verdict(msgspec.Struct, frozen=True):
    """A semantic decision by cosine alone. `more` as in `Shortlist`."""

    outcome: Hit | Miss
    more: bool = False


def match_neighbours(
    identity: CacheIdentity, query: Embedding, neighbours: Iterable[str], read: ManyRead, terms: Terms
) -> Verdict:
    """Decide the semantic tier by a cosine threshold alone."""
    listed = shortlist(identity, query, neighbours, read, terms)
    return Verdict(nearest_hit(identity, listed, read), listed.more)


def nearest_hit(identity: CacheIdentity, listed: Shortlist, read: ManyRead) -> Hit | Miss:
    """The nearest open neighbour is the hit: what a cosine threshold alone decides."""
    if not listed.open:
        return listed.missed
    best = listed.open[0]
    return _hit(identity, best, read, None)


def surest_hit(
    identity: CacheIdentity,
    listed: Shortlist,
    read: ManyRead,
    probabilities: Sequence[float | None],
    least: float,
) -> Hit | Miss:
    """The open neighbour of the highest probability is the hit if that is at least `least`.

    `probabilities`: one for each of `listed.open`, as `policy.confidence` has them; None where the pair could not be
    judged.
    """
    judged = [(chance, one) for chance, one in zip(probabilities, listed.open, strict=True) if chance is not None]
    if not judged:
        missed = listed.missed
        reason = telling(missed.reason, MissReason.NOT_JUDGED) if listed.open else missed.reason
        return msgspec.structs.replace(missed, reason=reason)
    chance, best = max(judged, key=lambda pair: (pair[0], pair[1].similarity))
    if chance >= least:
        return _hit(identity, best, read, chance)
    doubted = Nearest(similarity=best.similarity, entry_id=best.entry.entry_id, confidence=chance)
    return Miss(reason=telling(listed.missed.reason, MissReason.DOUBTED), nearest=doubted)


def withheld(hit: Hit, reason: MissReason, *, drawn: Drawn | None = None, weight: float = 1.0) -> Miss:
    """The miss that a semantic hit becomes where it is not to be served but compared with the fresh answer."""
    entry_id = hit.entry.entry_id
    return Miss(
        reason=reason,
        nearest=Nearest(similarity=hit.similarity, entry_id=entry_id, confidence=hit.confidence),
        withheld=Withheld(entry_id, hit.similarity, hit.confidence, drawn, weight),
    )


def _hit(identity: CacheIdentity, one: Open, read: ManyRead, confidence: float | None) -> Hit:
    return Hit(
        tier=Tier.SEMANTIC,
        entry=one.entry,
        similarity=one.similarity,
        confidence=confidence,
        now_ms=read.now_ms,
        asker=identity.norm_digest,
        asked=identity.compared,
    )


def _long(one: Embedding, other: Embedding) -> bool:
    """Whether the guard of long texts is asked; short ones (of one window) are compared whole."""
    return len(one.vectors) > 1 and len(other.vectors) > 1


def _same_place(entry: Entry, identity: CacheIdentity) -> bool:
    return (
        entry.partition == identity.partition
        and entry.context == identity.context
        and entry.namespace == identity.namespace  # in the partition already, but for a forged import
    )


def _same_context(entry: Entry, identity: CacheIdentity, terms: Terms) -> bool:
    """Whether all that precedes is the same, where the request or the entry asks for that."""
    return not (terms.exact_context or entry.pinned) or entry.exact_context == identity.exact_context


def _reaches(entry: Entry, strategy: Strategy) -> bool:
    return entry.reach.rank >= strategy.rank
