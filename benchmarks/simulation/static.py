"""Policies with one threshold for all: the best in hindsight, and the one that a first sample gives."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmarks.simulation.outcome import Outcome
from benchmarks.simulation.replaying import AFTER, CANDIDATES, tally
from benchmarks.simulation.source import Source


def oracle(stream: Source, arrived: Sequence[int], bound: float, static: list[Outcome]) -> Outcome:
    """The best static threshold within the bound. `static` keeps the outcomes of all, which no bound changes."""
    if stream.given < len(stream.classes):
        return _hindsight(stream, arrived, bound)
    if not static:
        static += [_static(stream, arrived, threshold) for threshold in _thresholds(stream)]
    return max((one for one in static if one.wrong <= bound * one.requests), key=lambda one: one.hits)


def _hindsight(stream: Source, arrived: Sequence[int], bound: float) -> Outcome:
    """The same, of all thresholds, where what is served changes nothing about later candidates."""
    ranked = sorted(
        ((stream.scores[at][0], stream.classes[stream.near[at][0]] != at) for at in arrived if stream.near[at]),
        reverse=True,
    )
    best = wrong = 0
    errors = 0
    for number, (_, bad) in enumerate(ranked, 1):
        wrong += bad
        if wrong <= bound * len(arrived):
            best, errors = number, wrong
    return Outcome(len(arrived), best, errors, 0.0, 0)


def _thresholds(stream: Source) -> list[float]:
    """28 quantiles of the scores, and one that serves nothing."""
    scores = np.array([score for line in stream.scores for score in line[:CANDIDATES]])
    return [
        *np.quantile(scores, 1.0 - np.append(np.geomspace(0.002, 0.1, 10), np.linspace(0.12, 0.66, 18))).tolist(),
        math.inf,
    ]


def _static(stream: Source, arrived: Sequence[int], threshold: float) -> Outcome:
    def step(_at: int, candidates: list[tuple[float, int]]) -> int | None:
        score, text = max(candidates, default=(-1.0, -1))
        return text if score >= threshold else None

    return tally(stream, arrived, step)


def frozen(stream: Source, arrived: Sequence[int], bound: float) -> Outcome:
    """The lowest threshold that met the bound on the first 500 requests, from then on."""
    labels: list[tuple[float, bool]] = []
    seen = 0
    threshold = math.inf

    def step(at: int, candidates: list[tuple[float, int]]) -> int | None:
        nonlocal seen, threshold
        seen += 1
        if seen == AFTER:
            wrong = 0
            for score, bad in sorted(labels, reverse=True):
                wrong += bad
                if wrong > bound * AFTER:
                    break
                threshold = score
        if not candidates:
            return None
        score, text = max(candidates)
        if seen < AFTER:
            labels.append((score, stream.classes[text] != stream.classes[at]))
            return None
        return text if score >= threshold else None

    return tally(stream, arrived, step)
