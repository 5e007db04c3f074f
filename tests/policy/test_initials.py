"""Which words an abbreviation is made of."""

from __future__ import annotations

import pytest

from semcache.policy.initials import spelt_out


@pytest.mark.parametrize(
    ("short", "words", "count"),
    [
        ("apr", "annual percentage rate on the card", 3),
        ("ml", "machine learning", 2),
        ("dod", "department of defense budget", 3),
        ("dj", "department of justice", 3),
        ("boa", "bank of america", 3),
        ("eta", "estimated time of arrival", 4),
        ("apis", "application programming interfaces", 3),
        ("apis", "application programming interface", 0),
        ("apr", "annual percentage", 0),
        ("apr", "a p r", 0),
        ("a", "apple", 0),
        ("s", "", 0),
        ("r2d", "red 2 door", 0),
        ("abcdefg", "a b c d e f g", 0),
    ],
)
def test_the_words_it_stands_for_are_counted(short: str, words: str, count: int) -> None:
    assert spelt_out(short, words.split()) == count
