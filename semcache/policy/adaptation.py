"""Adaptation: what a namespace's own labels teach about the confidence of its candidates.

The verifier was trained on other people's questions. How much its word, a shared vocabulary or a high cosine should
count differs from traffic to traffic: among questions to a database one other word is another answer, among greetings
it is none. So verified mode learns a logistic regression of "the candidate's answer is right" on the log odds of its
confidence and on how the two prompts differ (`contrast`), starting from the confidence alone.

Learned one label at a time, each linearised where it found the weights: the extended Kalman filter of a logistic
regression, equal to one Newton step a label. What it needs to know of all labels so far is two sums, of h x x^T and of
h x (w . x) + (y - q) x, so replicas add to the same counters without a lock, in any order. Pure.

Source: M. Opper, A Bayesian approach to on-line learning, 1998 (one step a label, of a Gaussian belief).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from operator import mul
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SIZE: Final = 5
"""Weights: of the constant, of the confidence's log odds, and of the three numbers of a `Contrast`."""
START: Final = (0.0, 1.0, 0.0, 0.0, 0.0)
"""Mean of the weights before there were labels: confidence is what it says it is."""
PRIOR: Final = (0.3, 0.2, 0.4, 0.4, 0.4)
"""Standard deviations of the weights before there were labels."""
LEAST: Final = 0.1
"""Least h of a label. A label that was thought certain, and came out otherwise, would else move the weights too far."""
WIDEST: Final = (1.0, 16.5, 8.0, 2.5, 8.0)
"""Beyond the inputs that `risk.logit` and `contrast` give: a label with such was made up."""

Contrast = tuple[float, float, float]
"""How two prompts differ: nearness by cosine, share of common words, number of differing words; all around 0, with
a spread of about 1."""

ALIKE: Final[Contrast] = (0.0, 0.0, 0.0)
"""Of prompts of which nothing is known."""

_words = re.compile(r"\w+").findall


def contrast(asked: str, cached: str, cosine: float) -> Contrast:
    """How two prompts differ.

    Nearness is -log(1.001 - cosine) - 2, the share that of words in both among words in either (each once, case aside),
    less a half, times 4, and the number that of words in only one, as log(1/2 + number) - 1.5.
    """
    ours, theirs = set(_words(asked.casefold())), set(_words(cached.casefold()))
    either, both = len(ours | theirs), len(ours & theirs)
    return (
        -math.log(max(1.001 - cosine, 0.001)) - 2.0,
        4.0 * (both / max(either, 1) - 0.5),
        min(math.log(0.5 + either - both) - 1.5, 8.0),
    )


class Adaptation(msgspec.Struct, frozen=True):
    """What is believed of the weights."""

    weights: tuple[float, ...]
    """SIZE of them."""

    def log_odds(self, z: float, differing: Contrast) -> float:
        """Of a right answer, for a candidate with a confidence of log odds `z`."""
        return _dot(self.weights, (1.0, z, *differing))

    def learned(self, z: float, differing: Contrast, right: bool) -> dict[str, float]:
        """What to add to the counters for a label; nothing where no candidate can have such inputs."""
        x = (1.0, z, *differing)
        if not all(abs(one) <= most for one, most in zip(x, WIDEST, strict=True)):  # NaN as well
            return {}
        believed = _dot(self.weights, x)
        chance = 0.5 * (1.0 + math.tanh(0.5 * believed))
        weight = max(chance * (1.0 - chance), LEAST)
        pull = weight * believed + float(right) - chance
        return {f"g{row}": pull * one for row, one in enumerate(x)} | {
            f"h{row}{column}": weight * x[row] * x[column] for row, column in _UPPER
        }


_UPPER: Final = tuple((row, column) for row in range(SIZE) for column in range(row, SIZE))
_NAMES: Final = (*(f"g{row}" for row in range(SIZE)), *(f"h{row}{column}" for row, column in _UPPER))
"""Fields of the counters: the sum of pulls, and the upper triangle of that of h x x^T."""


def sums(fields: Mapping[str, float | str]) -> Floats:
    """The counters of a hash, float64; to be added up over hashes."""
    return np.array([float(fields.get(name, 0.0)) for name in _NAMES])


def adaptation(counted: Floats) -> Adaptation:
    """What these counters teach."""
    curvature = np.zeros((SIZE, SIZE))
    curvature[np.triu_indices(SIZE)] = counted[SIZE:]
    curvature += np.triu(curvature, 1).T
    before = np.diag(1.0 / np.square(PRIOR))
    mean = np.linalg.solve(before + curvature, before @ START + counted[:SIZE])
    return Adaptation(tuple(mean.tolist()))


UNTAUGHT: Final = Adaptation(START)
"""Before the first label."""


def _dot(ones: Sequence[float], others: Sequence[float]) -> float:
    return math.fsum(map(mul, ones, others))
