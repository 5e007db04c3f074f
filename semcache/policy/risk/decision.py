"""One candidate: serve it, or ask upstream and learn; and what to count for either."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final

import msgspec

from semcache.policy import adaptation
from semcache.policy.adaptation import Adaptation, Contrast
from semcache.policy.risk.counters import BETS, LEVELS
from semcache.policy.risk.evidence import Evidence, shifted
from semcache.policy.risk.scale import bin_of, logit

SETTLED: Final = 200
"""Labels, before which a surprise is learning and not drift."""
TOLERANCE: Final = 1.25
"""How many times the expected odds of a wrong answer are no drift."""
ODDS: Final = (1.5, 2.5, 5.0)
"""How many times these again the bets of `alarm` are on."""


def _odds_times(p: float, factor: float) -> float:
    p = min(max(p, 1e-6), 1.0 - 1e-6)
    return p * factor / (1.0 - p + p * factor)


class Action(StrEnum):
    """What to do with a candidate."""

    SERVE = "serve"
    EXPLORE = "explore"
    """Ask upstream, serve the fresh answer, compare it with the candidate's, report the label."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided on a candidate. Keep it until the label is known."""

    action: Action
    bin: int
    level: int | None
    """Index into LEVELS where the candidate was servable; None where it was not, so that exploring it cost nothing."""
    wrong: float
    """Probability that its answer is wrong, as expected at the time."""
    settled: bool = False
    """Whether enough was learned by then for its label to tell of drift."""

    @property
    def chance(self) -> float:
        """The probability with which it was explored."""
        return 1.0 if self.level is None else LEVELS[self.level]


class Plan(msgspec.Struct, frozen=True):
    """What to do at each shifted confidence until the next plan."""

    levels: tuple[int | None, ...]
    """By bin: index into LEVELS, or None: not servable."""
    wrong: tuple[float, ...]
    """By bin: probability of a wrong answer."""
    settled: bool = False
    """Whether enough labels were seen for a surprise to be called drift."""
    alarm: bool = False
    """Whether drift was found, so that old labels count less and more is tested."""
    adaptation: Adaptation = adaptation.UNTAUGHT
    """What labels taught of confidence."""


def adapted(plan: Plan, p: float, differing: Contrast) -> float:
    """Confidence of a candidate as the namespace's own labels have it. `differing`: `policy.adaptation.contrast`."""
    return 0.5 * (1.0 + math.tanh(0.5 * plan.adaptation.log_odds(logit(p), differing)))


def taught(plan: Plan, p: float, differing: Contrast, right: bool) -> dict[str, float]:
    """What to add to the counters for the label of a candidate, beside `labelled`; `p`: as `adapted` was given it."""
    return plan.adaptation.learned(logit(p), differing, right)


def decide(plan: Plan, p: float, evidence: Evidence | None, draw: float) -> Decision:
    """Serve or explore a candidate of confidence `p`; `draw` is uniform on [0, 1) and independent of everything."""
    at = bin_of(shifted(p, evidence))
    level = plan.levels[at]
    served = level is not None and draw >= LEVELS[level]
    action = Action.SERVE if served else Action.EXPLORE
    return Decision(action=action, bin=at, level=level, wrong=plan.wrong[at], settled=plan.settled)


def asked(decision: Decision | None) -> dict[str, float]:
    """What to add to the counters for a request (of all tiers); None: it had no semantic candidate."""
    deltas = {"n": 1.0}
    if decision is None:
        return deltas
    deltas[f"c{decision.bin}"] = 1.0
    if decision.level is not None:
        served = decision.action is Action.SERVE
        deltas[f"{'S' if served else 'A'}{decision.level}"] = 1.0
        if served:
            deltas[f"s{decision.bin}"] = 1.0
    return deltas


def labelled(decision: Decision, right: bool) -> dict[str, float]:
    """What to add to the counters for the label of an explored request."""
    deltas = {f"{'r' if right else 'x'}{decision.bin}": 1.0}
    if decision.level is not None:
        deltas[f"T{decision.level}"] = 1.0
        deltas[f"q{decision.bin}"] = 1.0
        if not right:
            deltas[f"V{decision.level}"] = 1.0
            deltas[f"v{decision.bin}"] = 1.0
    if decision.settled:
        believed = _odds_times(decision.wrong, TOLERANCE)
        for name, odds in zip(BETS, ODDS, strict=True):
            claimed = _odds_times(decision.wrong, TOLERANCE * odds)
            deltas[name] = math.log((1.0 - claimed) / (1.0 - believed) if right else claimed / believed)
    return deltas
