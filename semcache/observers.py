"""Observers: several as one, and the decision log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from semcache.models import Bypass, Hit, Miss, Stored
from semcache.ports import LookupEvent, Observer, StoreEvent

decisions = logging.getLogger("semcache.decisions")


class Observers:
    """Tells several observers, in order. More may be added while the service runs."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = list(observers)

    def add(self, observer: Observer) -> None:
        """Tell this one too, from now on."""
        self._observers.append(observer)

    def looked_up(self, event: LookupEvent) -> None:
        """A lookup ended."""
        for observer in self._observers:
            observer.looked_up(event)

    def stored(self, event: StoreEvent) -> None:
        """A store ended."""
        for observer in self._observers:
            observer.stored(event)

    def degraded(self, part: str, reason: str, detail: str = "") -> None:
        """A dependency failed."""
        for observer in self._observers:
            observer.degraded(part, reason, detail)


class DecisionLog:
    """One line a decision: tier, similarity, digest prefix, reason; never a prompt or an answer."""

    def looked_up(self, event: LookupEvent) -> None:
        """Log a lookup."""
        if not decisions.isEnabledFor(logging.INFO):
            return
        outcome = event.outcome
        what: tuple[str, str, float | None]
        if isinstance(outcome, Hit):
            what = ("hit", outcome.tier.value, outcome.similarity)
        elif isinstance(outcome, Miss):
            what = ("miss", outcome.reason.value, outcome.nearest.similarity if outcome.nearest else None)
        elif isinstance(outcome, Bypass):
            what = ("bypass", outcome.reason.value, None)
        else:
            what = ("stale", "exact", None)
        decisions.info(
            "lookup outcome=%s why=%s similarity=%s digest=%s namespace=%s model=%s ms=%.2f",
            what[0],
            what[1],
            "-" if what[2] is None else f"{what[2]:.4f}",
            event.digest[:6].hex(),
            event.namespace,
            event.model,
            event.seconds * 1000,
        )

    def stored(self, event: StoreEvent) -> None:
        """Log a store."""
        if not decisions.isEnabledFor(logging.INFO):
            return
        outcome = event.outcome
        if isinstance(outcome, Stored):
            decisions.info(
                "store outcome=stored entry=%s class=%s ttl_s=%.0f semantic=%s namespace=%s model=%s ms=%.2f",
                outcome.entry_id[:12],
                outcome.ttl_class.value,
                outcome.ttl_s,
                outcome.semantic.value,
                event.namespace,
                event.model,
                event.seconds * 1000,
            )
        else:
            decisions.info(
                "store outcome=refused why=%s namespace=%s model=%s ms=%.2f",
                outcome.reason.value,
                event.namespace,
                event.model,
                event.seconds * 1000,
            )

    def degraded(self, part: str, reason: str, detail: str = "") -> None:
        """No decision: `quiet.QuietLog` tells of it."""
