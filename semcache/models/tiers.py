"""How an entry is found, and how far a lookup may go."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class Tier(StrEnum):
    """How an entry was found."""

    EXACT = "exact"
    NORMALIZED = "normalized"
    SEMANTIC = "semantic"


class Strategy(StrEnum):
    """How far a lookup may go. Each includes the ones before it."""

    EXACT = "exact"
    NORMALIZED = "normalized"
    SEMANTIC = "semantic"

    @property
    def rank(self) -> int:
        """0 for exact, 1 for normalized, 2 for semantic."""
        return _STRATEGY_RANK[self]

    def tightest(self, other: Strategy) -> Strategy:
        """The narrower of the two."""
        return self if self.rank <= other.rank else other


_STRATEGY_RANK = {Strategy.EXACT: 0, Strategy.NORMALIZED: 1, Strategy.SEMANTIC: 2}


Context = Literal["exact", "semantic"]
"""Whether what precedes the last user message must be the same, or may be worded otherwise."""
