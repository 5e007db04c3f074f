"""The door: what is served, what is explored, and what is counted of each."""

from __future__ import annotations

import msgspec
import pytest

from semcache.policy import risk
from semcache.policy.risk import Action, Decision, Evidence
from tests.policy.risk.world import plan_of


def test_a_candidate_that_is_not_servable_is_explored_whatever_the_coin_says() -> None:
    decision = risk.decide(plan_of(None), 0.999, None, 0.999999)
    assert decision.action is Action.EXPLORE
    assert decision.chance == 1.0


@pytest.mark.parametrize("level", range(len(risk.LEVELS)))
def test_a_servable_candidate_is_explored_with_its_level_s_probability(level: int) -> None:
    chance = risk.LEVELS[level]
    plan = plan_of(level)
    assert risk.decide(plan, 0.9, None, chance - 1e-9).action is Action.EXPLORE
    assert risk.decide(plan, 0.9, None, chance).action is Action.SERVE
    assert risk.decide(plan, 0.9, None, 0.0).chance == chance


def test_what_is_counted_of_a_request() -> None:
    served = risk.decide(plan_of(2), 0.5, None, 0.9)
    tested = risk.decide(plan_of(2), 0.5, None, 0.0)
    free = risk.decide(plan_of(None), 0.5, None, 0.0)
    at = risk.bin_of(0.0)
    assert risk.asked(None) == {"n": 1.0}
    assert risk.asked(served) == {"n": 1.0, f"c{at}": 1.0, f"s{at}": 1.0, "S2": 1.0}
    assert risk.asked(tested) == {"n": 1.0, f"c{at}": 1.0, "A2": 1.0}
    assert risk.asked(free) == {"n": 1.0, f"c{at}": 1.0}
    assert risk.labelled(tested, True) == {f"r{at}": 1.0, "T2": 1.0, f"q{at}": 1.0}
    assert risk.labelled(tested, False) == {f"x{at}": 1.0, "T2": 1.0, f"q{at}": 1.0, "V2": 1.0, f"v{at}": 1.0}
    assert risk.labelled(free, False) == {f"x{at}": 1.0}


def test_a_decision_survives_the_wire() -> None:
    decision = risk.decide(plan_of(1), 0.93, Evidence(right=2.0, surprise=0.4, information=0.2), 0.0)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(decision), type=Decision) == decision
