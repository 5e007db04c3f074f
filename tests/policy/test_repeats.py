"""Near repeats: the same prompt but for its surface, and never one word for another."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.policy.repeats import Repeat, distance, is_slip, repeat

KNOWN = frozenset(
    re.findall(
        r"\w+",
        "how do i reset my password from form angel angle what is the capital of france enable disable two factor can "
        "not account buy bay open please weather street house houses delivery receive tomorrow",
    )
)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("How do I reset my password?", "how do i reset my pasword"),
        ("How do I reset my password?", "Hi, could you tell me how do I reset my password? Thanks a lot!"),
        ("What's the capital of France?", "what is the capital of france"),
        ("I can't open the account", "i cannot open account"),
        ("How do I reset my password?", "How can I reset my password?"),
        ("how to open an account", "How could we open an account?"),
        ("Send 2 letters", "send two letters"),
        ("It costs 1,000 euros", "it costs 1000 euros"),
        ("salt & pepper", "salt and pepper"),
        ("when will i recieve my delivery", "When will I receive my delivery?"),
        ("weather tomorrow", "weahter tomorow"),
    ],
)
def test_surface_is_no_difference(a: str, b: str) -> None:
    assert repeat(a, b, KNOWN) in (Repeat.SURE, Repeat.SAME)
    assert repeat(b, a, KNOWN) is repeat(a, b, KNOWN)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("enable two factor", "disable two factor"),
        ("what is an angel", "what is an angle"),
        ("from the house", "form the house"),
        ("a train at 15:30", "a train at 15:20"),
        ("is 5 > 3", "is 5 < 3"),
        ("who is Jon", "who is Jan"),
        ("can i open it", "can i not open it"),
        ("open the house", "open the houses"),
        ("move a to b", "move b to a"),
        ("C# list", "C list"),
        ("1.5 grams", "15 grams"),
        ("", ""),
        ("hello", "hi"),
        ("how can i reset my password", "how can you reset my password"),
        ("can i open it", "do i open it"),
    ],
)
def test_a_word_for_another_is_one(a: str, b: str) -> None:
    assert repeat(a, b, KNOWN) is Repeat.NO


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("cyclophosphamide", "cyclophosphtmide", Repeat.LIKELY),
        ("warrensburg", "warresnburg", Repeat.LIKELY),
        ("marburg", "harburg", Repeat.NO),
        ("nitrate", "nitrite", Repeat.NO),
        ("ferrous", "ferric", Repeat.NO),
        ("hexane", "hexene", Repeat.NO),
        ("jensen", "jansson", Repeat.NO),
        ("katrin", "katrni", Repeat.LIKELY),
        ("nokia", "nokai", Repeat.NO),
        ("tomorrow", "TOMORROW", Repeat.SAME),
        ("tomorrow", "tomorrov", Repeat.SURE),
        ("tomorrow", "tmorow", Repeat.NO),
        ("delivery", "delviry", Repeat.NO),
        ("password", "pasword", Repeat.SURE),
        ("receive", "deceive", Repeat.NO),
        ("weather", "weathers", Repeat.NO),
        ("please", "displease", Repeat.NO),
        ("macroeconomics", "microeconomics", Repeat.NO),
        ("hypertension", "hypotension", Repeat.NO),
        ("inflation", "deflation", Repeat.NO),
        ("transform", "transformer", Repeat.NO),
    ],
)
def test_a_letter_in_an_unknown_word_is_a_likely_slip_unless_it_tells_terms_apart(
    one: str, other: str, found: Repeat
) -> None:
    a, b = f"what is {one}", f"What is {other}?"
    assert repeat(a, b, KNOWN) is found
    assert repeat(b, a, KNOWN) is found


def test_two_words_of_which_both_or_none_are_known_are_no_slip() -> None:
    assert not is_slip("angel", "angle", KNOWN)
    assert not is_slip("katrin", "karrin", KNOWN)
    assert is_slip("password", "passwrod", KNOWN)


@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_distance_is_a_symmetric_distance(one: str, other: str) -> None:
    assert distance(one, other, 9) == distance(other, one, 9)
    assert (distance(one, other, 9) == 0) == (one == other)
    assert distance(one, other, 9) <= max(len(one), len(other))


@given(st.text(max_size=60), st.text(max_size=60))
def test_it_is_symmetric(a: str, b: str) -> None:
    assert repeat(a, b, KNOWN) is repeat(b, a, KNOWN)
