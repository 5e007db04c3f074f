"""Verified mode on a stream: `semcache.policy.risk` over the candidates of the guarded mode, a label for each miss.

What is not served is stored, and its class is the label, as a comparison that never errs would have it.
`benchmarks/verified.py` asks how often bounds are kept, over many seeds; this says what they cost in hits.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from benchmarks.sweep import CANDIDATES, Chance, Curve, Line, Refused
from semcache.policy import risk
from semcache.policy.adaptation import Contrast, contrast

_EVERY = 32
"""Requests between two plans."""


def replay(
    line: Line,
    bounds: Sequence[float],
    *,
    seed: int,
    chance: Chance,
    refused: Refused = lambda asked, cached, cosine: False,
    floor: float = 0.0,
) -> Curve:
    """The stream in verified mode, once for each bound on wrong answers over all requests."""
    runs = [_Run(line, bound, random.Random(seed), chance, refused, floor).run() for bound in bounds]
    table = np.array(runs, np.int64).T
    return Curve(
        thresholds=np.array(bounds),
        requests=len(line.text),
        direct=table[0],
        semantic=table[1],
        wrong=table[2],
        wrong_semantic=table[3],
    )


class _Run:
    """One cache and what it has learned."""

    def __init__(
        self, line: Line, bound: float, rng: random.Random, chance: Chance, refused: Refused, floor: float
    ) -> None:
        self._line, self._rng, self._chance, self._refused, self._floor = line, rng, chance, refused, floor
        self._bound = risk.Bound(alpha=bound)
        self._total: dict[str, float | str] = {}
        self._epochs: dict[int, dict[str, float | str]] = {}
        self._fields: dict[int, dict[str, float]] = {}
        self._evidence: dict[int, risk.Evidence] = {}
        self._plan = risk.plan(risk.State(), self._bound)
        self._count = 0
        self._labels: dict[int, int] = {}
        self._stored = np.zeros(len(line.texts), bool)

    def run(self) -> tuple[int, int, int, int]:
        """Direct and semantic hits, wrong ones of both, wrong semantic ones."""
        spelled: dict[int, int] = {}
        direct = semantic = wrong = wrong_semantic = 0
        for text, label in zip(self._line.text.tolist(), self._line.label.tolist(), strict=True):
            known = text if text in self._labels else spelled.get(self._line.spelling[text])
            if known is not None:
                self._add(risk.asked(None))
                direct += 1
                wrong += self._labels[known] != label
            else:
                known = self._decide(text, label)
                if known is not None:
                    semantic += 1
                    wrong += self._labels[known] != label
                    wrong_semantic += self._labels[known] != label
            self._count += 1
            if known is None:
                self._labels[text] = label
                self._stored[text] = True
                spelled.setdefault(self._line.spelling[text], text)
        return direct, semantic, wrong, wrong_semantic

    def _decide(self, text: int, label: int) -> int | None:
        """The stored text whose answer is served."""
        if self._count % _EVERY == 0 and self._count:
            newest = risk.epoch_of(self._count)
            recent = [self._epochs.get(one, {}) for one in range(max(0, newest - risk.EPOCHS + 1), newest + 1)]
            self._plan = risk.plan(risk.State(total=self._total, epochs=recent), self._bound)
        ranked = self._ranked(text)
        if not ranked:
            self._add(risk.asked(None))
            return None
        _, sure, best, bare, differing = max(ranked)
        decision = risk.decide(self._plan, sure, self._evidence.get(best), self._rng.random())
        self._add(risk.asked(decision))
        if decision.action is risk.Action.SERVE:
            return best
        right = self._labels[best] == label
        self._add(risk.labelled(decision, right))
        self._add(risk.taught(self._plan, bare, differing, right))
        for z, _, other, _, _ in ranked:
            learned = risk.witnessed(self._plan.wrong[risk.bin_of(z)], self._labels[other] == label)
            for who in (other, text):
                fields = self._fields.setdefault(who, {})
                for name, delta in learned.items():
                    fields[name] = fields.get(name, 0.0) + delta
                self._evidence[who] = risk.Evidence(**fields)
        return None

    def _ranked(self, text: int) -> list[tuple[float, float, int, float, Contrast]]:
        """(shifted confidence, adapted confidence, text, bare confidence, contrast) of the open ones among the nearest
        stored texts.
        """
        near, cosine = self._line.near[text], self._line.cosine[text]
        there = np.flatnonzero((near >= 0) & (cosine >= self._floor) & self._stored[near])
        most = CANDIDATES
        while True:
            pairs = [(int(near[at]), float(cosine[at])) for at in there[:most].tolist()]
            open_ = [(other, alike) for other, alike in pairs if not self._refused(text, other, alike)]
            if open_ or most >= len(there):
                break
            most *= 2
        ranked = []
        for other, alike in open_:
            bare = self._chance(text, other, alike)
            differing = contrast(self._line.texts[text], self._line.texts[other], alike)
            sure = risk.adapted(self._plan, bare, differing)
            ranked.append((risk.shifted(sure, self._evidence.get(other)), sure, other, bare, differing))
        return ranked

    def _add(self, deltas: dict[str, float]) -> None:
        for place in (self._total, self._epochs.setdefault(risk.epoch_of(self._count), {})):
            for name, delta in deltas.items():
                place[name] = float(place.get(name, 0.0)) + delta
