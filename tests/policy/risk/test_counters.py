"""The counters that replicas share, and their epochs."""

from __future__ import annotations

import itertools
import random

import numpy as np

from semcache.policy import risk
from semcache.policy.risk import Bound, State
from tests.policy.risk.world import Fields, World, add, off, run


def test_the_order_in_which_replicas_add_does_not_matter_and_strings_are_read() -> None:
    one, other = World(0.02, seed=1), World(0.02, seed=2)
    run(one, 150, off(0.0), random.Random(1))
    run(other, 150, off(0.0), random.Random(2))
    there: Fields = {}
    back: Fields = {}
    for place, parts in ((there, (one.total, other.total)), (back, (other.total, one.total))):
        for part in parts:
            add(place, part)
    as_stored = {name: repr(value) for name, value in back.items()}
    first = risk.plan(State(total=there, epochs=[there]), Bound(alpha=0.02))
    assert first.levels == risk.plan(State(total=as_stored, epochs=[as_stored]), Bound(alpha=0.02)).levels
    assert State(total=as_stored).requests == 300


def test_unknown_fields_are_passed_over() -> None:
    """A newer replica may count more."""
    plain = {"n": 10.0, "c5": 3.0}
    odd = {**plain, "": 1.0, "zz": 1.0, "r999": 1.0, "S77": 1.0, "later": 2.0}
    assert risk.plan(State(total=odd, epochs=[odd]), Bound(alpha=0.1)) == risk.plan(
        State(total=plain, epochs=[plain]), Bound(alpha=0.1)
    )


def test_epochs_follow_each_other_and_grow_to_4096_requests() -> None:
    numbers = [risk.epoch_of(count) for count in range(60_000)]
    assert numbers[0] == 0
    assert {b - a for a, b in itertools.pairwise(numbers)} == {0, 1}
    lengths = np.bincount(numbers)
    assert lengths[0] == 64
    assert max(lengths) == 4096
    assert risk.epoch_of(1_000_000) - risk.epoch_of(1_000_000 - 4096) == 1
