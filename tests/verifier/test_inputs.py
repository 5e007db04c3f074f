"""Inputs of the verifier."""

from __future__ import annotations

from semcache.verifier.inputs import pair_input


def test_an_input_tells_whether_both_prompts_are_one() -> None:
    again, other, longer = pair_input([1, 2], [1, 2]), pair_input([1, 2], [2, 1]), pair_input([1, 2], [1, 2, 3])
    assert again is not None
    assert other is not None
    assert longer is not None
    assert again.says_nothing_new
    assert not other.says_nothing_new
    assert not longer.says_nothing_new
