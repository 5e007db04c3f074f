"""A mistyped prompt as it was probably meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.policy.respelling import respelt

KNOWN = {"how": 90, "honest": 20, "are": 90, "you": 90, "quakes": 3, "quakers": 1, "who": 80, "the": 99, "what": 90}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("how ronest are you", "how honest are you"),
        ("How Honset are you?", "How honest are you?"),
        ("who are quakerss", "who are quakers"),
        ("who are quakeres", "who are quakers"),
        ("who are quakegs", "who are quakes"),  # the more common one; what it finds is judged by what was typed
        ("hwo ronest are you", "how honest are you"),
    ],
)
def test_a_word_that_is_none_becomes_the_most_common_one_beside_it(text: str, meant: str) -> None:
    assert respelt(text, KNOWN)[0] == meant


@pytest.mark.parametrize(
    "text",
    [
        "how honest are you",
        "how ronest.com are you",
        "how RONEST are you",
        "how x-ronest are you",
        "how zzzzzz are you",
        "hwo honset rae yuo",  # too many: another language, or a trade's
        "h9w are you",
        "hwo " + "are you " * 60,
        "",
    ],
)
def test_all_else_is_left_alone(text: str) -> None:
    assert respelt(text, KNOWN) == []


@given(st.text(max_size=60))
def test_what_is_respelt_differs(text: str) -> None:
    assert text not in respelt(text, KNOWN)


def test_further_readings_of_one_word_come_after_it() -> None:
    assert respelt("who are quakegs", KNOWN | {"quakeys": 2, "quakews": 1}) == [
        "who are quakes",
        "who are quakeys",
        "who are quakews",
    ]
