"""Doing ahead what a lookup will probably need."""

from __future__ import annotations

from semcache.policy.foresight import Foresight


def after(*found: bool) -> Foresight:
    foresight = Foresight()
    for one in found:
        foresight.saw(found=one)
    return foresight


def test_nothing_is_done_ahead_before_anything_is_known() -> None:
    assert not after().expects_nothing
    assert not after(*[False] * 10).expects_nothing


def test_lookups_that_find_nothing_by_their_letters_are_expected_to_go_on_so() -> None:
    assert after(*[False] * 40).expects_nothing
    assert after(*[False] * 60, True).expects_nothing


def test_one_answer_in_four_is_too_many() -> None:
    assert not after(*[False] * 40, *[True, False, False, False] * 20).expects_nothing


def test_after_answers_it_takes_some_thirty_lookups_without_one() -> None:
    assert not after(*[False] * 100, *[True] * 100, *[False] * 20).expects_nothing
    assert after(*[False] * 100, *[True] * 100, *[False] * 40).expects_nothing
