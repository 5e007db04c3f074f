"""Near repeats: the same prompt but for its surface, and never one word for another."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.policy.repeats import Repeat, repeat

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
        ("warrensburg", "warresnburg", Repeat.CLOSE),
        ("marburg", "harburg", Repeat.NO),
        ("nitrate", "nitrite", Repeat.NO),
        ("ferrous", "ferric", Repeat.NO),
        ("hexane", "hexene", Repeat.NO),
        ("jensen", "jansson", Repeat.NO),
        ("katrin", "katrni", Repeat.CLOSE),
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


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        ("how do i resetmy password", "how do i reset my password", Repeat.SURE),  # a blank is missing
        ("reset my pass word", "reset my password", Repeat.SURE),
        ("wht's the capital", "what is the capital", Repeat.CLOSE),
        ("whta's the capital", "what is the capital", Repeat.SURE),
        ("my friend's house", "my friends house", Repeat.SURE),
        ("i dont open it", "I don't open it", Repeat.SAME),
        ("how do i gte it", "how do i get it", Repeat.CLOSE),
        ("how do i GTE it", "how do i get it", Repeat.NO),  # an abbreviation
        ("who is Katrni", "who is Katrin", Repeat.CLOSE),
        ("the house of Franse", "the house of France", Repeat.CLOSE),  # it may be a name
        ("the house of franse", "the house of france", Repeat.SURE),
        ("open every day", "open everyday", Repeat.CLOSE),  # all are words
        ("open it and go", "open it", Repeat.NO),
        ("is it open", "is it open now please", Repeat.NO),
    ],
)
def test_blanks_apostrophes_and_capitals(a: str, b: str, found: Repeat) -> None:
    known = KNOWN | {"get", "reset", "friends", "pass", "every", "day", "everyday"}
    assert repeat(a, b, known) is found
    assert repeat(b, a, known) is found


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        ("Without a house, can I open an account?", "Can I open an account without a house?", Repeat.CLOSE),
        ("I'd like to know what the capital of France is", "what is the capital of France", Repeat.CLOSE),
        ("what capital of France is", "what is capital of France", Repeat.NO),  # nobody asks indirectly
        ("what is a PIN for", "what is a personal identification number for", Repeat.SHORT),
        ("what is ML", "what is machine learning", Repeat.SHORT),
        ("what is ml", "what is machine learning", Repeat.NO),  # millilitres
        ("what is a pinn for", "what is a personal identification number for", Repeat.NO),
        ("what is a PIN", "what is a personal identification number for", Repeat.NO),
        ("Without a house, can I open an account?", "Can I open an account with a house?", Repeat.NO),
    ],
)
def test_order_and_initials(a: str, b: str, found: Repeat) -> None:
    assert repeat(a, b, KNOWN) is found
    assert repeat(b, a, KNOWN) is found


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("how to say hello in japanese", "how to say thank you in japanese"),
        ("a good evening routine for dry skin", "a good morning routine for dry skin"),
        ("how deep is a well", "how deep is a"),
        ("why am i so tired", "why am i tired"),
        ("hello kitty house", "kitty house"),
        ("translate into french: thank you", "translate into french: please"),
        ("can you swim", "swim"),
        ("do you know angel", "angel"),
        ("how do i buy it as soon as possible", "how do i buy it"),
        ("symptoms of tia", "symptoms of"),
        ("is land dear", "island dear"),
    ],
)
def test_words_of_courtesy_that_are_what_is_asked_about_are_none(a: str, b: str) -> None:
    assert repeat(a, b, KNOWN) is Repeat.NO


@given(st.text(max_size=60), st.text(max_size=60))
def test_it_is_symmetric(a: str, b: str) -> None:
    assert repeat(a, b, KNOWN) is repeat(b, a, KNOWN)
