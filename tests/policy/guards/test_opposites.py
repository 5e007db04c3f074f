"""Opposites that turn nothing round, since something else in the prompt is turned too."""

from __future__ import annotations

import pytest

from semcache.policy.guards import Force
from tests.policy.guards.told import told


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("how do I unlock a note", "remove the lock from a note"),
        ("unarchive a channel", "how do I restore an archived channel"),
        ("unblock the sink", "the sink is blocked"),
        ("smaller icons on my desktop", "the icons on my desktop are too big"),
        ("how do I lower the chlorine in my pool", "chlorine in my pool too high"),
        ("are owls slower flyers than crows", "do crows fly faster than owls"),
        ("is an owl smaller than a crow", "crow or owl, which is larger"),
    ],
)
def test_what_is_turned_round_twice_is_at_most_doubted(a: str, b: str) -> None:
    assert told("antonym", a, b) is not Force.VETO
    assert told("antonym", b, a) is not Force.VETO


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("how do I unlock a note", "how do I lock a note"),
        ("where is the uncompressed file", "where is the compressed file"),
        ("the icons on my desktop are too small", "the icons on my desktop are too big"),
        ("smaller icons on my desktop", "bigger icons on my desktop"),
        ("took the pill too early", "took the pill late"),
        ("is an owl smaller than a crow", "is an owl larger than a crow"),
        ("is tax included in the price", "is the price excluding tax"),
        ("20 more seats on the plan", "the plan with 20 fewer seats"),
    ],
)
def test_what_is_turned_round_once_is_vetoed(a: str, b: str) -> None:
    assert told("antonym", a, b) is Force.VETO
    assert told("antonym", b, a) is Force.VETO
