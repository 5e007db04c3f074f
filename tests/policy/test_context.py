"""Slips that make another word: what stands around it tells, or nothing does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.policy.context import is_slip
from semcache.policy.lexicon import Beside, Lexicon

COUNTED = "how far 133000000,how many 811000000,how may 8600000,to use 5600000000,countries in 250000000"
COUNTED += ",counties in 20000000,many countries 88000000,per day 690000000,be used 1000000000,zip code 430000000"
WORDS = {
    "far": 430_000, "fat": 30_000, "many": 950_000, "may": 927_000, "countries": 17_800, "counties": 1_440,
    "day": 930_000, "code": 71_000, "ode": 500, "used": 850_000, "sued": 5_400, "cat": 62_000, "rat": 33_000,
    "test": 127_000, "tets": 50, "flow": 9_000, "flew": 21_000, "use": 790_000, "ide": 0, "idea": 520_000, "sed": 0,
    "book": 176_000, "ebook": 0, "act": 170_000, "two": 950_000, "too": 1_800_000, "walk": 120_000, "walks": 20_000,
}  # fmt: skip
KNOWN = Lexicon(
    WORDS,
    terms=frozenset({"sed"}),
    beside=Beside(b"".join(sorted(line.encode() + b"\n" for line in COUNTED.split(",")))),
)


@pytest.mark.parametrize(
    ("right", "wrong", "before", "after", "words"),
    [
        ("code", "ode", "zip", "", 5),  # met beside its neighbour all the time, the other never
        ("used", "sued", "be", "to", 6),
        ("test", "tets", "", "", 3),  # hardly anybody writes it
        ("act", "aat", "dodd", "", 5),
        ("day", "dya", "per", "", 5),
    ],
)
def test_what_stands_around_a_word_tells(right: str, wrong: str, before: str, after: str, words: int) -> None:
    assert is_slip(right, wrong, before, after, words, KNOWN)
    assert is_slip(wrong, right, before, after, words, KNOWN)


@pytest.mark.parametrize(
    ("one", "other", "before", "after", "words"),
    [
        ("countries", "counties", "many", "in", 7),  # both are at home there
        ("cat", "rat", "pet", "eats", 12),
        ("flow", "flew", "", "", 12),
        ("far", "fat", "", "", 6),  # nothing stands there
        ("day", "dax", "per", "", 3),  # too few words around it for three letters
        ("use", "sed", "can", "in", 7),  # a term of a trade
        ("idea", "ide", "an", "for", 7),  # an abbreviation
        ("book", "ebook", "good", "", 6),  # another thing
        ("two", "too", "how", "", 6),  # each says something else
        ("walk", "walks", "", "", 12),  # another form
        ("test", "tset1", "", "", 9),
    ],
)
def test_two_words_that_may_both_be_meant_are_two(one: str, other: str, before: str, after: str, words: int) -> None:
    assert not is_slip(one, other, before, after, words, KNOWN)
    assert not is_slip(other, one, before, after, words, KNOWN)


LISTED = st.sampled_from([*WORDS, "aat", "dya", "tast", "zz", "zip", "how", "be", "in", ""])


@given(LISTED, LISTED, LISTED, LISTED, st.integers(1, 12))
def test_it_is_symmetric(one: str, other: str, before: str, after: str, words: int) -> None:
    assert is_slip(one, other, before, after, words, KNOWN) is is_slip(other, one, before, after, words, KNOWN)
