"""Indentation: where it is meaning, and where it is surface."""

from __future__ import annotations

import pytest

from semcache.policy.indentation import indented_otherwise, is_indented, levels

INSIDE = "What does this print?\nfor i in range(3):\n    n += i\n    print(n)"
BEHIND = "What does this print?\nfor i in range(3):\n    n += i\nprint(n)"
NESTED = "if a:\n    if b:\n        c()\n    else:\n        d()"
OUTER = "if a:\n    if b:\n        c()\nelse:\n    d()"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (INSIDE, BEHIND),
        (INSIDE, BEHIND.replace("What does this print?", "What will be the output of this?")),
        (INSIDE, BEHIND.replace("    ", "\t")),
        (NESTED, OUTER),
        ("a:\n  - x: 1\n    y: 2", "a:\n  - x: 1\n  y: 2"),
    ],
)
def test_lines_that_stand_elsewhere_are_another_program(one: str, other: str) -> None:
    assert indented_otherwise(one, other)
    assert indented_otherwise(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (INSIDE, INSIDE.replace("    ", "  ")),
        (INSIDE, INSIDE.replace("    ", "\t") + "\n\n"),
        (INSIDE, INSIDE.replace("\n    ", "\n\n    ")),
        (INSIDE, INSIDE.replace("What does this print?", "What will be the output of this?")),
        (INSIDE, INSIDE.replace("    ", "")),
        (NESTED, NESTED.replace("c()", "e()")),
        ("How do I reset it?", "  how do I   reset it?\n"),
        ("list:\n - one\n - two", "list:\n   - one\n   - two"),
        ("", ""),
    ],
)
def test_width_and_words_are_not_indentation(one: str, other: str) -> None:
    assert not indented_otherwise(one, other)
    assert not indented_otherwise(other, one)


def test_levels_count_from_the_outermost() -> None:
    assert levels(NESTED) == [1, 2, 3, 2, 3]
    assert levels("\n\nx\n") == [1]
    assert not is_indented("  x\ny")
    assert is_indented("x\n\n  y")
