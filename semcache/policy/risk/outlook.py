"""How probable a wrong answer is at each shifted confidence, as labels say: a Gaussian process on a drifting level."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np

from semcache.policy.risk.scale import BINS, CENTRES, Floats

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


def outlook_of(right: Floats, wrong: Floats) -> Outlook:
    """Learn from labels by epoch and bin: two arrays (epochs, BINS), newest epoch last.

    Model: log odds of right = shape[bin] + level[epoch]; the shape is a Gaussian process around the calibration; the
    level walks at random from epoch to epoch and is 0 in the newest. The mode is found by Newton's method (Laplace
    approximation), the walk's step by expectation and maximisation.
    """
    mean, precision = _shape()
    epochs = len(right)
    size = BINS + epochs - 1
    centre = np.concatenate([mean, np.zeros(epochs - 1)])
    walk, drift2 = _walk(epochs), DRIFT**2
    state = centre
    for _ in range(3):
        prior = np.zeros((size, size))
        prior[:BINS, :BINS] = precision
        prior[BINS:, BINS:] = walk / drift2
        state, covariance = _mode(right, right + wrong, centre, prior, state)
        if epochs == 1:
            break
        drift2 = float((_moved(state, covariance) + GUESSES * DRIFT**2) / (epochs - 1 + GUESSES))
    padded = np.zeros((BINS + epochs, BINS + epochs))
    padded[:size, :size] = covariance
    return Outlook(state[:BINS], _levels(state), padded, math.sqrt(drift2))


def _levels(state: Floats) -> Floats:
    """(epochs,) from a state, which leaves out the newest."""
    return np.append(state[BINS:], 0.0)


def _walk(epochs: int) -> Floats:
    """(epochs - 1, epochs - 1) Precision of the levels of a walk with steps of variance 1."""
    walk = np.zeros((epochs, epochs))
    for at in range(epochs - 1):
        walk[at : at + 2, at : at + 2] += np.array([[1.0, -1.0], [-1.0, 1.0]])
    return walk[:-1, :-1]


def _mode(right: Floats, count: Floats, centre: Floats, prior: Floats, state: Floats) -> tuple[Floats, Floats]:
    """The most probable state and its covariance, by Newton's method from `state`; `prior`: its precision."""
    inner = np.arange(BINS, len(state))
    bins = np.arange(BINS)
    for _ in range(12):
        chance = 1.0 / (1.0 + np.exp(-np.clip(state[None, :BINS] + _levels(state)[:, None], -30, 30)))
        pull = right - count * chance
        weight = count * chance * (1.0 - chance)
        gradient = np.concatenate([pull.sum(0), pull.sum(1)[:-1]]) - prior @ (state - centre)
        hessian = prior.copy()
        hessian[bins, bins] += weight.sum(0)
        hessian[inner, inner] += weight.sum(1)[:-1]
        hessian[BINS:, :BINS] += weight[:-1]
        hessian[:BINS, BINS:] += weight[:-1].T
        step = np.linalg.solve(hessian, gradient)
        largest = float(np.abs(step).max())
        state = state + step * min(1.0, 2.0 / max(largest, 1e-9))
        if largest < 1e-3:
            break
    return state, np.asarray(np.linalg.inv(hessian), dtype=np.float64)


def _moved(state: Floats, covariance: Floats) -> float:
    """Expected sum of the squares of the levels' steps."""
    spread = np.zeros((len(state) - BINS + 1,) * 2)
    spread[:-1, :-1] = covariance[BINS:, BINS:]
    own, next_to = np.diag(spread), np.diag(spread, 1)
    return float((np.diff(_levels(state)) ** 2 + own[:-1] + own[1:] - 2.0 * next_to).sum())


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
