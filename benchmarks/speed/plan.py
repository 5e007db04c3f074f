"""How much of everything: three sizes of a run, each bounded in count and time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Sizes. Times are of one side of one row in one round."""

    name: str
    rounds: int
    seconds: float
    """Of load over several connections."""
    asks: int
    """Requests of one connection that are timed one by one."""
    exact_entries: int
    litellm_entries: int
    """Stored through its own front, which takes long."""
    semantic_entries: int
    gptcache_entries: int
    scale_entries: int
    real_texts: int
    """Of the entries of the scale rows, those with real questions and real vectors; the rest are generated."""
    day_requests: int
    day_seconds: float

    @property
    def full(self) -> bool:
        """Whether goals that name a million entries can be judged."""
        return self.scale_entries >= 1_000_000


QUICK = Plan(
    name="quick", rounds=1, seconds=0.5, asks=40, exact_entries=1_000, litellm_entries=50,
    semantic_entries=200, gptcache_entries=50, scale_entries=3_000, real_texts=200, day_requests=200, day_seconds=4.0,
)  # fmt: skip
"""Shows that everything works; its figures mean little."""

DEFAULT = Plan(
    name="default", rounds=5, seconds=3.0, asks=150, exact_entries=100_000, litellm_entries=500,
    semantic_entries=2_000, gptcache_entries=500, scale_entries=30_000, real_texts=1_000, day_requests=10_000,
    day_seconds=60.0,
)  # fmt: skip

FULL = Plan(
    name="full", rounds=5, seconds=5.0, asks=500, exact_entries=100_000, litellm_entries=500,
    semantic_entries=10_000, gptcache_entries=1_000, scale_entries=1_000_000, real_texts=10_000, day_requests=10_000,
    day_seconds=300.0,
)  # fmt: skip
