"""vCache's policy on the same streams."""

from __future__ import annotations

import random
from collections.abc import Sequence

from benchmarks.simulation.outcome import Outcome
from benchmarks.simulation.replaying import tally
from benchmarks.simulation.source import Source
from benchmarks.vcache import Entry


def vcache(stream: Source, arrived: Sequence[int], delta: float, seed: int) -> Outcome:
    """`benchmarks.vcache` on the same scores: the nearest entry alone is asked, and an explored answer is stored only
    where it differs.
    """
    rng = random.Random(seed)
    entries: dict[int, Entry] = {}
    inserted = [number >= stream.given for number in range(len(stream.classes))]
    explored = 0

    def step(at: int, candidates: list[tuple[float, int]]) -> int | None:
        nonlocal explored
        nearest = next(((score, text) for score, text in candidates if inserted[text]), None)
        if nearest is None:
            inserted[at] = True
            return None
        score, text = nearest
        entry = entries.setdefault(text, Entry())
        asked = entry.explore(score, delta)
        if rng.random() >= asked:
            return text
        explored += asked < 1.0
        right = stream.classes[text] == stream.classes[at]
        entry.learn(score, right)
        inserted[at] = not right
        return None

    return tally(stream, arrived, step)._replace(explored=explored)
