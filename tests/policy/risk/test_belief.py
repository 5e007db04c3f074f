"""Quantiles of what is believed of a rate."""

from __future__ import annotations

import math

import pytest

from semcache.policy.risk.belief import Belief


@pytest.mark.parametrize(("mean", "most"), [(0.01, 0), (1.0, 3), (3.0, 6), (10.0, 15), (100.0, 117)])
def test_the_upper_quantile_of_a_known_rate_is_poissons(mean: float, most: int) -> None:
    assert Belief(mean, 0.0, 0.95).upper() == most


@pytest.mark.parametrize("spread", [0.1, 1.0, 2.7])
def test_the_upper_quantile_of_an_uncertain_rate_is_the_lognormals(spread: float) -> None:
    deviation = math.sqrt(spread)
    assert Belief(10_000.0, spread, 0.95).upper() == pytest.approx(
        10_000.0 * math.exp(1.6449 * deviation - spread / 2.0), rel=0.03
    )
    assert Belief(2.0, spread, 0.95).upper() <= 2.0 * 3.9 + 6.0
