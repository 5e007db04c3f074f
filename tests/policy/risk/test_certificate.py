"""The certificate: it rests on the coin alone, so it holds against an adversary."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from semcache.policy import risk
from semcache.policy.risk import State
from tests.policy.risk.world import Fields, add


def coins(seed: int, level: int, requests: int, wrong: Callable[[int, int], bool]) -> tuple[float, bool]:
    """Servable candidates of one level, wrong as an adversary who sees past coins likes it: (certified share at the
    end, whether the certificate ever failed)."""
    rng = random.Random(seed)
    fields: Fields = {}
    served_wrong = caught = 0
    failed = False
    for number in range(requests):
        bad = wrong(number, caught)
        tested = rng.random() < risk.LEVELS[level]
        add(fields, {f"{'A' if tested else 'S'}{level}": 1.0})
        if tested:
            add(fields, {f"T{level}": 1.0, f"V{level}": float(bad)})
            caught += bad
        else:
            served_wrong += bad
        if number % 20 == 0:
            failed = failed or served_wrong > risk.certified(State(total=fields))
    return risk.certified(State(total=fields)) / requests, failed


@pytest.mark.parametrize(
    "wrong",
    [
        lambda number, caught: number % 20 == 0,
        lambda number, caught: number > 500,
        lambda number, caught: caught < 3,  # until it is caught three times
    ],
    ids=["steady", "all at once", "until caught"],
)
def test_the_certificate_holds_at_all_times_against_an_adversary(wrong: Callable[[int, int], bool]) -> None:
    failures = sum(coins(seed, 2, 800, wrong)[1] for seed in range(60))
    assert failures <= 3  # 5 % of 60


def test_the_certificate_is_not_empty() -> None:
    share, _ = coins(1, 2, 6000, lambda number, caught: number % 100 == 0)
    assert share < 0.03  # 0.0084 were served


def test_a_test_whose_label_is_lost_counts_as_wrong() -> None:
    known = {"S3": 5000.0, "A3": 400.0, "T3": 400.0}
    lost = {**known, "T3": 350.0}
    assert risk.certified(State(total=lost)) > 2 * risk.certified(State(total=known))
    assert risk.certified(State(total={"S3": 3.0})) == 3.0
    assert risk.certified(State()) == 0.0
