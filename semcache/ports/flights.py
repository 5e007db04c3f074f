"""One call of the model for all who ask the same, over all replicas."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec


class Boarding(StrEnum):
    """What came of asking to fly."""

    LEAD = "lead"
    """Nobody fetches this answer: do it."""
    FOLLOW = "follow"
    """Somebody does: listen."""
    LANDED = "landed"
    """The entry was written since the caller's lookup: look again."""


class Seat(msgspec.Struct, frozen=True):
    """A place in the flight of one entry. `token` is the flight's fencing token, higher than any before it."""

    boarding: Boarding
    token: int = 0


class Beat(msgspec.Struct, frozen=True):
    """What a leader learns when it renews its lease."""

    alive: bool
    """False: the lease ran out and another leader has taken over, or may."""
    watched: bool = False
    """Another process listens: publish."""
    published: int = 0
    """Frames that the store has: go on from there. Less than before where it has lost some."""


class Feed(msgspec.Struct, frozen=True):
    """Frames of a flight that another process leads, after a position."""

    frames: list[bytes]
    position: int
    """How many frames were read in all, these included."""
    alive: bool
    """Whether the leader still holds its lease, or has landed. False: it is dead, no further frame will come."""
    landed: bool = False
    """With these frames they have all come."""
    settled: bool = False
    """The leader has given its lease back, its store included, or has lost it."""


class Flights(Protocol):
    """One fetch an entry at a time over all replicas: a lease with a fencing token, and the leader's frames.

    Keys lie in the entry's shard, so that `EntryStore.put` can check `FillToken.flight` in the same script.
    """

    async def board(self, entry_id: str, *, since_ms: int, ttl_s: float) -> Seat:
        """Lead if nobody does. LANDED if the entry's record was created at or after `since_ms` (store's clock).

        A FOLLOW counts as listening.
        """

    async def beat(
        self, entry_id: str, token: int, frames: Sequence[bytes], *, at: int, ttl_s: float, last: bool = False
    ) -> Beat:
        """Renew the lease and publish `frames`, the first of which is the flight's frame number `at`; may be none.

        `last`: with these the flight's frames are complete. Frames that were published before (same number) are
        skipped, so a beat may be repeated. A leader whose lease ran out goes on as long as nobody took over. One that
        publishes more than a flight may hold loses its lease, and is lost to those who follow.
        """

    async def land(self, entry_id: str, token: int, *, linger_s: float, whole: bool = True) -> bool:
        """Give the lease back; what was published stays readable for `linger_s`. Nothing where it went to another.

        False, and the lease is kept, where somebody listens and has not been given the last frame: publish first.
        Not `whole`: the flight broke off, and is lost to whoever listens.
        """

    async def follow(self, entry_id: str, token: int, position: int) -> Feed:
        """What the flight of `token` has published after `position` frames; at once, and says that somebody listens.

        Only so much at a time; an answer without frames, not landed, says that there are none yet.
        """
