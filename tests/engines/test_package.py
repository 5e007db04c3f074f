"""What is a word: an English dictionary, the vocabulary of the packaged model, and terms of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from semcache.engines import package
from semcache.policy.repeats import Repeat, repeat

TERMS = Path(package.__file__).with_name("terms.txt").read_text(encoding="ascii").splitlines()


@pytest.mark.parametrize("word", ["mousse", "rabies", "delete", "capital", "kubernetes", "sudo"])
def test_right_words_are_known(word: str) -> None:
    assert word in package.words()


@pytest.mark.parametrize("word", ["recieve", "numbr", "weahter", "Password", "it's", "ab"])
def test_slips_are_not(word: str) -> None:
    assert word not in package.words()


def test_the_terms_are_plain_words_in_order_each_once() -> None:
    assert sorted(set(TERMS)) == TERMS
    assert all(term.isalpha() and term.isascii() and term.islower() and len(term) >= 3 for term in TERMS)
    assert package.words().keys() >= set(TERMS)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("what is sudo", "what is judo"),
        ("how do I edit cron", "how do I edit corn"),
        ("an easy chocolate mousse", "an easy chocolate mouse"),
        ("what helps against rabies", "what helps against babies"),
        ("what is nginx", "what is sphinx"),
        ("start redis again", "start redid again"),
    ],
)
def test_two_right_words_are_two_questions(a: str, b: str) -> None:
    assert repeat(a, b, package.words()) is Repeat.NO


@pytest.mark.parametrize(
    ("a", "b"), [("can you whitewash brick", "can you hitewash brick"), ("what is broth", "what is borth")]
)
def test_a_slip_is_the_same_question(a: str, b: str) -> None:
    assert repeat(a, b, package.words()) is Repeat.SURE
