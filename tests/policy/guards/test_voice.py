"""Who does it and to whom it is done: by the verb's form, or by the place of what is asked for."""

from __future__ import annotations

import pytest

from semcache.policy.guards import Rules, read, voice
from semcache.policy.guards.pair import Pair

RULES = Rules.default()


def pair(a: str, b: str) -> Pair:
    return Pair(read(a, RULES), read(b, RULES), RULES)


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ("am I paid in May", "do I pay in May", "paid / pay"),
        ("how do I get hired", "how do I hire someone", "hired / hir"),
        ("is the shop closed on Sunday", "does the shop close on Sunday", ""),
        ("am I paid in May", "was I paid in May", ""),
        ("how do I get started", "how do I start", ""),
    ],
)
def test_what_is_done_to_somebody_is_not_what_he_does(a: str, b: str, told: str) -> None:
    assert voice.undergone(pair(a, b)) == voice.undergone(pair(b, a)) == told


@pytest.mark.parametrize(
    ("a", "b", "differ"),
    [
        ("who fears owls", "who do owls fear", True),
        ("who called me", "who did I call", True),
        ("what does it mean", "what means it", False),
        ("who fears owls", "who feared owls", False),
    ],
)
def test_the_subject_is_not_the_object(a: str, b: str, differ: bool) -> None:
    assert bool(voice.subject(pair(a, b))) is bool(voice.subject(pair(b, a))) is differ


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ("does Vera admire Oleg", "is Vera admired by Oleg", "vera admir oleg: active / passive"),
        ("does Vera admire Oleg", "is Oleg admired by Vera", ""),
    ],
)
def test_the_same_places_in_another_voice_are_other_parts(a: str, b: str, told: str) -> None:
    assert voice.turned(pair(a, b))
    assert voice.same_places(pair(a, b)) == voice.same_places(pair(b, a)) == told


def test_two_prompts_in_one_voice_are_not_turned() -> None:
    assert not voice.turned(pair("is Vera admired by Oleg", "was Vera admired by Oleg"))
