"""Bounds before numbers, and those that a negator turns round."""

from __future__ import annotations

import pytest

from semcache.policy.guards import Force
from tests.policy.guards.told import told


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("a laptop above $500", "a laptop, nothing below $500"),
        ("sum it up in at most 200 words", "sum it up without going over 200 words"),
    ],
)
def test_a_bound_that_is_denied_is_the_other_one(a: str, b: str) -> None:
    assert told("quantifier", a, b) is not Force.VETO
    assert told("quantifier", b, a) is not Force.VETO


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("a laptop above $500", "a laptop below $500"),
        ("sum it up in at least 200 words", "sum it up without going over 200 words"),
        ("sum it up in at most 200 words", "sum it up in at least 200 words"),
    ],
)
def test_opposed_bounds_are_vetoed(a: str, b: str) -> None:
    assert told("quantifier", a, b) is Force.VETO
    assert told("quantifier", b, a) is Force.VETO
