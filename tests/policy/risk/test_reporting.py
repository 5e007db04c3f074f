"""What is told of a bound: what was served wrongly, whether it holds, and how many labels are still needed."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

from semcache.policy import risk
from semcache.policy.risk import Bound, State
from tests.policy.risk.world import World, off, run


def test_the_account_of_what_was_served_is_near_the_truth() -> None:
    ratios = []
    for seed in range(4):
        world = World(0.05, seed)
        run(world, 1500, off(-1.0), random.Random(50 + seed))
        told_ = risk.report(world.state, world.bound)
        assert told_.served == world.served
        assert told_.requests == 1500
        ratios.append(told_.wrong * world.requests / max(world.wrong, 1))
        assert told_.wrong_upper * world.requests >= world.wrong
        assert told_.wrong_of_served == pytest.approx(told_.wrong * world.requests / world.served)
    assert 0.6 < float(np.mean(ratios)) < 1.6


def test_a_bound_is_told_to_hold_where_no_label_was_ever_wrong() -> None:
    for alpha, requests in itertools.product((0.02, 0.05), (300, 1500)):
        world, rng = World(alpha, 1), random.Random(2)
        for _ in range(requests):
            world.ask(1.0 / (1.0 + math.exp(-rng.gauss(7.0, 1.0))) if rng.random() < 0.5 else None, True)
        told_ = risk.report(world.state, world.bound)
        assert world.served > 0
        assert told_.holds
        assert told_.wrong < told_.wrong_upper <= alpha


def test_a_bound_is_told_not_to_hold_where_tests_find_much_wrong() -> None:
    served = {"n": 500.0, "c36": 300.0, "s36": 200.0, "r36": 60.0, "x36": 40.0, "q36": 100.0, "v36": 40.0}
    told_ = risk.report(State(total=served, epochs=[served]), Bound(alpha=0.05))
    assert told_.wrong > 0.05
    assert not told_.holds


def test_the_upper_share_is_kept_where_the_truth_is_drawn_from_the_prior() -> None:
    above = untold = 0
    for seed in range(24):
        world, rng = World(0.05, seed), random.Random(1000 + seed)
        level, slope = rng.gauss(0.0, 1.5), 1.0 + rng.gauss(0.0, 0.5)
        for _ in range(400):
            z = rng.gauss(6.0, 1.0)
            right = rng.random() < 1.0 / (1.0 + math.exp(-(3.0 + slope * (z - 3.0) + level)))
            world.ask(1.0 / (1.0 + math.exp(-z)) if rng.random() < 0.6 else None, right)
        told_ = risk.report(world.state, world.bound)
        above += world.wrong > told_.wrong_upper * world.requests + 1e-9
        untold += not told_.holds
    assert above <= 2  # one in twenty may be
    assert untold <= 4


@pytest.mark.parametrize("requests", [0.0, 1.0, 5000.0])
def test_labels_needed_before_the_first_label_follow_the_rule_of_three(requests: float) -> None:
    state = State(total={"n": requests}, epochs=[{"n": requests}])
    assert risk.labels_needed(State(), Bound(alpha=0.01)) == 300
    assert risk.labels_needed(state, Bound(alpha=0.01)) == 300
    assert risk.labels_needed(state, Bound(alpha=0.005)) == 600


def test_labels_needed_fall_as_labels_come_and_a_tighter_bound_needs_more() -> None:
    world, rng = World(0.005, 3), random.Random(4)
    run(world, 80, off(0.0), rng)
    early = risk.labels_needed(world.state, world.bound)
    loose = risk.labels_needed(world.state, Bound(alpha=0.1))
    run(world, 3000, off(0.0), rng)
    late = risk.labels_needed(world.state, world.bound)
    assert early is not None
    assert loose is not None
    assert late is not None
    assert early > late
    assert early >= loose
    assert early > 0
