"""Verified mode in one process: a namespace's counters, its entries' evidence, and the plan that is made of them.

As the service does it (`semcache.verified`), but for the store: each request is counted at once, and what is not served
gets a label at once, that of all its candidates, as a comparison that never errs would have it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

from semcache.policy import risk
from semcache.policy.adaptation import Contrast

EVERY: Final = 32
"""Requests between two plans."""

Candidate = tuple[float, int, Contrast]
"""Bare confidence, text of the entry, and how the two texts differ."""


class Learned:
    """What a namespace has learned, and what it decides by that."""

    def __init__(self, alpha: float, rng: random.Random) -> None:
        self.plan = risk.plan(risk.State(), risk.Bound(alpha=alpha))
        self.count = 0
        """Requests so far."""
        self.evidence: dict[int, risk.Evidence] = {}
        self._bound = risk.Bound(alpha=alpha)
        self._rng = rng
        self._total: dict[str, float | str] = {}
        self._epochs: dict[int, dict[str, float | str]] = {}
        self._fields: dict[int, dict[str, float]] = {}

    def replan(self) -> None:
        """Plan anew if it is time."""
        if self.count % EVERY == 0 and self.count:
            newest = risk.epoch_of(self.count)
            recent = [self._epochs.get(one, {}) for one in range(max(0, newest - risk.EPOCHS + 1), newest + 1)]
            self.plan = risk.plan(risk.State(total=self._total, epochs=recent), self._bound)

    def pass_by(self) -> None:
        """Count a request that has no candidate."""
        self._add(risk.asked(None))
        self.count += 1

    def ask(
        self, text: int, candidates: Sequence[Candidate], right: Callable[[int], bool]
    ) -> tuple[int | None, risk.Decision]:
        """Decide on a request with candidates: the text whose answer is served, None where it is asked upstream.

        `right` says of a text whether its answer is the request's; it is asked only of what is not served.
        """
        ranked = [self._ranked(candidate) for candidate in candidates]
        _, sure, best, bare, differing = max(ranked)
        decision = risk.decide(self.plan, sure, self.evidence.get(best), self._rng.random())
        self._add(risk.asked(decision))
        served = decision.action is risk.Action.SERVE
        if not served:
            self._add(risk.labelled(decision, right(best)))
            self._add(risk.taught(self.plan, bare, differing, right(best)))
            for z, _, other, _, _ in ranked:
                self._witness((other, text), risk.witnessed(self.plan.wrong[risk.bin_of(z)], right(other)))
        self.count += 1
        return best if served else None, decision

    def _ranked(self, candidate: Candidate) -> tuple[float, float, int, float, Contrast]:
        """Shifted confidence in logits, adapted confidence, text, bare confidence, contrast."""
        bare, text, differing = candidate
        sure = risk.adapted(self.plan, bare, differing)
        return risk.shifted(sure, self.evidence.get(text)), sure, text, bare, differing

    def _witness(self, texts: Sequence[int], deltas: dict[str, float]) -> None:
        for text in texts:
            fields = self._fields.setdefault(text, {})
            for name, delta in deltas.items():
                fields[name] = fields.get(name, 0.0) + delta
            self.evidence[text] = risk.Evidence(**fields)

    def _add(self, deltas: dict[str, float]) -> None:
        for place in (self._total, self._epochs.setdefault(risk.epoch_of(self.count), {})):
            for name, delta in deltas.items():
                place[name] = float(place.get(name, 0.0)) + delta
