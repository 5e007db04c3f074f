"""Slips of the keyboard, and words that only look like them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.policy.slips import Slip, distance, slip

WORDS = """
angel angle password tomorrow delivery receive weather river rive realtor phosphorus body island mother series tax taxes
curly cur wave wav waves map get eye transform house fair united cost costs
"""
KNOWN = frozenset(WORDS.split())


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("password", "passwrod"),
        ("password", "assword"),
        ("tomorrow", "tomorrov"),
        ("realtor", "realto"),  # no stem that a dictionary has
        ("phosphorus", "phosphoru"),
        ("island", "islan"),
        ("mother", "motheer"),
        ("body", "bodyy"),
        ("river", "riveer"),
        ("taxes", "taxs"),
        ("united", "uniited"),
        ("costs", "costd"),  # after no e a d is no ending
    ],
)
def test_a_letter_makes_a_word_that_is_none(right: str, wrong: str) -> None:
    assert slip(right, wrong, KNOWN) is Slip.SURE
    assert slip(wrong, right, KNOWN) is Slip.SURE


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("angel", "angle", Slip.NO),  # two words
        ("katrin", "karrin", Slip.LIKELY),  # none, in either spelling
        ("katrin", "katrni", Slip.CLOSE),
        ("karin", "karen", Slip.NO),
        ("weather", "weathers", Slip.NO),  # other forms of a word
        ("curly", "cury", Slip.NO),
        ("waves", "wavs", Slip.SURE),  # endings that say the same
        ("get", "gte", Slip.CLOSE),
        ("map", "mpa", Slip.NO),  # too like an abbreviation
        ("fair", "fai", Slip.CLOSE),
        ("get", "ge", Slip.NO),
        ("house", "h0use", Slip.NO),
        ("nitrate", "nitrite", Slip.NO),
        ("hypertension", "hypotension", Slip.NO),
    ],
)
def test_how_sure_it_is(one: str, other: str, found: Slip) -> None:
    assert slip(one, other, KNOWN) is found
    assert slip(other, one, KNOWN) is found


@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_distance_is_a_symmetric_distance(one: str, other: str) -> None:
    assert distance(one, other, 9) == distance(other, one, 9)
    assert (distance(one, other, 9) == 0) == (one == other)
    assert distance(one, other, 9) <= max(len(one), len(other))


@given(st.text("abcdes", max_size=8), st.text("abcdes", max_size=8), st.sets(st.text("abcdes", min_size=3, max_size=8)))
def test_it_is_symmetric(one: str, other: str, known: set[str]) -> None:
    assert slip(one, other, known) is slip(other, one, known)
