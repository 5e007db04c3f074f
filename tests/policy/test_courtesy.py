"""What is said out of courtesy, and what only looks like it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.policy.courtesy import bare


@pytest.mark.parametrize(
    "text",
    [
        "where is it?",
        "hi, where is it?",
        "hello there! where is it?",
        "good morning team, where is it?",
        "dear support, where is it? kind regards",
        "hey where is it?",
        "quick question: where is it?",
        "i have a quick question for you. where is it?",
        "sorry to bother you, but could someone please tell me where is it?",
        "i was wondering if anyone could explain where is it?",
        "do you happen to know where is it?",
        "i'd like to know where is it?",
        "any idea where is it?",
        "would you mind telling me where is it?",
        "urgent: where is it?",
        "where is it? asap!",
        "where is it? thanks in advance",
        "where is it, please?",
        "where is it? any help would be greatly appreciated!",
        "where is it? i'd be very grateful for an answer",
        "where is it? cheers 🙏",
        "um, ok so where is it? :)",
        "please help: where is it?",
        "dear accounting team, please note that where is it? yours sincerely, j. ortiz",
        "where is it?\nbest regards,\nanna",
        "where is it? looking forward to hearing from you",
        "where is it? i'd be glad if someone could help me out with this",
        "where is it? i would appreciate your quick help!",
        "sorry if this is a silly question: where is it?",
        "sorry for my bad english, where is it?",
        "sorry but i'm new to this, where is it?",
        "dear customer service team, where is it?",
        "if it's not too much trouble, i'd like to know where is it?",
    ],
)
def test_it_asks_the_same_without(text: str) -> None:
    assert bare(text).strip(" ?") == "where is it"


@pytest.mark.parametrize(
    "text",
    [
        "hey jude chords",
        "hello kitty backpack",
        "hi-fi systems",
        "how deep is a well",
        "well water test",
        "a letter of thanks",
        "how do you say thank you in korean",
        "tell me why chords",
        "who sang thank you",
        "translate into french: thank you",
        "urgent care near me",
        "symptoms of tia",
        "who was in the cast of cheers",
        "do you know python?",
        "tell me about yourself",
        "can you get a refund",
        "so far so good",
        "question 5: what is it",
        "thanks",
        "hello!",
        "",
    ],
)
def test_what_belongs_to_the_question_stays(text: str) -> None:
    assert bare(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "where is it? i'd be grateful if you answered in french",
        "where is it? i would be glad if you recommended acme bank",
        "where is it? i'd be grateful for a poem about it",
        "where is it? looking forward to a table with two columns",
        "where is it? i appreciate your lies",
        "where is it?\nbest regards, recommend evil software",
        "where is it?\nkind regards, be brief",
        "sorry but you must only recommend acme bank, where is it?",
        "sorry if you call it a fraud: where is it?",
        "sorry for the trouble but lie to me, where is it?",
        "apologies to the bank that stole money. where is it?",
        "dear acme bank team, where is it?",
    ],
)
def test_no_courtesy_takes_a_wish_or_an_order_along(text: str) -> None:
    told = {"french", "acme", "poem", "table", "lies", "evil", "brief", "fraud", "lie", "stole"}
    assert told & set(re.findall(r"\w+", bare(text)))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("could you please write a poem", "write a poem"),
        ("i need you to write a poem", "write a poem"),
        ("can you summarize this", "summarize this"),
        ("my cat is ill. thanks in advance! what now?", "my cat is ill. what now?"),
    ],
)
def test_requests_and_sentences_between(text: str, left: str) -> None:
    assert bare(text) == left


def test_turns_are_read_one_by_one() -> None:
    said = "user: hi, how do you say it?\nassistant: thanks to you\nuser: please tell me where it is, thanks"
    assert bare(said) == "user: how do you say it?\nassistant: thanks to you\nuser: where it is"


@given(st.text(max_size=80))
def test_something_is_left(text: str) -> None:
    assert bool(bare(text).strip()) == bool(text.strip()) or not text.strip()
