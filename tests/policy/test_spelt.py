"""Equal spellings: one form for each, and none for what differs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.policy.repeats import words
from semcache.policy.spelt import _HIGH, _LOW


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Is it open on Jan 5?", "is it open on January 5th"),
        ("the 5th of January", "5 January"),
        ("a table for two at 7 pm", "a table for 2 at 19:00"),
        ("midnight is 12 am", "midnight is 0:00"),
        ("half an hour past 12:15 p.m. sharp", "half an hour past 12:15 sharp"),
        ("to 50% of it", "to fifty percent of it"),
        ("the third man", "the 3rd man"),
        ("the eighteenth century", "the 18th century"),
        ("withdraw 20,000 now", "withdraw 20k now"),
        ("loop to 1_000_000", "loop to one million"),
        ("write one-thousand words", "write 1000 words"),
        ("one hundred and twenty-five thousand", "125,000"),
        ("cap it at 2 gigabytes", "cap it at 2GB"),
        ("it costs $35.00", "it costs 35 dollars"),
        ("order #4410", "order no. 4410"),
        ("a half-marathon", "a half marathon"),
        ("What is the GDP of the UAE?", "what is the gross domestic product of the United Arab Emirates"),
        ("dr Nowak on thu", "Doctor Nowak on Thursday"),
        ("can u do it w/o js", "can you do it without JavaScript"),
        ("a talk w/ my dept", "a talk with my department"),
        ("favourite colours, organised by theatre", "favorite colors, organized by theater"),
        ("centred, catalogued and realised", "centered, cataloged and realized"),
        ("a TV programme", "a TV program"),
        ("World War II", "wwii"),
        ("World War I", "WW1"),
        ("Who was Henry VIII", "who was henry 8"),
        ("type II diabetes", "type 2 diabetes"),
        ("in two weeks", "in 14 days"),
        ("within half an hour", "within thirty minutes"),
        ("bake at 350 F", "bake at 350 degrees Fahrenheit"),
        ("bake at 180°C", "bake at 180 celsius"),
        ("enable 2FA", "enable two-factor authentication"),
    ],
)
def test_equal_spellings_are_equal(a: str, b: str) -> None:
    assert words(a) == words(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("at 7 pm", "at 7 am"),
        ("at 12 pm", "at 12 am"),
        ("5 January", "5 June"),
        ("May 5", "Mar 5"),
        ("fifty percent", "fifteen percent"),
        ("one hundred", "one thousand"),
        ("two three", "5"),
        ("twenty thirty", "50"),
        ("the third man", "3 men"),
        ("$35", "€35"),
        ("£10", "10 lbs"),
        ("$3.50", "$350"),
        ("1.00 or 100", "1 or 1"),
        ("a second", "a 2nd"),
        ("tell us", "tell the US"),
        ("20k", "20"),
        ("route 66", "route 666"),
        ("World War I", "World War II"),
        ("part i know", "part 1 know"),
        ("in two weeks", "in 2 days"),
        ("350 F", "350 C"),
        ("vitamin c", "vitamin celsius"),
        ("how it is programmed", "how it is programd"),
    ],
)
def test_what_differs_stays_different(a: str, b: str) -> None:
    assert words(a) != words(b)


@given(st.integers(0, 10**9 - 1))
def test_numbers_in_words_are_read(number: int) -> None:
    assert words(f"about {_said(number)} of them") == ("about", str(number), "of", "them")


@given(st.text(max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    words(text)


def _said(number: int) -> str:
    low, tens = _LOW.split(), _HIGH.split()
    if number < 20:
        return low[number]
    if number < 100:
        return tens[number // 10 - 2] + (f"-{low[number % 10]}" if number % 10 else "")
    for scale, name in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= scale:
            return f"{_said(number // scale)} {name}" + (f" {_said(number % scale)}" if number % scale else "")
    raise AssertionError
