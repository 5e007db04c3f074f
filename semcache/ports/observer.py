"""Who is told of what happens."""

from __future__ import annotations

from typing import Protocol

import msgspec

from semcache.models import Outcome, Stale, StoreOutcome, Usage


class LookupEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One finished lookup. `seconds` is the whole; `stages` its parts (store, embed, search, candidates)."""

    namespace: str
    model: str
    outcome: Outcome
    seconds: float
    stages: dict[str, float]
    digest: bytes = b""


class StoreEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One finished store."""

    namespace: str
    model: str
    outcome: StoreOutcome
    seconds: float


class CallEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One finished call of a model's provider, or a caller who shared another's (`coalesced`)."""

    namespace: str
    model: str
    upstream: str
    status: int | None
    """HTTP status; None where there was no answer."""
    seconds: float
    usage: Usage | None = None
    cost_usd: float | None = None
    coalesced: bool = False


class StaleEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An expired answer was served by an explicit stale rule; its lookup was counted as a miss before."""

    namespace: str
    model: str
    stale: Stale


class Observer(Protocol):
    """Told of everything that the cache did; must neither block nor raise."""

    def looked_up(self, event: LookupEvent) -> None:
        """A lookup ended."""

    def stored(self, event: StoreEvent) -> None:
        """A store ended."""

    def called(self, event: CallEvent) -> None:
        """A model's provider was called."""

    def served_stale(self, event: StaleEvent) -> None:
        """An expired answer was served."""

    def degraded(self, part: str, reason: str, detail: str = "") -> None:
        """A call to a dependency (`store`, `embedder`, `index`, `upstream`) failed and was turned into a named reason.

        `detail` is what the operator may want to read; it is not for callers.
        """
