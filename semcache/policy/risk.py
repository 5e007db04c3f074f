"""Verified mode: serve a semantic candidate, or ask upstream and learn, so that a stated bound on wrong answers holds.

The bound is on the share of wrong answers among all requests of a namespace. What is unknown is how wrongness depends
on the confidence of a candidate, here and now. The parts, each in `docs/verified.md` with its assumptions and sources:

1. `adapted`: confidence, corrected by what the namespace's labels taught of it (`policy.adaptation`).
2. `Evidence`: what is known of one entry shifts the confidence of its candidates (a logistic random effect).
3. `Outlook`: how probable a wrong answer is at each shifted confidence: a Gaussian process over the confidence that
   starts from the calibration, on a level that drifts from epoch to epoch (logistic likelihood, Laplace approximation).
4. `plan`: the lowest confidence that may be served such that, with what was served already, the bound holds with high
   probability soon and later. Of what may be served a known share is explored all the same: these tests correct the
   account of what was served, whatever the model believes.
5. `certified` and `alarm`: betting bounds. The first rests on the coin alone, not on the model.

How to use it: `decide(plan, adapted(plan, p, contrast), evidence, draw)` for each candidate; `asked(decision)` is what
to add to the counters of the namespace for each request, `labelled(decision, right)` and `taught(plan, p, contrast,
right)` for each label, `witnessed(decision.wrong, right)` to those of the entries. About every second `plan(state,
bound)` anew from the counters.

All shared state is counters that are only ever added to, so replicas write at the same time without a lock. Pure: the
coin (`draw`) is an argument, and there is no clock: epochs are counted in requests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from semcache.policy import adaptation
from semcache.policy.adaptation import Adaptation, Contrast

Floats = NDArray[np.float64]

# --- the scale of confidence -----------------------------------------------------------------------------------------

STEP: Final = 0.25
"""Width of a bin of confidence, in logits."""
LOWEST: Final = -2.0
HIGHEST: Final = 8.0
BINS: Final = round((HIGHEST - LOWEST) / STEP) + 2
"""Bins of shifted confidence: one below LOWEST, one above HIGHEST."""
CENTRES: Final[Floats] = np.asarray(LOWEST + STEP * (np.arange(BINS) - 0.5), dtype=np.float64)

EPOCHS: Final = 16
"""Epochs that are told apart; what is older counts as one."""


def logit(p: float) -> float:
    """Log odds of a probability, cut off at about 1e-7 from both ends."""
    p = min(max(p, 1e-7), 1.0 - 1e-7)
    return math.log(p / (1.0 - p))


def bin_of(z: float) -> int:
    """The bin of a shifted confidence, in logits."""
    return min(max(int((z - LOWEST) // STEP) + 1, 0), BINS - 1)


# --- evidence of one entry -------------------------------------------------------------------------------------------

SPREAD: Final = 2.0
"""Prior variance, in logits squared, of how much more or less an entry deserves trust than its confidence says."""


FARTHEST: Final = 6.0
"""Most logits that an entry's evidence shifts."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What labels said of one entry. The fields are counters of the entry's own hash."""

    right: float = 0.0
    wrong: float = 0.0
    surprise: float = 0.0
    """Sum over its labels of (1 if right else 0) less the probability of right that was expected."""
    information: float = 0.0
    """Sum over its labels of expected p (1 - p)."""

    @property
    def shift(self) -> float:
        """Logits to add to the confidence of its candidates: one Newton step to the mode of a random effect."""
        step = SPREAD * self.surprise / (1.0 + SPREAD * self.information)
        return min(max(step, -FARTHEST), FARTHEST)


# --- what the operator wants -----------------------------------------------------------------------------------------


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's bound."""

    alpha: float
    """Most wrong answers, as a share of all requests of the namespace."""
    risk: float = 0.05
    """How probable it may be, by the model, that the bound does not hold."""

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0:
            raise ValueError(f"a bound is a share between 0 and 1, such as 0.01; not {self.alpha}")
        if not 0.0 < self.risk < 0.5:
            raise ValueError(f"a risk is a probability below one half, such as 0.05; not {self.risk}")


# --- shared state ----------------------------------------------------------------------------------------------------

LEVELS: Final = (0.64, 0.32, 0.16, 0.08, 0.04, 0.02)
"""Probabilities, one of which a servable candidate is explored with. Few, so that one counter a level says it all."""


def epoch_of(requests: float) -> int:
    """The epoch that a request belongs to, by the number of requests before it.

    64 requests at first; from 1,024 on 8 epochs to each doubling, until one has 4,096 requests.
    """
    count = max(int(requests), 0)
    if count < 1024:
        return count // 64
    doubling = min((count // 1024).bit_length() - 1, 5)
    return 16 + 8 * doubling + (count - (1024 << doubling)) // (128 << doubling)


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The shared counters as last read: of all time, and of the last `EPOCHS` epochs, newest last.

    Each delta that this module hands out is added to the hash of all time and to that of the current epoch. Absent
    hashes are empty. Values may be the store's strings.
    """

    total: Mapping[str, float | str] = {}
    epochs: Sequence[Mapping[str, float | str]] = ()

    @property
    def requests(self) -> float:
        """Requests so far, those without a candidate included."""
        return float(self.total.get("n", 0.0))

    @property
    def epoch(self) -> int:
        """Where what happens now is to be counted."""
        return epoch_of(self.requests)


class _Sums:
    """Counters of one hash as arrays."""

    __slots__ = ("bets", "bins", "levels", "requests", "taught")

    def __init__(self, fields: Mapping[str, float | str]) -> None:
        self.requests = 0.0
        self.bins: dict[str, Floats] = {kind: np.zeros(BINS) for kind in _BY_BIN}
        self.levels: dict[str, Floats] = {kind: np.zeros(len(LEVELS)) for kind in _BY_LEVEL}
        self.bets = np.zeros(len(_BETS))
        self.taught = adaptation.sums(fields)
        for name, value in fields.items():
            kind, number = name[:1], name[1:]
            if name == "n":
                self.requests = float(value)
            elif name and name in _BETS:
                self.bets[_BETS.index(name)] = float(value)
            elif kind in self.bins and number.isdigit() and int(number) < BINS:
                self.bins[kind][int(number)] = float(value)
            elif kind in self.levels and number.isdigit() and int(number) < len(LEVELS):
                self.levels[kind][int(number)] = float(value)


_BY_BIN: Final = "csrxqv"
"""By bin of confidence: candidates, served, labels that were right, labels that were wrong; of these labels: tests (of
candidates that were servable) and wrong ones among them."""
_BY_LEVEL: Final = "SATV"
"""By level of exploration: served; tested, that is explored though servable; tests that brought a label; wrong ones."""
_BETS: Final = "def"
"""Logarithms of what the bets of `alarm` on labels came to, one field a bet."""


# --- one request -----------------------------------------------------------------------------------------------------


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


def shifted(p: float, evidence: Evidence | None) -> float:
    """Confidence of a candidate with its entry's evidence, in logits. Of several candidates the highest is the best."""
    return logit(p) + (evidence.shift if evidence is not None else 0.0)


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
        for name, odds in zip(_BETS, ODDS, strict=True):
            claimed = _odds_times(decision.wrong, TOLERANCE * odds)
            deltas[name] = math.log((1.0 - claimed) / (1.0 - believed) if right else claimed / believed)
    return deltas


def witnessed(wrong: float, right: bool) -> dict[str, float]:
    """What to add to an entry's counters for a label on it; `wrong`: its expected probability.

    The label of an explored pair is evidence on both entries: the candidate's, and the one that the fresh answer makes.
    """
    return {
        "right" if right else "wrong": 1.0,
        "surprise": (1.0 if right else 0.0) - (1.0 - wrong),
        "information": wrong * (1.0 - wrong),
    }


# --- the model -------------------------------------------------------------------------------------------------------

OFFSET: Final = 1.5
"""Prior standard deviation, in logits, of the calibration's level."""
SLOPE: Final = 0.5
"""Prior standard deviation of the calibration's slope (1: as calibrated)."""
BEND: Final = 0.7
"""Prior standard deviation, in logits, of what neither level nor slope explains, ..."""
REACH: Final = 1.5
"""... which is alike for confidences so many logits apart."""
DRIFT: Final = 0.15
"""First guess of how far the level moves from epoch to epoch, in logits (standard deviation) ..."""
GUESSES: Final = 4.0
"""... and how many epochs that guess is worth."""


@lru_cache(maxsize=1)
def _shape() -> tuple[Floats, Floats]:
    """Prior mean (BINS,) and precision (BINS, BINS) of the log odds of a right answer by bin."""
    away = CENTRES - 3.0
    apart = CENTRES[:, None] - CENTRES[None, :]
    covariance = (
        OFFSET**2
        + SLOPE**2 * away[:, None] * away[None, :]
        + BEND**2 * np.exp(-0.5 * (apart / REACH) ** 2)
        + 1e-3 * np.eye(BINS)
    )
    return CENTRES.copy(), np.asarray(np.linalg.inv(covariance), dtype=np.float64)


class Outlook(msgspec.Struct, frozen=True):
    """What labels say of the log odds of a right answer: by bin (`shape`, as it is now), and by epoch (`levels`, less
    the newest's). All Gaussian.
    """

    shape: Any
    """(BINS,)"""
    levels: Any
    """(epochs,), the last 0"""
    covariance: Any
    """(BINS + epochs, BINS + epochs), of shape and levels"""
    drift: float
    """How far the level moves from epoch to epoch, in logits (standard deviation), as learned."""

    @property
    def wrong(self) -> Floats:
        """(BINS,) Probability of a wrong answer now, never higher at a higher confidence."""
        spread = np.diag(self.covariance)[:BINS] + self.drift**2
        return _falling(_mean_wrong(self.shape, spread), 1.0 / spread)

    @property
    def wrong_then(self) -> Floats:
        """(epochs, BINS) The same for each epoch, as known by now."""
        diagonal = np.diag(self.covariance)
        cross = self.covariance[BINS:, :BINS]
        spread = diagonal[None, :BINS] + diagonal[BINS:, None] + 2.0 * cross
        return _mean_wrong(self.shape[None, :] + self.levels[:, None], np.maximum(spread, 0.0))


def _mean_wrong(mean: Floats, variance: Floats) -> Floats:
    """Expectation of the logistic function of a Gaussian (MacKay's approximation)."""
    return 1.0 / (1.0 + np.exp(mean / np.sqrt(1.0 + math.pi / 8.0 * variance)))


def outlook(right: Floats, wrong: Floats) -> Outlook:
    """Learn from labels by epoch and bin: two arrays (epochs, BINS), newest epoch last.

    Model: log odds of right = shape[bin] + level[epoch]; the shape is a Gaussian process around the calibration; the
    level walks at random from epoch to epoch and is 0 in the newest. The mode is found by Newton's method (Laplace
    approximation), the walk's step by expectation and maximisation.
    """
    mean0, precision0 = _shape()
    epochs = len(right)
    size = BINS + epochs - 1
    count = right + wrong
    state = np.concatenate([mean0, np.zeros(epochs - 1)])
    drift2 = DRIFT**2
    walk = np.zeros((epochs, epochs))
    for at in range(epochs - 1):
        walk[at : at + 2, at : at + 2] += np.array([[1.0, -1.0], [-1.0, 1.0]])
    walk = walk[:-1, :-1]
    covariance: Floats = np.zeros((size, size))
    for _ in range(3):
        prior = np.zeros((size, size))
        prior[:BINS, :BINS] = precision0
        prior[BINS:, BINS:] = walk / drift2
        centre = np.concatenate([mean0, np.zeros(epochs - 1)])
        for _ in range(12):
            levels = np.append(state[BINS:], 0.0)
            chance = 1.0 / (1.0 + np.exp(-np.clip(state[None, :BINS] + levels[:, None], -30, 30)))
            pull = right - count * chance
            weight = count * chance * (1.0 - chance)
            gradient = np.concatenate([pull.sum(0), pull.sum(1)[:-1]]) - prior @ (state - centre)
            hessian = prior.copy()
            hessian[np.arange(BINS), np.arange(BINS)] += weight.sum(0)
            inner = np.arange(BINS, size)
            hessian[inner, inner] += weight.sum(1)[:-1]
            hessian[BINS:, :BINS] += weight[:-1]
            hessian[:BINS, BINS:] += weight[:-1].T
            step = np.linalg.solve(hessian, gradient)
            largest = float(np.abs(step).max())
            state = state + step * min(1.0, 2.0 / max(largest, 1e-9))
            if largest < 1e-3:
                break
        covariance = np.asarray(np.linalg.inv(hessian), dtype=np.float64)
        if epochs == 1:
            break
        levels = np.append(state[BINS:], 0.0)
        spread = np.zeros((epochs, epochs))
        spread[:-1, :-1] = covariance[BINS:, BINS:]
        steps = np.diff(levels) ** 2 + np.array(
            [spread[at, at] + spread[at + 1, at + 1] - 2 * spread[at, at + 1] for at in range(epochs - 1)]
        )
        drift2 = float((steps.sum() + GUESSES * DRIFT**2) / (epochs - 1 + GUESSES))
    padded = np.zeros((BINS + epochs, BINS + epochs))
    padded[:size, :size] = covariance
    return Outlook(state[:BINS], np.append(state[BINS:], 0.0), padded, math.sqrt(drift2))


def _falling(values: Floats, weights: Floats) -> Floats:
    """The nearest sequence that never rises (pool adjacent violators, weighted)."""
    blocks: list[list[float]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append([value, weight, 1.0])
        while len(blocks) > 1 and blocks[-1][0] > blocks[-2][0]:
            value1, weight1, size1 = blocks.pop()
            value0, weight0, size0 = blocks.pop()
            total = weight0 + weight1
            blocks.append([(value0 * weight0 + value1 * weight1) / total, total, size0 + size1])
    return np.concatenate([np.full(int(size), value) for value, _, size in blocks])


# --- the plan --------------------------------------------------------------------------------------------------------

TRUST: Final = 25.0
"""How many expected wrong answers the model's own account is worth against what tests find."""
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


class Account(msgspec.Struct, frozen=True):
    """What is believed of the wrong answers that were served, as of now."""

    mean: float
    """Expected number."""
    slope: Any
    """(BINS + epochs,) How it changes with the model's unknowns."""
    ratio: float
    """What tests found, over what the model expected of them; shrunk to 1."""
    doubt: float
    """Variance of the ratio."""


def _account(now: Outlook, epochs: Sequence[_Sums], which: slice = slice(None)) -> Account:
    """Of the served of some epochs; the ratio is of all."""
    then = now.wrong_then
    kept = np.zeros(len(epochs))
    kept[which] = 1.0
    served = np.array([one.bins["s"] for one in epochs]) * kept[:, None]
    tests = np.array([one.bins["q"] for one in epochs])
    found = float(sum(one.bins["v"].sum() for one in epochs))
    expected = float((tests * then).sum())
    steep = served * then * (1.0 - then)
    slope = np.concatenate([steep.sum(0), steep.sum(1)])
    ratio = (TRUST + found) / (TRUST + expected)
    return Account(float((served * then).sum()), slope, ratio, (TRUST + found) / (TRUST + expected) ** 2)


def _view(state: State) -> tuple[_Sums, list[_Sums]]:
    """The total, and the epochs; the first of these is all that is older than the others."""
    total = _Sums(state.total)
    epochs = [_Sums(fields) for fields in state.epochs[-EPOCHS:]] or [_Sums({})]
    older = _Sums({})
    older.requests = max(total.requests - sum(one.requests for one in epochs), 0.0)
    for kind in _BY_BIN:
        older.bins[kind] = np.maximum(total.bins[kind] - sum(one.bins[kind] for one in epochs), 0.0)
    older.taught = total.taught - sum((one.taught for one in epochs), np.zeros_like(total.taught))
    return total, [older, *epochs]


class _Reading(msgspec.Struct, frozen=True):
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
        relative = min(float(slope @ self.covariance @ slope) / mean**2, 4.0)
        ratio = self.past.ratio
        variance = (
            ratio**2 * mean**2 * math.expm1(relative)
            + (self.past.mean + blind * float(gain @ self.chance)) ** 2 * self.past.doubt
            + ratio * mean
        )
        upper = _upper(ratio * mean, variance, _normal(1.0 - bound.risk))
        # One half more: wrong answers are whole, the quantile is not.
        return upper <= math.floor(bound.alpha * max(self.requests + ahead, EARLY)) + 0.5

    def within(self, bound: Bound) -> bool:
        """Whether what is expected of the past is within the bound."""
        return self.past.ratio * self.past.mean <= bound.alpha * max(self.requests, EARLY)


def _read(state: State, bound: Bound, more: float = 1.0) -> _Reading:
    """Learn from the counters, as if they had become `more` times as many."""
    total, epochs = _view(state)
    drifted = _drifted(epochs)
    weight = np.array([FORGET if drifted is not None and at < drifted else 1.0 for at in range(len(epochs))])
    right = np.array([one.bins["r"] for one in epochs]) * weight[:, None] * more
    wrong = np.array([one.bins["x"] for one in epochs]) * weight[:, None] * more
    now = outlook(right, wrong)
    fading = 0.5 ** (np.arange(len(epochs))[::-1] / 4.0)
    seen = float(sum(w * one.requests for w, one in zip(fading, epochs, strict=True)))
    candidates = sum((w * one.bins["c"] for w, one in zip(fading, epochs, strict=True)), np.zeros(BINS))
    past, requests = _account(now, epochs), total.requests
    # Savings of more than EPOCHS epochs ago are not spent; debts are paid.
    if epochs[0].requests > 0.0 and _account(now, epochs, slice(0, 1)).mean <= bound.alpha * epochs[0].requests:
        past, requests = _account(now, epochs, slice(1, None)), requests - epochs[0].requests
    covariance = now.covariance.copy()
    covariance[:BINS, :BINS] += now.drift**2
    return _Reading(
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
    seen = _read(state, bound)
    return Plan(
        _levels(seen, bound),
        tuple(map(float, seen.chance)),
        seen.labels >= SETTLED,
        seen.alarm,
        adaptation.adaptation(seen.taught),
    )


def _levels(seen: _Reading, bound: Bound) -> tuple[int | None, ...]:
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


def _upper(mean: float, variance: float, deviation: float) -> float:
    """Upper quantile of a count of such moments: a gamma's, by Wilson and Hilferty (1931)."""
    if mean <= 0.0:
        return 0.0
    shape = mean * mean / variance
    root = 1.0 - 1.0 / (9.0 * shape) + deviation / (3.0 * math.sqrt(shape))
    return variance / mean * shape * max(root, 0.0) ** 3 if shape > 0.1 else 4.0 * math.sqrt(variance)


@lru_cache(maxsize=64)
def _normal(probability: float) -> float:
    """Quantile of the standard normal."""
    low, high = -10.0, 10.0
    while high - low > 1e-9:
        middle = (low + high) / 2.0
        if 0.5 * math.erfc(-middle / math.sqrt(2.0)) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


# --- what the operator sees ------------------------------------------------------------------------------------------

CONFIDENT: Final = 0.95
"""Probability with which what `report` calls certified holds, at all times together."""
_SPEEDS: Final = (0.2, 0.5, 0.8, 0.95, 0.99)
LASTING: Final = 1000.0
"""Epochs that pass on average between false alarms, at least."""
STEADY: Final = 0.8
"""Share of the steady hit rate that `labels_needed` counts up to."""
NEVER: Final = 1_000_000
"""Labels beyond which nobody waits."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How the bound stands."""

    requests: float
    served: float
    labels: float
    wrong: float
    """Share of wrong answers among all requests, as expected."""
    wrong_upper: float
    """What it is below by the model, with probability 1 - `Bound.risk`."""
    wrong_of_served: float
    """The share among the served, as expected."""
    certified: float
    """What the share among all requests is below whatever the model, the stream or the drift; far above `wrong_upper`
    until there were many tests."""
    holds: bool
    """Whether `wrong_upper` is within the bound."""
    alarm: bool
    labels_needed: int | None


def report(state: State, bound: Bound) -> Report:
    """How the bound stands, of all time."""
    total, epochs = _view(state)
    now = outlook(np.array([one.bins["r"] for one in epochs]), np.array([one.bins["x"] for one in epochs]))
    past = _account(now, epochs)
    served = float(total.bins["s"].sum())
    requests = max(total.requests, 1.0)
    mean = past.ratio * past.mean
    upper = 0.0
    if past.mean > 0.0:
        relative = min(float(past.slope @ now.covariance @ past.slope) / past.mean**2, 4.0)
        variance = mean**2 * math.expm1(relative) + past.mean**2 * past.doubt + mean
        upper = min(_upper(mean, variance, _normal(1.0 - bound.risk)), served)
    return Report(
        requests=total.requests,
        served=served,
        labels=float(total.bins["r"].sum() + total.bins["x"].sum()),
        wrong=min(mean, served) / requests,
        wrong_upper=upper / requests,
        wrong_of_served=min(mean / served, 1.0) if served else 0.0,
        certified=certified(state) / requests,
        holds=upper <= bound.alpha * max(requests, EARLY),
        alarm=_drifted(epochs) is not None,
        labels_needed=labels_needed(state, bound),
    )


def certified(state: State, confident: float = CONFIDENT) -> float:
    """Most wrong answers served so far, with probability `confident` for all times at once, assuming only a fair coin.

    Of the servable candidates whose answer is wrong each is tested with the level's probability c. So for any t in
    (0, 1) the product over them of (1 - t)^[tested] / (1 - t c) is a martingale: Ville's inequality bounds how many
    there were, and all but the tested were served. A test without a label counts as wrong.
    """
    levels = _Sums(state.total).levels
    fine = math.log(len(LEVELS) * len(_SPEEDS) / (1.0 - confident))
    most = 0.0
    for at, chance in enumerate(LEVELS):
        served = float(levels["S"][at])
        found = float(levels["V"][at] + max(levels["A"][at] - levels["T"][at], 0.0))
        bounds = [(fine - found * math.log1p(-speed)) / -math.log1p(-speed * chance) - found for speed in _SPEEDS]
        most += min(served, max(min(bounds), 0.0))
    return most


def alarm(state: State) -> bool:
    """Whether candidates have been wrong more often than expected since some epoch.

    An e-detector of Shiryaev and Roberts' kind over bets, placed with each label, that the odds of a wrong answer are
    some times those expected: on average no more than one false alarm in `LASTING` epochs, as long as the true odds
    stay below `TOLERANCE` times the expected.
    """
    return _drifted(_view(state)[1]) is not None


def _drifted(epochs: Sequence[_Sums]) -> int | None:
    """The epoch since when the bets have paid best, if they pay enough."""
    logs = np.array([one.bets for one in epochs[1:]])
    if not len(logs):
        return None
    since = np.cumsum(logs[::-1], axis=0)[::-1]
    if float(np.exp(np.minimum(since, 50.0)).mean(axis=1).sum()) < LASTING:
        return None
    return int(since.max(axis=1).argmax()) + 1


def labels_needed(state: State, bound: Bound) -> int | None:
    """How many more labels until `STEADY` of the steady hit rate may be served; None: more than anybody waits for.

    Steady is what could be served if the wrongness at each confidence were known to be as now expected. Supposes that
    further requests and labels are like those so far; before the first, that all labels will be right.
    """
    if state.requests < 1.0:
        return math.ceil(-math.log(bound.risk) / bound.alpha)
    seen = _read(state, bound)
    risky = np.cumsum((seen.share * seen.chance)[::-1])[::-1]
    steady = float(seen.share[risky <= bound.alpha].sum())
    labels = max(seen.labels, 1.0)
    further = 0.0
    while further <= NEVER:
        trial = seen if further == 0.0 else _read(state, bound, 1.0 + further / labels)
        levels = _levels(trial, bound)
        served = sum(
            float(share) * (1.0 - LEVELS[level])
            for share, level in zip(trial.share, levels, strict=True)
            if level is not None
        )
        if served >= STEADY * steady:
            return math.ceil(further)
        further = max(further * 1.25, 25.0)
    return None
