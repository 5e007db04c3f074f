"""All parts together, on whole streams of which the truth is known."""

from __future__ import annotations

import random

import pytest

from tests.policy.risk.world import World, confidence, off, run


@pytest.mark.parametrize(("shift", "kept"), [(0.0, 0.7), (-1.5, 0.6)], ids=["calibrated", "overconfident"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_bound_holds_and_most_of_the_hits_are_kept(seed: int, shift: float, kept: float) -> None:
    alpha = 0.02
    world = World(alpha, seed)
    run(world, 2000, off(shift), random.Random(100 + seed))
    assert world.wrong <= alpha * world.requests
    # What a threshold that knows the truth serves: candidates of the highest confidence until the bound is used up.
    rng = random.Random(5)
    drawn = sorted((confidence(rng) for _ in range(20_000)), reverse=True)
    spent, best = 0.0, 0
    for p in drawn:
        spent += 1.0 - off(shift)(p)
        if spent > alpha * len(drawn) / 0.8:
            break
        best += 1
    assert world.served >= kept * 0.8 * best / len(drawn) * world.requests


def test_two_hundred_labels_are_enough_to_begin_with_at_two_percent() -> None:
    world, rng = World(0.02, 7), random.Random(8)
    while sum(value for name, value in world.total.items() if name[0] in "rx" and name != "n") < 200:
        run(world, 1, off(0.0), rng)
    before, at = world.served, world.requests
    run(world, 300, off(0.0), rng)
    soon = (world.served - before) / (world.requests - at)
    run(world, 1500, off(0.0), rng)
    before, at = world.served, world.requests
    run(world, 600, off(0.0), rng)
    assert soon >= 0.8 * (world.served - before) / (world.requests - at)
