"""Confidence bounds: against tables and binomial sums, and that they keep what they promise."""

from __future__ import annotations

import math
import random

import pytest

from semcache.policy.intervals import incomplete_beta, lower, needed, quantile, upper


def tail(errors: int, count: int, rate: float) -> float:
    """Chance of at most `errors` of `count`, summed term by term."""
    return sum(math.comb(count, k) * rate**k * (1 - rate) ** (count - k) for k in range(errors + 1))


@pytest.mark.parametrize(("errors", "count"), [(0, 1), (0, 100), (1, 50), (5, 1000), (40, 41), (250, 500)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_a_bound_is_where_what_was_seen_becomes_rare(errors: int, count: int, level: float) -> None:
    assert tail(errors, count, upper(errors, count, level)) == pytest.approx(1 - level, abs=1e-6)
    if errors:
        assert 1 - tail(errors - 1, count, lower(errors, count, level)) == pytest.approx(1 - level, abs=1e-6)


def test_the_ends() -> None:
    assert (upper(0, 0, 0.95), upper(3, 3, 0.95), lower(0, 5, 0.95), lower(0, 0, 0.95)) == (1, 1, 0, 0)
    assert upper(0, 300, 0.95) == pytest.approx(1 - 0.05 ** (1 / 300))  # the "rule of three"


def test_the_promise_is_kept_at_rates_near_zero() -> None:
    rng, rate, kept, runs = random.Random(3), 0.01, 0, 2000
    for _ in range(runs):
        errors = sum(rng.random() < rate for _ in range(200))
        kept += upper(errors, 200, 0.95) >= rate
    assert kept / runs >= 0.94


def test_how_many_labels_are_needed() -> None:
    assert needed(0.0, 0.01, 0.95) == 299
    several = needed(0.005, 0.01, 0.95)
    assert several is not None
    assert upper(0.005 * several, several, 0.95) <= 0.01 < upper(0.005 * (several - 1), several - 1, 0.95)
    assert needed(0.02, 0.01, 0.95) is None
    assert needed(0.00999, 0.01, 0.95, most=1000) is None


def test_the_quantile_inverts_the_distribution_at_any_size() -> None:
    for a, b in ((1, 1), (0.5, 3.2), (30, 4000), (9000, 1e6)):
        assert incomplete_beta(quantile(0.3, a, b), a, b) == pytest.approx(0.3, abs=1e-5)
    assert (incomplete_beta(-1, 2, 2), incomplete_beta(2, 2, 2)) == (0, 1)
