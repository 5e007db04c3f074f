"""Two operands in each other's places, in a sentence that is otherwise the same."""

from __future__ import annotations

import pytest

from semcache.policy.guards import Rules, read
from semcache.policy.guards.exchange import exchanged
from semcache.policy.guards.pair import Pair

RULES = Rules.default()


def told(a: str, b: str) -> str:
    return exchanged(Pair(read(a, RULES), read(b, RULES), RULES))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("can an owl hunt a crow", "can a crow hunt an owl"),
        ("can a barn owl hunt a crow", "can a crow hunt a barn owl"),
        ("is there a cure for boredom", "is there a boredom for cure"),
        ("divide owls by crows", "divide crows by owls"),
        ("sort owls ascending and crows descending", "sort owls descending and crows ascending"),
    ],
)
def test_what_a_verb_or_preposition_relates_is_told_apart(a: str, b: str) -> None:
    assert told(a, b)
    assert told(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("can an owl hunt a crow", "can an owl hunt a crow"),
        ("can an owl hunt a crow", "can a crow hunt a mouse"),
        ("do owls and crows fight", "do crows and owls fight"),
        ("is rice with beans good", "is beans with rice good"),
        ("is Vera dating Oleg", "is Oleg dating Vera"),
        ("a history of owls", "an owls of history"),
    ],
)
def test_what_may_change_places_is_not(a: str, b: str) -> None:
    assert told(a, b) == ""
    assert told(b, a) == ""
