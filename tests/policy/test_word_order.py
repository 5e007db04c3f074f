"""The same words in two orders that ask the same, and in others that do not."""

from __future__ import annotations

import pytest

from semcache.policy.word_order import asked_indirectly, settled


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ("without water, how long can a camel survive?", "how long can a camel survive without water"),
        ("in python, convert json to xml.", "convert json to xml in python"),
        ("if i cancel, do i get a refund?", "do i get a refund if i cancel"),
        ("when it rains, where do birds sleep?", "where do birds sleep when it rains"),
        ("for a rainy day with toddlers, give me five ideas", "give me five ideas for a rainy day with toddlers"),
    ],
)
def test_a_phrase_that_is_put_first_goes_to_the_end(text: str, usual: str) -> None:
    assert settled(text) == usual


@pytest.mark.parametrize(
    "text",
    [
        "when is easter, what is open?",  # two questions
        "in short, it is open",  # a statement
        "to be or not to be, that is the question",
        "in berlin, is the broker paid, and by whom?",
        "in berlin, is it open? and in rome?",
        "without water how long can a camel survive",
        "in python, jason converts",
    ],
)
def test_all_else_stays(text: str) -> None:
    assert settled(text) == text


@pytest.mark.parametrize(
    ("direct", "indirect", "found"),
    [
        ("what time is sunset in rome", "what time sunset is in rome", True),
        ("how old must i be to drive", "how old i must be to drive", True),
        ("who is it", "who it is", True),
        ("what is capital of france", "what capital of france is", True),
        ("what can you see from there", "what you can see from there", True),
        ("how many can people see", "how many people can see", False),
        ("which can dogs hear best", "which dogs can hear best", False),
        ("is it open", "it is open", False),  # a question, a statement
        ("what dog can see", "what can see dog", False),
        ("what eats a cat", "what a cat eats", False),
        ("why is the sky blue", "why is the sky blue", False),
        ("how far is a from b", "how far is b from a", False),
        ("what is it", "what it is not", False),
    ],
)
def test_indirect_questions_have_their_auxiliary_elsewhere(direct: str, indirect: str, found: bool) -> None:
    assert asked_indirectly(direct.split(), indirect.split()) is found
    assert not asked_indirectly(indirect.split(), direct.split())
