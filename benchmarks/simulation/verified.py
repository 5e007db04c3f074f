"""The policy of this package on a stream, and how soon it serves."""

from __future__ import annotations

import random
from collections.abc import Sequence

from benchmarks.learned import Learned
from benchmarks.simulation.outcome import LABELS, WINDOW, Early, Outcome
from benchmarks.simulation.replaying import tally
from benchmarks.simulation.source import Source
from semcache.policy import risk
from semcache.policy.adaptation import Contrast

Watched = list[tuple[float, Contrast, risk.Evidence | None]]
"""The candidates of a request: score, how the texts differ, and what was known of the entry."""


def verified(stream: Source, arrived: Sequence[int], alpha: float, seed: int) -> Outcome:
    """The policy of this package. Labels of all candidates are evidence on entries, that of the best on the pool."""
    run = _Run(stream, alpha, random.Random(seed))
    outcome = tally(stream, arrived, run.step)
    return outcome._replace(explored=run.explored, early=run.early())


class _Run:
    """One cache, and what is noted of it."""

    def __init__(self, stream: Source, alpha: float, rng: random.Random) -> None:
        self.explored = 0
        self._stream = stream
        self._learned = Learned(alpha, rng)
        self._labels = 0
        self._hits: list[bool] = []
        self._watched: list[Watched] = []
        self._before = 0
        """Requests before the first that is watched."""

    def step(self, at: int, candidates: list[tuple[float, int]]) -> int | None:
        """As a `Step`."""
        differing = dict(zip(self._stream.near[at], self._stream.differing[at], strict=True))
        told = [(score, text, differing[text]) for score, text in candidates]
        if self._labels >= LABELS and len(self._watched) < WINDOW:
            self._before = self._before or self._learned.count
            self._watched.append([(score, how, self._learned.evidence.get(text)) for score, text, how in told])
        self._learned.replan()
        served = None
        if told:
            classes = self._stream.classes
            served, decision = self._learned.ask(at, told, lambda text: classes[text] == classes[at])
            if served is None:
                self._labels += 1
                self.explored += decision.level is not None
        else:
            self._learned.pass_by()
        self._hits.append(served is not None)
        return served

    def early(self) -> Early | None:
        """How it began; None where too few requests followed its first labels."""
        if len(self._watched) < WINDOW:
            return None
        began = sum(self._hits[self._before : self._before + WINDOW])
        steady = sum(_expected(self._learned.plan, one) for one in self._watched)
        return Early(self._before, began, steady, sum(self._hits[len(self._hits) // 2 :]))


def _expected(plan: risk.Plan, candidates: Watched) -> float:
    """The probability that a plan serves one of these."""
    if not candidates:
        return 0.0
    best = max(risk.shifted(risk.adapted(plan, score, differing), known) for score, differing, known in candidates)
    level = plan.levels[risk.bin_of(best)]
    return 0.0 if level is None else 1.0 - risk.LEVELS[level]
