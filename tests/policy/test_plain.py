"""Prompts in plain words: what asks the same looks more alike, and no two words become one that are not."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.policy.plain import LONGEST, plain, plainly

KNOWN = frozenset({"cancel", "my", "appointment", "on", "wednesday", "angel", "angle", "an", "what", "is"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("What's the capital of the US?", "what is the capital of the united states?"),
        ("Hi there! Could you please tell me who won in '98? Thanks a lot", "who won in 1998?"),
        ("I can’t pay $1,000", "i can not pay 1000 dollars"),
        ("whats next & dont ask", "what is next and do not ask"),
        ("Is Dr. Nowak in at 6 pm?", "is doctor nowak in at 18:00?"),
        ("Tell us about them", "tell us about them"),
        ("THE CAT LOST ITS TAIL", "the cat lost its tail"),
        ("", ""),
    ],
)
def test_one_spelling_without_courtesies_in_lower_case(text: str, told: str) -> None:
    assert plain(text) == told


@given(st.text(st.sampled_from(string.ascii_letters + string.digits + " ,.?'&$%-"), max_size=120))
def test_capitals_say_nothing(text: str) -> None:
    assert plain(text.upper()) == plain(text.lower())


def test_a_slip_is_written_as_the_other_prompt_has_the_word() -> None:
    right = "cancel my appointment on wednesday"
    assert plainly("Cancel my apointment on Wendesday, please", right, KNOWN) == (right, right)
    assert plainly(right, "hi! cancel my apointment on wendesday", KNOWN) == (right, right)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("what is an angel", "what is an angle"),
        ("what is zyxwa", "what is zyxwb"),
        ("cancel my appointment", "cancel my appointment"),
    ],
)
def test_words_that_are_words_stay_and_so_do_those_that_nobody_knows(one: str, other: str) -> None:
    assert plainly(one, other, KNOWN) == (one, other)


def test_a_pair_with_a_long_prompt_is_read_as_it_is() -> None:
    long = "Hi! " + "word " * (LONGEST // 5)
    assert plainly(long, "Thanks! WORD", KNOWN) == (long, "Thanks! WORD")
