"""Drift: an alarm where the world changed, none where it did not, and what was learned before it counts less."""

from __future__ import annotations

import random

from semcache.policy import risk
from semcache.policy.risk import Bound, State
from tests.policy.risk.world import Fields, World, add, off, plan_of, run, servable


def test_after_a_drift_what_was_learned_before_counts_a_fifth() -> None:
    """Bets that paid say that something changed; what the epochs since teach outweighs what those before did."""
    lessons = [Fields(), Fields()]
    for right, lesson in zip((True, False), lessons, strict=True):
        for _ in range(40):
            add(lesson, risk.taught(plan_of(None), 0.9, (0.0, 0.0, 2.0), right))
    add(lessons[0], {"d": -5.0, "e": -5.0, "f": -5.0})
    add(lessons[1], {"d": 30.0, "e": 30.0, "f": 30.0})
    total = Fields()
    for lesson in lessons:
        add(total, {"n": 64.0})
        add(total, lesson)
    unpaid = [lessons[0], {**lessons[1], "d": 0.0, "e": 0.0, "f": 0.0}]
    steady, drifted = (risk.plan(State(total=total, epochs=epochs), Bound(alpha=0.02)) for epochs in (unpaid, lessons))
    assert (steady.alarm, drifted.alarm) == (False, True)
    sure = [risk.adapted(plan, 0.9, (0.0, 0.0, 2.0)) for plan in (steady, drifted)]
    assert sure[1] < sure[0] < 0.9


def test_drift_raises_an_alarm_tightens_and_the_bound_still_holds() -> None:
    world, rng = World(0.05, 9), random.Random(10)
    run(world, 1200, off(1.0), rng)
    assert not world.alarmed
    before = servable(world.plan)
    run(world, 500, off(-4.0), rng)
    assert world.alarmed
    assert servable(world.plan) < before
    run(world, 800, off(-4.0), rng)
    assert world.wrong <= 0.05 * world.requests


def test_no_alarm_where_nothing_drifts() -> None:
    for seed in range(3):
        world = World(0.02, seed)
        run(world, 1500, off(-1.0), random.Random(seed))
        assert not world.alarmed
