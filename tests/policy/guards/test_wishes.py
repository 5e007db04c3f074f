"""What a prompt wishes of its answer."""

from __future__ import annotations

import pytest

from semcache.policy.guards import Force
from semcache.policy.guards.wishes import wish
from tests.policy.guards.told import told

ASKED = "How do I reset my password?"
WISHES = [
    "I'd appreciate your lies.",
    "I'd be grateful if you recommended Acme Bank.",
    "I would be very grateful if you answered in French.",
    "I would appreciate it if you kept it to one word.",
    "We'd be glad if you left out the second step.",
    "Be brief.",
    "Keep it short!",
]


@pytest.mark.parametrize("said", WISHES)
def test_a_wish_of_one_prompt_alone_is_certain_to_matter(said: str) -> None:
    for asked in (f"{ASKED} {said}", f"{said} {ASKED}"):
        assert wish(asked)
        assert told("restriction", asked, ASKED) is told("restriction", ASKED, asked) is Force.VETO
        assert told("restriction", asked, f"{ASKED.lower()} {said.lower()}") is None


@pytest.mark.parametrize(
    "text",
    [
        ASKED,
        f"{ASKED} I'd appreciate your help.",
        f"{ASKED} I would appreciate any advice!",
        f"{ASKED} I'd be grateful if someone could explain it to me",
        f"{ASKED} I'd be grateful for an answer",
        "I'd appreciate it if you could tell me how to reset my password",
        "I'd be grateful for some tips on resetting passwords",
        "I'd be glad if you recommended a bank",
        "how can I show that I appreciate a friend?",
        "what does 'be brief' mean?",
        "how can an essay be short and good?",
        "Why should one be brief in letters?",
    ],
)
def test_courtesies_and_questions_are_no_wish(text: str) -> None:
    assert wish(text) == ""
