"""Which segments to merge: size-tiered, like a log-structured merge tree. Pure.

A merge rewrites rows, so it waits for company of about its own size; searches visit each segment, so there are
never many. Rows are rewritten about log2(rows / SMALLEST) times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

FANOUT: Final = 4
MOST: Final = 7
SMALLEST: Final = 2_048
"""Segments smaller than this count as this large: a snapshot seals the delta early and makes tiny ones."""


def choose(sizes: Sequence[int]) -> list[int]:
    """Positions of the segments to merge now; empty while none should be. `sizes`: live rows of each."""
    order = sorted(range(len(sizes)), key=lambda at: sizes[at])
    weights = [max(sizes[at], SMALLEST) for at in order]
    for first in range(len(order) - FANOUT + 1):
        total = weights[first]
        last = first + 1
        while last < len(order) and weights[last] <= 2 * total:
            total += weights[last]
            last += 1
        if last - first >= FANOUT:
            return order[first:last]
    if len(order) > MOST:
        return order[: len(order) - MOST // 2]
    return []
