"""Words in another order: what has changed places around a joint, and how sure that is."""

from __future__ import annotations

import pytest

from semcache.policy.guards import Rules, read
from semcache.policy.guards.order import jointed, joints, plain, reordered, window
from semcache.policy.guards.pair import Pair

RULES = Rules.default()


def sure(a: str, b: str) -> bool | None:
    found = reordered(Pair(read(a, RULES), read(b, RULES), RULES))
    return None if found is None else found[0]


@pytest.mark.parametrize(
    ("one", "other", "found"), [("abcd", "acbd", (1, 3)), ("ab", "ba", (0, 2)), ("abab", "abba", (2, 4))]
)
def test_a_window_is_where_they_differ(one: str, other: str, found: tuple[int, int]) -> None:
    assert window(list(one), list(other)) == found


def test_plain_words_have_no_articles_and_one_form_of_an_auxiliary() -> None:
    assert plain(read("Does the owl have a nest", RULES).tokens) == plain(read("do owls have nests", RULES).tokens)


def test_jointed_words_are_content_and_joints() -> None:
    assert jointed(read("how do I turn pounds into kilos", RULES).tokens, joints(RULES)) == [
        "turn",
        "pound",
        "into",
        "kilo",
    ]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("turn pounds into kilos", "turn kilos into pounds", True),
        ("turn pounds into kilos", "turn pounds into kilos", None),
        ("compare owls and crows", "compare crows and owls", None),
        ("owls that crows hate", "crows that owls hate", False),
        ("who does this office report to", "to who does this office report", None),
    ],
)
def test_operands_on_other_sides_of_a_joint_are_told(a: str, b: str, expected: bool | None) -> None:
    assert sure(a, b) is sure(b, a) is expected
