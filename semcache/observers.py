"""Observers: several as one, and the decision log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from semcache.models import Hit, Miss, Stored
from semcache.ports import CallEvent, LookupEvent, Observer, StaleEvent, StoreEvent

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

    def called(self, event: CallEvent) -> None:
        """A model's provider was called."""
        for observer in self._observers:
            observer.called(event)

    def served_stale(self, event: StaleEvent) -> None:
        """An expired answer was served."""
        for observer in self._observers:
            observer.served_stale(event)

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
        else:
            what = ("bypass", outcome.reason.value, None)
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

    def called(self, event: CallEvent) -> None:
        """Log a call of a model's provider, or that a caller shared one."""
        if not decisions.isEnabledFor(logging.INFO):
            return
        usage = event.usage
        decisions.info(
            "call upstream=%s status=%s coalesced=%s tokens=%s cost_usd=%s namespace=%s model=%s ms=%.2f",
            event.upstream,
            "-" if event.status is None else event.status,
            "yes" if event.coalesced else "no",
            "-" if usage is None else f"{usage.input_tokens}+{usage.output_tokens}",
            "-" if event.cost_usd is None else f"{event.cost_usd:.6f}",
            event.namespace,
            event.model,
            event.seconds * 1000,
        )

    def served_stale(self, event: StaleEvent) -> None:
        """Log an expired answer that was served."""
        if not decisions.isEnabledFor(logging.INFO):
            return
        entry = event.stale.entry
        decisions.info(
            "stale entry=%s expired_s=%.1f namespace=%s model=%s",
            entry.entry_id[:12],
            (event.stale.now_ms - entry.expires_ms) / 1000,
            event.namespace,
            event.model,
        )

    def degraded(self, part: str, reason: str, detail: str = "") -> None:
        """No decision: `quiet.QuietLog` tells of it."""
