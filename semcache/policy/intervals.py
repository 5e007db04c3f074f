"""Confidence bounds of a proportion, exact at small counts. Pure, standard library only.

Clopper & Pearson (1934): the bound is the rate at which what was seen, or less, would be as rare as 1 - level. Its
coverage is at least what it claims, for every rate and count; Wilson's (1927) is nearer on average and too short just
where a cache works: rates near zero, few or no errors (Brown, Cai & DasGupta 2001, section 4). Who promises "at most
1 % wrong" needs the promise kept, so the exact one is used, and its price is a few more labels.
"""

from __future__ import annotations

import math
from typing import Final

_STEPS: Final = 300
_TINY: Final = 1e-300


def upper(errors: float, count: float, level: float) -> float:
    """The rate that errors of count stay below with confidence `level` (one-sided); 1 where nothing was seen."""
    if count <= 0 or errors >= count:
        return 1.0
    return quantile(level, errors + 1.0, count - errors)


def lower(errors: float, count: float, level: float) -> float:
    """The rate that errors of count stay above with confidence `level` (one-sided)."""
    if count <= 0 or errors <= 0:
        return 0.0
    return quantile(1.0 - level, errors, count - errors + 1.0)


def needed(rate: float, target: float, level: float, *, most: int = 10_000_000) -> int | None:
    """Labels for which errors at `rate` would show to be at most `target`; None where no number would."""
    if rate >= target:
        return None
    low, high = 0, 1
    while upper(rate * high, high, level) > target:
        low, high = high, high * 2
        if high > most:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if upper(rate * middle, middle, level) > target:
            low = middle
        else:
            high = middle
    return high


def quantile(chance: float, a: float, b: float) -> float:
    """x at which the Beta(a, b) distribution function is `chance`; by bisection, to 1e-9."""
    low, high = 0.0, 1.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        if incomplete_beta(middle, a, b) < chance:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (NIST DLMF 8.17.22, Lentz's method)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - incomplete_beta(1.0 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    c, d = 1.0, 1.0 / _off_zero(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, _STEPS):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _off_zero(1.0 + step * d)
            c = _off_zero(1.0 + step / c)
            fraction *= d * c
        if abs(d * c - 1.0) < 1e-12:
            break
    return front * fraction / a


def _off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
