"""Verified mode on a stream: `semcache.policy.risk` over the candidates of the guarded mode, a label for each miss.

What is not served is stored, and its class is the label, as a comparison that never errs would have it.
`benchmarks/verified.py` asks how often bounds are kept, over many seeds; this says what they cost in hits.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from benchmarks.learned import Candidate, Learned
from benchmarks.sweep import CANDIDATES, Chance, Curve, Line, Refused, Run
from semcache.policy.adaptation import contrast


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
    return Curve.of(bounds, len(line.text), runs)


class _Run:
    """One cache and what it has learned."""

    def __init__(
        self, line: Line, bound: float, rng: random.Random, chance: Chance, refused: Refused, floor: float
    ) -> None:
        self._line, self._chance, self._refused, self._floor = line, chance, refused, floor
        self._learned = Learned(bound, rng)
        self._labels: dict[int, int] = {}
        self._stored = np.zeros(len(line.texts), bool)

    def run(self) -> Run:
        """The whole stream."""
        spelled: dict[int, int] = {}
        direct = semantic = wrong = wrong_semantic = 0
        for text, label in zip(self._line.text.tolist(), self._line.label.tolist(), strict=True):
            known = text if text in self._labels else spelled.get(self._line.spelling[text])
            if known is not None:
                self._learned.pass_by()
                direct += 1
                wrong += self._labels[known] != label
            else:
                known = self._decide(text, label)
                if known is not None:
                    semantic += 1
                    wrong += self._labels[known] != label
                    wrong_semantic += self._labels[known] != label
            if known is None:
                self._labels[text] = label
                self._stored[text] = True
                spelled.setdefault(self._line.spelling[text], text)
        return direct, semantic, wrong, wrong_semantic

    def _decide(self, text: int, label: int) -> int | None:
        """The stored text whose answer is served."""
        self._learned.replan()
        candidates = self._candidates(text)
        if not candidates:
            self._learned.pass_by()
            return None
        served, _ = self._learned.ask(text, candidates, lambda other: self._labels[other] == label)
        return served

    def _candidates(self, text: int) -> list[Candidate]:
        """The open ones among the nearest stored texts."""
        near, cosine = self._line.near[text], self._line.cosine[text]
        there = np.flatnonzero((near >= 0) & (cosine >= self._floor) & self._stored[near])
        most = CANDIDATES
        while True:
            pairs = [(int(near[at]), float(cosine[at])) for at in there[:most].tolist()]
            open_ = [(other, alike) for other, alike in pairs if not self._refused(text, other, alike)]
            if open_ or most >= len(there):
                break
            most *= 2
        texts = self._line.texts
        return [
            (self._chance(text, other, alike), other, contrast(texts[text], texts[other], alike))
            for other, alike in open_
        ]
