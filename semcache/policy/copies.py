"""Copies: whether a record that this process has read or written before may be used again without asking the store.

The rule. A copy is a record as the store told it, beside when it did. It may be used while

1. this process has read the change log to its end no longer than `CONFIRMED_S` ago (what the log told of is dropped by
   whoever keeps the copies, so that a copy which is still there was not changed);
2. it was read, or seen to be there, no longer than `RENEWED_S` ago: that bounds how far two clocks may have drifted
   apart, and how long what the server evicted by itself, of which no log tells, goes unnoticed;
3. the record itself may be served (`matching.unservable`) by the highest epoch that this process has seen, at the
   latest that the store's clock can show by now.

As a candidate of the semantic tier it is used by whoever asks, so that it needs the vectors, and must be known to be
vetoed for nobody (`comparable`).

Where one of these fails nothing is decided: the store is asked, and its word counts. An entry whose life a hit
prolongs is never copied, as its expiry moves. Pure: all clocks are arguments.
"""

from __future__ import annotations

from enum import StrEnum
from math import ceil
from typing import Final

import msgspec

from semcache.models import Candidate, Hit, Tier
from semcache.policy.matching import unservable

CONFIRMED_S: Final = 0.5
"""Seconds after which what the log said last is no longer trusted."""
RENEWED_S: Final = 60.0
"""Seconds after which a copy is read again, or seen to be there."""


class Doubt(StrEnum):
    """Why a copy may not be served just now."""

    UNCONFIRMED = "unconfirmed"
    """The change log was not read for a while: the copy may have been deleted elsewhere."""
    OLD = "old"
    """It was read too long ago."""
    UNSERVABLE = "unservable"
    """Invalidated, expired, or older than the request accepts."""


class Copy(msgspec.Struct, frozen=True):
    """A record as it was read."""

    candidate: Candidate
    now_ms: int
    """The store's clock when it was read."""
    asked_s: float
    """The process's monotonic clock just before it was asked for, in seconds."""


def may_copy(hit: Hit) -> bool:
    """Whether a hit may be copied at all."""
    return hit.tier is Tier.EXACT and not hit.entry.sliding


def may_copy_for_all(candidate: Candidate) -> bool:
    """Whether a record that was read for one prompt, or written, may be copied for any."""
    return not candidate.disputed and not candidate.entry.sliding


def comparable(candidate: Candidate, space: str) -> bool:
    """Whether a copy holds all that the semantic tier reads of a record, whoever asks, in this vector space."""
    embedding = candidate.embedding
    return not candidate.disputed and embedding is not None and embedding.space == space


def latest_ms(copy: Copy, at_s: float) -> int:
    """The most that the store's clock can show at a moment of the monotonic one: ahead by what the read took."""
    return copy.now_ms + ceil((at_s - copy.asked_s) * 1000)


def doubt(copy: Copy, *, epoch: int, confirmed_s: float, at_s: float, max_age_s: float | None = None) -> Doubt | None:
    """Why a copy may not be used at the moment `at_s`; None if it may.

    `epoch`: the highest seen of its namespace and shard. `confirmed_s`: up to when all changes are known. Both moments
    are of the monotonic clock.
    """
    if at_s - confirmed_s > CONFIRMED_S:
        return Doubt.UNCONFIRMED
    if at_s - copy.asked_s > RENEWED_S:
        return Doubt.OLD
    if unservable(copy.candidate, epoch, latest_ms(copy, at_s), max_age_s) is not None:
        return Doubt.UNSERVABLE
    return None


def serve(copy: Copy, *, epoch: int, confirmed_s: float, at_s: float, max_age_s: float | None = None) -> Hit | Doubt:
    """The exact hit that a copy is at the moment `at_s`, or why it is none; all else as in `doubt`."""
    why_not = doubt(copy, epoch=epoch, confirmed_s=confirmed_s, at_s=at_s, max_age_s=max_age_s)
    if why_not is not None:
        return why_not
    entry, now_ms = copy.candidate.entry, latest_ms(copy, at_s)
    return Hit(tier=Tier.EXACT, entry=entry, similarity=1.0, now_ms=now_ms, asker=entry.norm_digest)
