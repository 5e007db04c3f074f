"""What is a word: an English dictionary, the vocabulary of the packaged model, and terms of our own."""

from __future__ import annotations

from pathlib import Path

import pytest
from spellchecker import SpellChecker

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


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("where do i find the zip code of my town", "where do i find the zip ode of my town"),
        ("how do i get rid of moss on a roof", "how do i get eid of moss on a roof"),
        ("how long is a whale", "how lond is a whale"),
    ],
)
def test_a_slip_that_makes_a_word_is_told_by_what_stands_around_it(a: str, b: str) -> None:
    assert repeat(a, b, package.words()) is Repeat.CLOSE


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("what is clinical trial data", "what is clinical trail data"),
        ("how many counties are in florida", "how many countries are in florida"),
        ("what is the meaning of sing", "what is the meaning of sign"),
        ("how do i measure an angle in a drawing", "how do i measure an angel in a drawing"),
        ("how far is the moon", "how fat is the moon"),  # "fat is" is not rare enough
        ("what should i buy my man for christmas", "what should i buy my mam for christmas"),
        ("how do i get an ide for my pc", "how do i get an idea for my pc"),
        ("Where does Mr. Martin live in the north", "Where does Mr. Martina live in the north"),
        ("what may i feed a cat that is old", "what may i feed a rat that is old"),
    ],
)
def test_two_words_that_may_both_be_meant_are_two_questions(a: str, b: str) -> None:
    assert repeat(a, b, package.words()) is Repeat.NO


def test_pairs_of_words_are_counted() -> None:
    beside = package.words().beside
    assert beside.count("how", "far") > 100_000_000
    assert beside.count("how", "fat") == 0


def test_the_dictionary_and_the_vocabulary_are_what_their_libraries_make_of_the_files() -> None:
    vocabulary = package.tokenizer(package.model_dir() / "tokenizer.json").get_vocab()
    plain = {word for word in vocabulary if len(word) > 2 and word.isalpha() and word.isascii()}
    counted = {
        word: count
        for word, count in SpellChecker(language="en").word_frequency.dictionary.items()
        if len(word) > 2 and word.isalpha() and word.isascii()
    }
    assert package.words() == dict.fromkeys(plain | set(TERMS), 0) | counted


def test_a_dictionary_whose_file_lies_elsewhere_is_read_by_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    known = package.words()
    monkeypatch.setattr(package, "_WORDS", "elsewhere.json.gz")
    assert package.words.__wrapped__() == known
