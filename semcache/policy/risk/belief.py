"""What is believed of a number of wrong answers: Poisson's, with a lognormal rate."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

NODES: Final = 110
"""Equally probable values of the unknown rate that the mean is taken over; the 105th is the .95 quantile."""


class Belief:
    """A whole number whose rate has this `mean`, and a logarithm of variance `spread`.

    A lognormal's quantile is highest at the spread of the quantile squared (at .95 it is 3.9 times the mean), and falls
    beyond: so no more of the spread counts than that.
    """

    __slots__ = ("_probability", "_rates")

    def __init__(self, mean: float, spread: float, probability: float) -> None:
        """`probability`: of the quantile."""
        spread = min(spread, normal_quantile(probability) ** 2)
        deviation = math.sqrt(spread)
        self._probability = probability
        self._rates = [mean * math.exp(deviation * node - spread / 2.0) for node in _nodes()]

    def within(self, count: int) -> bool:
        """Whether the quantile is at most this."""
        whole = count + 1.0
        scale = 3.0 * math.sqrt(whole / 2.0)
        far = 1.0 / (9.0 * whole) - 1.0
        # Poisson's distribution by that of chi-square, Wilson and Hilferty (1931).
        chances = [0.5 * math.erfc(((rate / whole) ** (1 / 3) + far) * scale) for rate in self._rates]
        return sum(chances) / len(chances) >= self._probability

    def upper(self) -> int:
        """The quantile."""
        below, most = -1, 0
        while not self.within(most):
            below, most = most, 2 * most + 1
        while most - below > 1:
            middle = (below + most) // 2
            if self.within(middle):
                most = middle
            else:
                below = middle
        return most


@lru_cache(maxsize=1)
def _nodes() -> tuple[float, ...]:
    return tuple(normal_quantile((at + 0.5) / NODES) for at in range(NODES))


@lru_cache(maxsize=256)
def normal_quantile(probability: float) -> float:
    """Quantile of the standard normal."""
    low, high = -10.0, 10.0
    while high - low > 1e-9:
        middle = (low + high) / 2.0
        if 0.5 * math.erfc(-middle / math.sqrt(2.0)) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
