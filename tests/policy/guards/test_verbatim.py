"""An edit inside a long text is seen; other words at the ends, and texts worded anew, are left to the vectors."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from semcache.policy.guards import END, edited_inside

_DRAW = random.Random(5)
_VOCABULARY = ["".join(_DRAW.choices("abcdefghijklmnoprstuw", k=6)) for _ in range(400)]


def text(seed: int, words: int = 600) -> list[str]:
    return random.Random(seed).choices(_VOCABULARY, k=words)


def joined(words: list[str]) -> str:
    return " ".join(words)


@given(st.integers(0, 50), st.integers(END, 600 - END - 1), st.sampled_from(["other", "7", "not", "ähnlich"]))
def test_one_word_inside_is_an_edit(seed: int, at: int, word: str) -> None:
    words = text(seed)
    edited = [*words[:at], word, *words[at + 1 :]]
    assert edited_inside(joined(words), joined(edited))
    assert edited_inside(joined(edited), joined(words))
    assert edited_inside(joined(words), joined([*words[:at], word, *words[at:]]))


@given(st.integers(0, 50), st.integers(END + 1, 600 - END - 12))
def test_words_that_change_places_inside_are_an_edit(seed: int, at: int) -> None:
    words = text(seed)
    words[at], words[at + 10] = "from", "to"
    swapped = list(words)
    swapped[at], swapped[at + 10] = "to", "from"
    assert edited_inside(joined(words), joined(swapped))


@given(st.integers(0, 50), st.integers(1, END - 10))
def test_another_question_at_an_end_is_for_the_vectors(seed: int, length: int) -> None:
    words = text(seed)
    one, two = ["which", "one"] * (length // 2), ["what", "else"] * (length // 2)
    assert not edited_inside(joined(words + one), joined(words + two))
    assert not edited_inside(joined(one + words), joined(two + words))


def test_other_texts_and_the_same_text_are_no_edits() -> None:
    assert not edited_inside(joined(text(1)), joined(text(1)))
    assert not edited_inside(joined(text(1)).upper(), joined(text(1)))
    assert not edited_inside(joined(text(1)), joined(text(2)))
    assert not edited_inside("", "")


def test_an_edit_beside_another_question_at_the_end_is_still_an_edit() -> None:
    words = text(3)
    edited = [*words[:300], "never", *words[300:]]
    assert edited_inside(joined([*words, "how", "much"]), joined([*edited, "which", "price"]))


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_two_texts_can_be_compared_either_way(a: str, b: str) -> None:
    assert edited_inside(a, b) == edited_inside(b, a)
