"""Every turn of a conversation is guarded, and an exact context is kept exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from semcache.models import CacheIdentity, CacheRequest, Candidate, Embedding, Entry, MissReason
from semcache.policy.conversation import MOST_STEPS, SHOWN_CHARS, Guard, Step, reworded, steps, to_judge, weakest
from semcache.policy.freshness import TtlRules
from semcache.policy.guards import Rules
from semcache.policy.identity import identify
from semcache.policy.matching import Shortlist, Terms, shortlist
from semcache.policy.normalize import Normalizer
from semcache.ports import Calibration, Draft, ManyRead
from semcache.stores.codec import stamped

NORMALIZER, TTL, RULES = Normalizer(), TtlRules.default(), Rules.default()
NOW = 1_000_000
SAME = Embedding("space", np.array([[1.0, 0.0]], np.float32), np.ones(1, np.float32))
FIRST = "How do I enable two factor authentication?"
LAST = "And on my phone?"


def who(first: str, last: str = LAST, said: str = "Open the settings.") -> CacheIdentity:
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": first},
        {"role": "assistant", "content": said},
        {"role": "user", "content": last},
    ]
    return identify(CacheRequest(messages=messages, model="m"), NORMALIZER, TTL, reworded=True)


def entry(identity: CacheIdentity, *, pinned: bool = False) -> Entry:
    draft = Draft(identity=identity, response=b'"a"', ttl_s=60.0, retain_s=0.0, pinned=pinned)
    return stamped(draft, created_ms=NOW - 1, expires_ms=NOW + 1, epoch=1)


def listed(asked: CacheIdentity, kept: Entry, *, exact: bool = False) -> Shortlist:
    """With a similarity of 1: whatever is left out is so for another reason."""
    read = ManyRead(now_ms=NOW, found={kept.entry_id: Candidate(kept, SAME)}, epochs={kept.entry_id: 1})
    terms = Terms(threshold=0.0, exact_context=exact)
    return shortlist(asked, SAME, [kept.entry_id], read, terms, RULES)


def test_a_reworded_turn_is_open_to_a_hit() -> None:
    found = listed(who("how can I enable two factor authentication"), entry(who(FIRST)))
    assert [one.similarity for one in found.open] == [1.0]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("How do I disable two factor authentication?", LAST),
        (FIRST, "And not on my phone?"),
        ("How do I enable two factor authentication for 3 users?", "And on my phone?"),
    ],
)
def test_a_veto_in_any_turn_is_a_veto(first: str, last: str) -> None:
    kept = who("How do I enable two factor authentication for 2 users?" if "3" in first else FIRST)
    found = listed(who(first, last), entry(kept))
    assert not found.open
    assert found.missed.reason is MissReason.GUARDED


def test_doubts_of_all_turns_are_told_once_a_guard() -> None:
    guard = Guard(who("Is Lyon in France?", "Is Oslo in Norway?"), RULES)
    one = guard.findings(entry(who("Is Lyon a large city in France?", "Is Oslo in Norway?")), long=False)
    both = guard.findings(entry(who("Is it in France?", "Is it in Norway?")), long=False)
    assert one is not None
    assert both is not None
    assert len({finding.guard for finding in both}) == len(both) > 0


def test_an_edit_inside_a_long_turn_is_seen() -> None:
    words = [f"word{number}" for number in range(300)]
    edited = [*words[:150], "other", *words[151:]]
    guard = Guard(who(" ".join(words)), None)
    assert guard.findings(entry(who(" ".join(words))), long=True) == ()
    assert guard.findings(entry(who(" ".join(edited))), long=True) is None


def test_conversations_that_do_not_align_are_no_pair() -> None:
    one = who(FIRST).transcript
    assert reworded(one, one) == []
    assert reworded(one, who(FIRST, said="Open the menu.").transcript) is None
    assert reworded(one, "") is None
    assert reworded(one, f"{one}\nuser: more") is None
    assert reworded(one, who("Other words").transcript) == [(FIRST, "Other words")]
    assert Guard(who(FIRST), None).findings(entry(who(FIRST, said="Open the menu.")), long=False) is None


def test_each_turn_that_differs_is_a_step_amid_what_surrounds_it() -> None:
    asked = "user: Who is Ada?\nassistant: A poet.\nuser: How old is she?\nassistant: 36.\nuser: And now?"
    assert steps(asked, asked.replace("How old is she?", "How old is Ada?")) == [
        Step(
            "user: Who is Ada?\nassistant: A poet.\nuser: How old is she?\nassistant: 36.",
            "user: Who is Ada?\nassistant: A poet.\nuser: How old is Ada?\nassistant: 36.",
        )
    ]
    # Nothing is judged of turns that are far away, and the conversation that asks is what surrounds both wordings.
    both = steps(asked, asked.replace("Who is", "Tell me about").replace("And now?", "And today?"))
    assert both == [
        Step("user: Who is Ada?\nassistant: A poet.", "user: Tell me about Ada?\nassistant: A poet."),
        Step(
            "user: How old is she?\nassistant: 36.\nuser: And now?",
            "user: How old is she?\nassistant: 36.\nuser: And today?",
        ),
    ]


def test_of_what_surrounds_a_step_the_beginning_is_shown_and_of_its_own_turn_all() -> None:
    long, own = "word " * 100, "own " * 100
    [step] = steps(f"user: {long}\nuser: {own}", f"user: {long}\nuser: {own}!")
    assert step.asked == f"user: {long}"[:SHOWN_CHARS] + f"\nuser: {own}"


def test_where_no_turn_differs_the_last_one_is_judged_and_of_another_shape_nothing() -> None:
    one = who(FIRST).transcript
    assert [step.asked == step.cached for step in steps(one, one)] == [True]
    assert steps(one, who(FIRST, said="Open the menu.").transcript) == []
    assert steps(one, f"{one}\nuser: more") == []


def test_what_several_candidates_share_is_judged_once_and_no_more_than_the_bound() -> None:
    asked = who(FIRST)
    one, other = entry(who("how can I enable two factor authentication")), entry(who(FIRST, "And on a phone?"))
    assert to_judge(asked, [one] * (MOST_STEPS + 1)) == [steps(asked.transcript, one.transcript)] * (MOST_STEPS + 1)
    many = [entry(who(f"{FIRST} {number}")) for number in range(MOST_STEPS - 1)]
    planned = to_judge(asked, [*many, other, one, many[0]])
    assert [len(found) for found in planned] == [1] * MOST_STEPS + [0, 1]


def test_prompts_are_judged_as_they_were_sent() -> None:
    plain = [CacheRequest(messages=[{"role": "user", "content": text}], model="m") for text in ("a\nb", "a\nc")]
    asked, kept = (identify(request, NORMALIZER, TTL, reworded=True) for request in plain)
    assert to_judge(asked, [entry(kept)]) == [[Step("a\nb", "a\nc")]]


def test_a_program_whose_lines_are_set_in_otherwise_is_not_judged() -> None:
    texts = [f"What does this print?\nfor i in x:\n    n += i\n{blanks}print(n)" for blanks in ("    ", "", "\t")]
    plain = [CacheRequest(messages=[{"role": "user", "content": text}], model="m") for text in texts]
    inside, behind, tabbed = (identify(request, NORMALIZER, TTL, reworded=True) for request in plain)
    assert [len(found) for found in to_judge(inside, [entry(behind), entry(inside)])] == [0, 1]
    assert [len(found) for found in to_judge(behind, [entry(tabbed), entry(behind)])] == [0, 1]
    talks = [who(FIRST, text) for text in texts]
    assert [len(found) for found in to_judge(talks[0], [entry(one) for one in talks])] == [1, 0, 0]


def test_the_weakest_step_decides_and_none_may_be_left_out() -> None:
    one, other = Step("a", "b"), Step("c", "d")
    by_score = Calibration(fingerprint="f", bias=0.0, weights={"score": 1.0})

    def told(*judged: Step, second: float | None) -> float | None:
        return weakest(judged, {one: 5.0, other: second}, by_score, similarity=1.0, findings=())

    alone = told(one, second=None)
    assert alone is not None
    assert alone > 0.99
    assert told(one, other, second=0.0) == told(other, one, second=0.0) == 0.5
    assert told(one, other, second=None) is None
    assert told(second=0.0) is None


@pytest.mark.parametrize(("exact", "pinned"), [(True, False), (False, True), (True, True)])
def test_an_exact_context_is_kept_where_either_side_asks_for_it(*, exact: bool, pinned: bool) -> None:
    asked = who("how can I enable two factor authentication")
    assert not listed(asked, entry(who(FIRST), pinned=pinned), exact=exact).open
    same = who("how can I enable two factor authentication", "and on my phone")
    assert listed(asked, entry(same, pinned=pinned), exact=exact).open
