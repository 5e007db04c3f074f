"""What a row of the table is: a name, its goals, and a function that measures one round. Knows no servers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from benchmarks.speed.stage import Stage

Figures = Mapping[str, float]
"""What one round measured, by name. A side that cannot be measured here (a peer that is not installed) is left out."""
Measure = Callable[[int], Figures]
"""Measures the round of this number (from 0)."""

SHARE: Final = "share"
"""Unit of a share of requests."""
INSTRUCTIONS: Final = "instructions"
"""Unit of what an interpreter did, which neither the machine nor its other work moves."""


@dataclass(frozen=True)
class Goal:
    """A bound on a figure of a round, as it is, or over or less another figure of the same round."""

    title: str
    figure: str
    over: str = ""
    less: str = ""
    least: float | None = None
    most: float | None = None
    unit: str = "x"
    full: bool = False
    """Stated for the size of `--full`; at a smaller one it is told and not judged."""
    steady: bool = True
    """Whether it is a ratio or a share, which a later run may be held against, and not a time of this machine."""
    lower: bool = False
    """Without a bound: less of it is better. With one, the bound says."""
    higher: bool = False
    """Without a bound: more of it is better."""

    def of(self, figures: Figures) -> float | None:
        """The value in one round; None where a side of it was not measured."""
        if any(name not in figures for name in (self.figure, self.over, self.less) if name):
            return None
        value = figures[self.figure]
        if self.over:
            return value / figures[self.over] if figures[self.over] else math.nan
        return value - figures[self.less] if self.less else value

    def met(self, value: float) -> bool:
        """Whether a value is within the bound; NaN never is. A goal without a bound is met by any figure."""
        if math.isnan(value):
            return False
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    @property
    def bounded(self) -> bool:
        """Whether there is anything to reach; else it is told for information."""
        return self.least is not None or self.most is not None

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is, 0 where it is only told."""
        if self.least is not None or self.higher:
            return 1
        return -1 if self.most is not None or self.lower else 0

    @property
    def bound(self) -> str:
        """The bound in words."""
        told = [f"{sign} {value:g} {self.unit}" for sign, value in ((">=", self.least), ("<=", self.most)) if value]
        return " and ".join(told).strip() if told else ""


class Spread(NamedTuple):
    """Values of a goal over the rounds."""

    median: float
    low: float
    high: float
    rounds: int


def spread(goal: Goal, rounds: Sequence[Figures]) -> Spread | None:
    """Median, least and greatest over the rounds that measured it; None where none did."""
    values = [value for value in map(goal.of, rounds) if value is not None]
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values), len(values))


Verdict = Literal["met", "missed", "not judged", "not measured"]


def verdict(goal: Goal, found: Spread | None, *, full: bool) -> Verdict:
    """Whether the median reaches the goal."""
    if found is None:
        return "not measured"
    if not goal.bounded or (goal.full and not full):
        return "not judged"
    return "met" if goal.met(found.median) else "missed"


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    name: str
    """As `--only` takes it."""
    title: str
    against: str
    """What it is measured against, in words."""
    stage: str
    """Rows of one stage share their servers, and their rounds are interleaved."""
    goals: tuple[Goal, ...]
    open: Callable[[Stage], Measure]
    """Starts what it needs on the stage, which stops it, and returns how a round is measured."""
    most_rounds: int = 1_000
    """Fewer rounds than asked for, where a round takes minutes or cannot vary."""
    peers: bool = False
    """Whether a peer is measured too."""
    last: bool = False
    """Its rounds come after those of the other rows of the stage: it changes what they measure."""
