"""What stands on either side of a directed word, and whether it has changed sides."""

from __future__ import annotations

import pytest

from semcache.policy.guards import Rules, read
from semcache.policy.guards.pair import Pair
from semcache.policy.guards.relations import swapped, turned

RULES = Rules.default()


def sides(text: str) -> dict[str, tuple[set[str], set[str]]]:
    return {name: (set(one), set(other)) for name, (one, other) in read(text, RULES).relations.sides.items()}


def pair(a: str, b: str) -> Pair:
    return Pair(read(a, RULES), read(b, RULES), RULES)


@pytest.mark.parametrize(
    ("text", "name", "one", "other"),
    [
        ("boats from Oslo to Turku", "way", {"oslo"}, {"turku"}),
        ("boats to Turku from Oslo", "way", {"oslo"}, {"turku"}),
        ("boats from Oslo", "way", {"oslo"}, set()),
        ("is soup before salad rude", "time", {"soup"}, {"salad", "rud"}),
        ("is salad after soup", "time", {"soup"}, {"salad"}),
        ("buses leaving Oslo and arriving in Turku", "way", {"oslo"}, {"turku"}),
        ("flights between Oslo and Turku", "between", {"oslo"}, {"turku"}),
        ("rust causes leaks", "cause", {"rust"}, {"leak"}),
        ("leaks caused by rust", "cause", {"rust"}, {"leak"}),
        ("rust leads to leaks", "cause", {"rust"}, {"leak"}),
    ],
)
def test_operands_have_their_side(text: str, name: str, one: set[str], other: set[str]) -> None:
    assert sides(text)[name] == (one, other)


@pytest.mark.parametrize("text", ["a poem on rust", "who leads the band", "the difference between rust and mould"])
def test_most_prompts_have_no_relation(text: str) -> None:
    assert sides(text) == {}


@pytest.mark.parametrize(
    ("a", "b", "name"),
    [
        ("boats from Oslo to Turku", "boats from Turku to Oslo", "way"),
        ("boats from Oslo", "boats to Oslo", "way"),
        ("is salad before soup", "is salad after soup", "time"),
        ("boats from Oslo to Turku", "boats to Turku from Oslo", ""),
        ("does rust cause leaks", "are leaks caused by rust", ""),
        ("explain rust to a child", "the child wants to know what rust is", ""),
        ("a list for men what to take along", "what to take along, men's list", ""),
        ("what is the best before date of jam", "the date behind best before on jam", ""),
        ("return an oar 60 days after I bought it", "return after 60 days", ""),
        ("eat an hour before I run", "run an hour before I eat", "time"),
        ("my pupil wants to give the teacher a card", "the teacher wants to give my pupil a card", "way"),
    ],
)
def test_sides_that_are_swapped_are_named(a: str, b: str, name: str) -> None:
    assert swapped(pair(a, b)) == swapped(pair(b, a)) == name


def test_an_opposite_turns_the_order_round_again() -> None:
    assert turned(pair("are owls better than crows", "are crows worse than owls"))
    assert not turned(pair("are owls better than crows", "are crows better than owls"))
