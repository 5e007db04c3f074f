"""A stream past a policy that decides for each request, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from benchmarks.simulation.outcome import Outcome
from benchmarks.simulation.source import Source

CANDIDATES: Final = 4
AFTER: Final = 500
"""Requests after which the bound is looked at all the time."""
Step = Callable[[int, list[tuple[float, int]]], "int | None"]
"""Request, candidates (score, text) -> the text whose answer is served, or None: ask upstream and store."""


def tally(stream: Source, arrived: Sequence[int], step: Step) -> Outcome:
    """Ask `step` for each request as it arrives; count."""
    hits = wrong = count = 0
    worst = 0.0
    for hit, bad in _replay(stream, arrived, step):
        count += 1
        hits += hit
        wrong += bad
        if count >= AFTER:
            worst = max(worst, wrong / count)
    return Outcome(count, hits, wrong, worst, 0)


def _replay(stream: Source, arrived: Sequence[int], step: Step) -> Iterator[tuple[bool, bool]]:
    """For each request whether it was a semantic hit, and whether that was wrong."""
    stored = [number >= stream.given for number in range(len(stream.classes))]
    for at in arrived:
        if stored[at]:
            step(at, [])
            yield False, False
            continue
        candidates = []
        for text, score in zip(stream.near[at], stream.scores[at], strict=True):
            if stored[text]:
                candidates.append((score, text))
                if len(candidates) == CANDIDATES:
                    break
        served = step(at, candidates)
        if served is None:
            stored[at] = True
            yield False, False
        else:
            yield True, stream.classes[served] != stream.classes[at]
