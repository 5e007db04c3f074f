"""The plan: what may be served."""

from __future__ import annotations

import random

from semcache.policy import risk
from semcache.policy.risk import Action, Bound, Decision, State
from tests.policy.risk.world import World, add, off, run, servable


def test_nothing_is_served_before_anything_is_known() -> None:
    assert servable(risk.plan(State(), Bound(alpha=0.05))) == 0


def test_a_tighter_bound_serves_less_and_never_a_lower_confidence_only() -> None:
    world = World(0.001)
    run(world, 1500, off(-1.0), random.Random(3))
    served = []
    for alpha in (0.002, 0.01, 0.05, 0.2):
        plan = risk.plan(world.state, Bound(alpha=alpha))
        served.append(servable(plan))
        open_ = [level is not None for level in plan.levels]
        assert open_ == sorted(open_)
    assert served == sorted(served)
    assert served[0] < served[-1]


def test_wrong_labels_stop_serving() -> None:
    world = World(0.02)
    run(world, 600, off(0.0), random.Random(4))
    assert servable(risk.plan(world.state, world.bound)) > 0
    bad = Decision(action=Action.EXPLORE, bin=risk.BINS - 5, level=2, wrong=0.001)
    for _ in range(60):
        world.add(risk.asked(bad))
        world.add(risk.labelled(bad, False))
    before, after = servable(world.plan), servable(risk.plan(world.state, world.bound))
    assert after < before


def test_what_hardly_adds_is_served_where_only_the_margin_is_used_up_and_nothing_where_more_is() -> None:
    """1,000 requests at 2 %: 20 wrong answers are allowed, and so many were expected of what was served."""
    top, poor = risk.bin_of(6.0), risk.bin_of(1.0)
    plans = []
    for served in (5.0, 45.0, 80.0):
        fields = {"n": 1000.0, f"c{top}": 500.0, f"r{top}": 500.0, f"c{poor}": 400.0, f"r{poor}": 200.0}
        fields |= {f"x{poor}": 130.0, f"s{poor}": served}
        plans.append(risk.plan(State(total=fields, epochs=[fields]), Bound(alpha=0.02)))
    easy, spent, over = plans
    assert servable(easy) >= servable(spent) > servable(over) == 0
    assert spent.levels[top] is not None
    assert spent.levels[poor] is None


def test_savings_of_long_ago_are_not_spent_but_debts_are_paid() -> None:
    """All served lately was as wrong as the bound allows; what was long before differs."""
    at = risk.bin_of(4.0)
    lately = {"n": 4000.0, f"c{at}": 2000.0, f"s{at}": 1900.0, f"r{at}": 1990.0, f"x{at}": 10.0}
    good = {"n": 100_000.0}
    bad = {"n": 100_000.0, f"c{at}": 90_000.0, f"s{at}": 90_000.0, f"x{at}": 4000.0, f"r{at}": 4000.0}
    plans = []
    for older in ({}, good, bad):
        total = dict(lately)
        add(total, older)
        epochs = [{}] * (risk.EPOCHS - 1) + [lately]
        plans.append(servable(risk.plan(State(total=total, epochs=epochs), Bound(alpha=0.02))))
    assert plans[1] == plans[0] > 0
    assert plans[2] == 0
