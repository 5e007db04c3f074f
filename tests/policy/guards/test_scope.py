"""Bounds before numbers, and those that a negator turns round."""

from __future__ import annotations

import pytest

from semcache.policy.guards import Force, Rules, compare, read

RULES = Rules.default()


def vetoed(a: str, b: str) -> bool:
    found = compare(read(a, RULES), read(b, RULES), RULES)
    return any(finding.force is Force.VETO and finding.guard == "quantifier" for finding in found)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("a laptop above $500", "a laptop, nothing below $500"),
        ("sum it up in at most 200 words", "sum it up without going over 200 words"),
    ],
)
def test_a_bound_that_is_denied_is_the_other_one(a: str, b: str) -> None:
    assert not vetoed(a, b)
    assert not vetoed(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("a laptop above $500", "a laptop below $500"),
        ("sum it up in at least 200 words", "sum it up without going over 200 words"),
        ("sum it up in at most 200 words", "sum it up in at least 200 words"),
    ],
)
def test_opposed_bounds_are_vetoed(a: str, b: str) -> None:
    assert vetoed(a, b)
    assert vetoed(b, a)
