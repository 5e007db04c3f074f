"""The order in which the texts of a stream arrive."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

ORDERS: Final = ("file", "shuffled", "popular")


def arrivals(count: int, classes: Sequence[int], order: str, seed: int) -> list[int]:
    """The texts in the order in which they arrive."""
    if order == "file":
        return list(range(count))
    rng = random.Random(seed)
    if order == "shuffled":
        shuffled = list(range(count))
        rng.shuffle(shuffled)
        return shuffled
    members: dict[int, list[int]] = {}
    for text, number in enumerate(classes):
        members.setdefault(number, []).append(text)
    ranked = list(members)
    rng.shuffle(ranked)
    found: list[int] = []
    for _phase in range(4):
        # Half of the classes swap ranks: what was popular is not any more.
        moving = rng.sample(range(len(ranked)), len(ranked) // 2)
        values = [ranked[at] for at in moving]
        rng.shuffle(values)
        for at, value in zip(moving, values, strict=True):
            ranked[at] = value
        weights = [1.0 / (10.0 + rank) for rank in range(len(ranked))]
        found += [rng.choice(members[one]) for one in rng.choices(ranked, weights, k=count // 4)]
    return found
