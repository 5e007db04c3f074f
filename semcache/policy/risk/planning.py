"""The lowest confidence that may be served such that the bound holds, with what was served already, soon and later."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
import numpy as np

from semcache.policy import adaptation
from semcache.policy.risk.account import Account, account
from semcache.policy.risk.belief import Belief
from semcache.policy.risk.bound import Bound
from semcache.policy.risk.counters import LEVELS, State, view
from semcache.policy.risk.decision import SETTLED, Plan
from semcache.policy.risk.drift import drifted_since
from semcache.policy.risk.outlook import outlook_of
from semcache.policy.risk.scale import BINS, Floats

FIRST: Final = 30
"""Labels before which nothing is served: until then nothing is known of where candidates lie."""
EARLY: Final = 500
"""Requests before which the bound is held as if they were so many."""
FLOOR: Final = 0.02
"""Least probability of a test."""
TESTS: Final = 0.25
"""A test's probability is at least this over the number of wrong answers that the bound has allowed so far ..."""
MOST_TESTS: Final = 0.32
"""... but no more than this, ..."""
CURIOUS: Final = 1.0
"""... and at least so many times the probability of a wrong answer: the less sure, the cheaper and the more telling."""
NEAR: Final = 0.25
FAR: Final = 1.0
"""The bound has to hold after so many times the requests so far, as well."""
SOON: Final = 64.0
"""... and of so many requests."""
HASTE: Final = 1.25
"""Most wrong answers a request that are planned with, in bounds: savings are not spent on poor candidates."""
HARBOUR: Final = 0.1
"""What adds less than so much of the bound is served even where the margin is used up, but not what is expected."""
BLIND: Final = 64.0
"""Requests (or an eighth of those so far) for which errors of the model add up before it will have learned better."""
FORGET: Final = 0.2
"""Weight of the labels before a drift."""


class Reading(msgspec.Struct, frozen=True):
    """What one reading of the state comes to."""

    requests: float
    """That count for the bound."""
    labels: float
    chance: Any
    """(BINS,) probability of a wrong answer now"""
    share: Any
    """(BINS,) candidates a request, lately"""
    covariance: Any
    past: Account
    alarm: bool
    taught: Any
    """Sums of `policy.adaptation`."""

    def holds(self, gain: Floats, ahead: float, bound: Bound) -> bool:
        """Whether the bound holds after `ahead` more requests of which shares `gain` (by bin) are served."""
        blind = min(ahead, max(BLIND, self.requests / 8.0))
        slope = self.past.slope.copy()
        slope[:BINS] += blind * gain * self.chance * (1.0 - self.chance)
        mean = self.past.mean + ahead * float(gain @ self.chance)
        if mean <= 0.0:
            return True
        relative = float(slope @ self.covariance @ slope) / mean**2
        ratio = self.past.ratio
        untested = (self.past.mean + blind * float(gain @ self.chance)) ** 2 * self.past.doubt / (ratio * mean) ** 2
        believed = Belief(ratio * mean, relative + math.log1p(untested), 1.0 - bound.risk)
        return believed.within(math.floor(bound.alpha * max(self.requests + ahead, EARLY)))

    def within(self, bound: Bound) -> bool:
        """Whether what is expected of the past is within the bound."""
        return self.past.ratio * self.past.mean <= bound.alpha * max(self.requests, EARLY)


def reading(state: State, bound: Bound, more: float = 1.0) -> Reading:
    """Learn from the counters, as if they had become `more` times as many."""
    total, epochs = view(state)
    drifted = drifted_since(epochs)
    weight = np.array([FORGET if drifted is not None and at < drifted else 1.0 for at in range(len(epochs))])
    right = np.array([one.bins["r"] for one in epochs]) * weight[:, None] * more
    wrong = np.array([one.bins["x"] for one in epochs]) * weight[:, None] * more
    now = outlook_of(right, wrong)
    fading = 0.5 ** (np.arange(len(epochs))[::-1] / 4.0)
    seen = float(sum(w * one.requests for w, one in zip(fading, epochs, strict=True)))
    candidates = sum((w * one.bins["c"] for w, one in zip(fading, epochs, strict=True)), np.zeros(BINS))
    past, requests = account(now, epochs), total.requests
    # Savings of more than EPOCHS epochs ago are not spent; debts are paid.
    if epochs[0].requests > 0.0 and account(now, epochs, slice(0, 1)).mean <= bound.alpha * epochs[0].requests:
        past, requests = account(now, epochs, slice(1, None)), requests - epochs[0].requests
    covariance = now.covariance.copy()
    covariance[:BINS, :BINS] += now.drift**2
    return Reading(
        requests * more,
        float(total.bins["r"].sum() + total.bins["x"].sum()) * more,
        now.wrong,
        (candidates + 0.05) / (seen + 1.0),
        covariance,
        past,
        drifted is not None,
        sum((w * one.taught for w, one in zip(weight, epochs, strict=True)), np.zeros_like(total.taught)),
    )


def plan(state: State, bound: Bound) -> Plan:
    """Which confidences may be served now."""
    seen = reading(state, bound)
    return Plan(
        levels_of(seen, bound),
        tuple(map(float, seen.chance)),
        seen.labels >= SETTLED,
        seen.alarm,
        adaptation.adaptation(seen.taught),
    )


def levels_of(seen: Reading, bound: Bound) -> tuple[int | None, ...]:
    """`Plan.levels` for a reading."""
    horizons = (SOON, max(SOON, seen.requests * NEAR), max(250.0, seen.requests * FAR))
    least = min(MOST_TESTS, max(FLOOR, TESTS / (bound.alpha * max(seen.requests, 100.0))))
    if seen.alarm:
        least = max(least, 0.16)
    wanted = [_level(max(least, CURIOUS * one)) for one in seen.chance]
    served = seen.share * np.array([1.0 - LEVELS[one] for one in wanted])
    bins = np.arange(BINS)

    def fits(gain: Floats) -> bool:
        slow = float(gain @ seen.chance) <= HASTE * bound.alpha
        return slow and all(seen.holds(gain, one, bound) for one in horizons)

    levels: list[int | None] = [None] * BINS
    if seen.labels < FIRST:
        return tuple(levels)
    # The lowest bin that may be served with all above it: the lower, the more is served, so halving finds it.
    low, high = 0, BINS
    while low < high:
        middle = (low + high) // 2
        if fits(np.where(bins >= middle, served, 0.0)):
            high = middle
        else:
            low = middle + 1
    if not seen.alarm and seen.within(bound):
        # The margin is used up and what is expected is not: what hardly adds to it is served all the same.
        adds = np.cumsum((served * seen.chance)[::-1])[::-1]
        low = min(low, int((adds > HARBOUR * bound.alpha).sum()))
    levels[low:] = wanted[low:]
    # Of the next one, part.
    if low > 0:
        for part in range(min(wanted[low - 1], 2) - 1, -1, -1):
            gain = np.where(bins >= low, served, 0.0)
            gain[low - 1] = seen.share[low - 1] * (1.0 - LEVELS[part])
            if fits(gain):
                levels[low - 1] = part
                break
    return tuple(levels)


def _level(chance: float) -> int:
    """The level nearest to a probability."""
    return min(range(len(LEVELS)), key=lambda at: abs(math.log(LEVELS[at] / chance)))
