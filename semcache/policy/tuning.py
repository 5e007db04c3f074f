"""Which cut to serve from, so that a target error holds: proposed from labels, with a confidence bound. Pure.

A cut is a least cosine (`threshold`) or a least probability (`confidence`). Every label is a pair with a score; a cut
serves the pairs that score as much. Of its hits, or of all pairs (each stands for a request), some share is wrong.

*The rule.* Cuts are walked from the strictest to the loosest, over a grid that depends on scores alone. A walk goes on
while the upper confidence bound (Clopper-Pearson, `policy.intervals` says why) of the error at the cut is at most the
target, and ends at the first that is not; the last that passed is proposed. As the order of the tests is fixed before
any label is looked at, no correction for their number is due: the chance that the proposed cut is worse than the
target is at most 1 - level (fixed-sequence testing; Angelopoulos, Bates, Candès, Jordan & Lei 2021, "Learn then Test",
arXiv:2110.01052, section 4). The error among requests grows as the cut falls, so one walk from the top finds it. The
error among hits does not, and the strictest cuts have too few hits to prove anything: there STARTS walks begin at
places from which a proof is possible, each at (1 - level) / STARTS.

*What it assumes.* The labels are drawn as the traffic that will come is, or weighted so (`Label.weight`). Comparisons
(shadow, explored) are; feedback is of who complains, and is used alone only where there is nothing else. No principal
weighs more than MOST_OF_ONE of all. Nothing is known of pairs below what was ever compared: no cut is proposed there.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import accumulate
from typing import Final

import msgspec

from semcache.policy import intervals
from semcache.policy.labels import Label, Source

GRID: Final = 100
"""Cuts that are tried, at most; evenly over the labels in the order of their scores."""
STARTS: Final = 3
MOST_OF_ONE: Final = 0.1
BARRED: Final = -math.inf
"""The score of a pair that no cut serves: a guard's veto, too far, too long to be judged."""


class Knob(StrEnum):
    """What is tuned."""

    THRESHOLD = "threshold"
    """The least cosine of a hit; what decides in the mode of that name."""
    CONFIDENCE = "confidence"
    """The least probability of a hit; what decides in the modes that ask the verifier."""


class Tuning(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tuned cuts of one namespace, beside what the settings say."""

    threshold: float | None = None
    """Least cosine; None: as the settings say."""
    confidence: float | None = None
    """Least probability; None: as the settings say."""
    override: bool = False
    """May be looser than what the settings name."""


UNTUNED: Final = Tuning()


class Among(StrEnum):
    """What the error is a share of."""

    REQUESTS = "requests"
    HITS = "hits"


class Judged(msgspec.Struct, frozen=True):
    """A labelled pair with its score on the knob."""

    score: float
    same: bool
    weight: float = 1.0
    voice: str = ""
    """Whose word the label is; "" for the service's own comparisons."""


class Rate(msgspec.Struct, frozen=True):
    """A share with its one-sided bounds, each at the level asked for."""

    value: float
    low: float
    high: float


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What one cut does to the labels."""

    cut: float
    served: int
    """Labels that it serves, and how many of these are wrong; not weighted."""
    wrong: int
    hits: float
    """Share of all pairs that are served."""
    of_hits: Rate
    of_requests: Rate

    def error(self, among: Among) -> Rate:
        """The one that the target is about."""
        return self.of_hits if among is Among.HITS else self.of_requests


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What the labels of a namespace say."""

    namespace: str
    knob: Knob
    among: Among
    target: float
    level: float
    labels: int
    wrong: int
    """How many of all labels are of different answers."""
    current: Point | None = None
    """What is in force, as far as the labels tell."""
    proposed: Point | None = None
    """None: no cut can be vouched for."""
    needed: int | None = None
    """Labels in all with which a cut could be vouched for that looks right so far; None where none looks right."""
    notes: tuple[str, ...] = ()


def judged(labels: Iterable[Label], knob: Knob) -> tuple[list[Judged], tuple[str, ...]]:
    """Labels as scored pairs, the last word of each voice on a pair; and what to know of them."""
    notes: list[str] = []
    last: dict[tuple[str, str, str], Label] = {}
    unscored = 0
    for label in labels:
        if _score(label, knob) is None:
            unscored += 1
        else:
            last[label.entry_id, label.principal or "", label.about] = label
    chosen = list(last.values())
    measured = [label for label in chosen if label.source is not Source.FEEDBACK]
    if unscored:
        notes.append(f"{unscored} labels without a {'cosine' if knob is Knob.THRESHOLD else 'confidence'} left out")
    if measured and len(measured) < len(chosen):
        notes.append(f"{len(chosen) - len(measured)} labels of feedback left out: comparisons are the fairer sample")
        chosen = measured
    elif chosen and not measured:
        notes.append("feedback alone, of who complains or praises: shadow mode would give a fair sample")
    scored = [Judged(_score(label, knob) or 0.0, label.same, label.weight, label.principal or "") for label in chosen]
    return bounded(scored), tuple(notes)


def _score(label: Label, knob: Knob) -> float | None:
    return label.similarity if knob is Knob.THRESHOLD else label.confidence


def bounded(pairs: Sequence[Judged]) -> list[Judged]:
    """No voice of several weighs more than MOST_OF_ONE of all."""
    whole = sum(pair.weight for pair in pairs)
    of: dict[str, float] = {}
    for pair in pairs:
        of[pair.voice] = of.get(pair.voice, 0.0) + pair.weight
    if len(of) < 2 or not whole:
        return list(pairs)
    scale = {voice: min(1.0, MOST_OF_ONE * whole / weight) if voice else 1.0 for voice, weight in of.items()}
    return [msgspec.structs.replace(pair, weight=pair.weight * scale[pair.voice]) for pair in pairs]


class Pairs:
    """Scored pairs, summed from the highest score down, so that any cut is told at once."""

    def __init__(self, pairs: Iterable[Judged]) -> None:
        self._pairs = sorted(pairs, key=lambda pair: -pair.score)
        self._falling = [-pair.score for pair in self._pairs]
        weights = [pair.weight for pair in self._pairs]
        self._weight = [0.0, *accumulate(weights)]
        self._squares = [0.0, *accumulate(weight * weight for weight in weights)]
        self._wrong_weight = [0.0, *accumulate(pair.weight * (not pair.same) for pair in self._pairs)]
        self._wrong = [0, *accumulate(int(not pair.same) for pair in self._pairs)]

    def __len__(self) -> int:
        return len(self._pairs)

    @property
    def wrong(self) -> int:
        """How many are of different answers; not weighted."""
        return self._wrong[-1]

    def served(self, cut: float) -> int:
        """How many a cut serves."""
        return bisect_right(self._falling, -cut)

    def errors(self, cut: float, among: Among) -> tuple[float, float]:
        """Errors and labels at a cut, in labels of equal weight."""
        served = self.served(cut)
        of = served if among is Among.HITS else len(self)
        whole, squares = self._weight[of], self._squares[of]
        # The effective size (Kish 1965); the weighted rate times it stands for the errors (Korn & Graubard 1998).
        count = whole * whole / squares if squares else 0.0
        return (self._wrong_weight[served] / whole * count if whole else 0.0), count

    def at(self, cut: float, level: float) -> Point:
        """What a cut does."""
        served = self.served(cut)
        return Point(
            cut=cut,
            served=served,
            wrong=self._wrong[served],
            hits=self._weight[served] / self._weight[-1] if self._weight[-1] else 0.0,
            of_hits=_rate(*self.errors(cut, Among.HITS), level),
            of_requests=_rate(*self.errors(cut, Among.REQUESTS), level),
        )

    def grid(self) -> list[float]:
        """The cuts that are tried, strictest first."""
        scores = [pair.score for pair in self._pairs if pair.score > BARRED]
        steps = min(GRID, len(scores))
        return sorted({scores[(step + 1) * len(scores) // steps - 1] for step in range(steps)}, reverse=True)

    def curve(self, level: float) -> list[Point]:
        """The points of the grid, strictest first."""
        return [self.at(cut, level) for cut in self.grid()]


def propose(
    namespace: str,
    pairs: Pairs,
    *,
    knob: Knob,
    target: float,
    among: Among,
    level: float = 0.95,
    current: float | None = None,
    notes: tuple[str, ...] = (),
) -> Proposal:
    """The loosest cut that the labels vouch for. `target`, `level` in (0, 1); `current` is the cut in force."""
    cuts = pairs.grid()
    strict = level if among is Among.REQUESTS else 1.0 - (1.0 - level) / STARTS
    starts = [0] if among is Among.REQUESTS else _starts(pairs, cuts, target, strict)
    passed = [end for start in starts if (end := _walk(pairs, cuts[start:], target, among, strict)) is not None]
    return Proposal(
        namespace=namespace,
        knob=knob,
        among=among,
        target=target,
        level=level,
        labels=len(pairs),
        wrong=pairs.wrong,
        current=pairs.at(current, level) if current is not None and len(pairs) else None,
        proposed=pairs.at(min(passed), level) if passed else None,
        needed=None if passed else _needed(pairs, cuts, target, among, strict),
        notes=notes,
    )


def _starts(pairs: Pairs, cuts: Sequence[float], target: float, level: float) -> list[int]:
    """Where walks begin: the first cut with hits enough that none of them wrong would prove the target, and further
    ones evenly down to the loosest.
    """
    for first, cut in enumerate(cuts):
        if intervals.upper(0, pairs.errors(cut, Among.HITS)[1], level) <= target:
            step = (len(cuts) - first) / STARTS
            return sorted({first + int(number * step) for number in range(STARTS)})
    return []


def _walk(pairs: Pairs, cuts: Sequence[float], target: float, among: Among, level: float) -> float | None:
    passed = None
    for cut in cuts:
        if intervals.upper(*pairs.errors(cut, among), level) > target:
            break
        passed = cut
    return passed


def _needed(pairs: Pairs, cuts: Sequence[float], target: float, among: Among, level: float) -> int | None:
    """Labels with which the least demanding of the cuts that look right would pass."""
    if not len(pairs):
        return intervals.needed(0.0, target, level)
    found = []
    for cut in cuts:
        errors, of = pairs.errors(cut, among)
        count = intervals.needed(errors / of if of else 0.0, target, level)
        if count is not None:
            found.append(math.ceil(count / (pairs.served(cut) / len(pairs) if among is Among.HITS else 1.0)))
    return max(min(found), len(pairs) + 1) if found else None


def _rate(errors: float, count: float, level: float) -> Rate:
    low, high = intervals.lower(errors, count, level), intervals.upper(errors, count, level)
    return Rate(errors / count if count else 0.0, low, high)
