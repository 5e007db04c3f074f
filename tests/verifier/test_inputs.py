"""Inputs of the verifier."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.verifier.inputs import SEP, legible, pair_input

TOKENS = st.lists(st.integers(1000, 1004) | st.just(SEP), max_size=140)
"""Few kinds, so that prompts share some; a prompt may hold a separator, as text."""


def test_an_input_tells_whether_both_prompts_are_one() -> None:
    again, other, longer = pair_input([1, 2], [1, 2]), pair_input([1, 2], [2, 1]), pair_input([1, 2], [1, 2, 3])
    assert again is not None
    assert other is not None
    assert longer is not None
    assert again.says_nothing_new
    assert not other.says_nothing_new
    assert not longer.says_nothing_new


@given(first=TOKENS, second=TOKENS)
def test_swapped_is_the_input_of_the_swapped_prompts(first: list[int], second: list[int]) -> None:
    there, back = pair_input(first, second), pair_input(second, first)
    assert (there is None) == (back is None)
    if there is not None:
        assert there.swapped == back
        assert there.swapped.swapped == there


@pytest.mark.parametrize(
    ("first", "second", "told_apart"),
    [
        ([], ["😀"], True),
        ([], ["👍🏽", "💌"], True),
        (["😀"], ["😂"], False),
        (["猫"], ["狗"], False),
        ([], ["ⓢⓔⓝⓓ", "ⓑⓘⓣⓒⓞⓘⓝ"], False),
        ([], ["🅢🅔🅝🅓"], False),
        ([], ["🇫🇷"], False),
        ([], ["⠎⠢⠙"], False),
        (["Ⓐ"], ["ⓐ"], True),
    ],
)
def test_words_that_have_no_token_must_be_the_same_in_whatever_letters_they_are_drawn(
    first: list[str], second: list[str], *, told_apart: bool
) -> None:
    assert legible(first, second) is legible(second, first) is told_apart
