"""Trust: influence is bounded, a later word takes the earlier back, and nothing is ever loosened."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.models import Miss, MissReason
from semcache.policy.labels import MOST_ANSWER_BYTES, MOST_CHARS, Label, Source, kept
from semcache.policy.matching import Open, Shortlist, Terms
from semcache.policy.trust import COMPARED, NEW, RIGHT, WITNESSES, WRONG, Standing, Vote, heed, standing
from semcache.stores.codec import stamped
from tests.ops import draft_of

votes = st.lists(st.builds(Vote, st.sampled_from(["", "p", "q", "r"]), st.sampled_from("abcdef"), st.booleans()))


def wrong(*voters: str, prompts: int = 1) -> list[Vote]:
    return [Vote(voter, f"prompt {n}", False) for voter in voters for n in range(prompts)]


def test_nothing_known_changes_nothing() -> None:
    assert standing([]) == NEW
    assert (NEW.ratio, NEW.suspended) == (1.0, False)
    assert NEW.confidence(0.9) == 0.9
    assert NEW.threshold(0.95) == 0.95


def test_one_complaint_asks_for_more_as_documented() -> None:
    one, two = standing(wrong("p")), standing(wrong("p", "q"))
    assert one.confidence(0.9) == pytest.approx(0.947, abs=0.001)
    assert two.confidence(0.9) == pytest.approx(0.964, abs=0.001)
    assert one.threshold(0.9) == pytest.approx(0.95)


def test_a_thousand_complaints_of_one_principal_weigh_as_one() -> None:
    assert standing(wrong("p", prompts=1000)).trust == standing(wrong("p")).trust
    assert not standing(wrong("p", prompts=1000)).suspended
    assert standing(wrong("p", prompts=1000)).against == 1


def test_only_distinct_witnesses_suspend() -> None:
    few = [f"p{n}" for n in range(WITNESSES - 1)]
    assert not standing(wrong(*few, prompts=9)).suspended
    assert standing(wrong(*few, "one more")).suspended


def test_those_who_are_content_outweigh_a_few_who_are_not() -> None:
    content = [Vote(f"c{n}", "x", True) for n in range(6)]
    assert not standing(content + wrong("p", "q", "r", "s")).suspended


def test_a_later_word_takes_the_earlier_back() -> None:
    assert standing([*wrong("p"), Vote("p", "prompt 0", True)]).wrong == 0
    assert standing([Vote("p", "prompt 0", True), *wrong("p")]).right == 0


def test_comparisons_are_bounded_too_and_each_prompt_is_a_witness() -> None:
    many = standing([Vote("", f"{n}", False) for n in range(500)])
    assert many.wrong == COMPARED
    assert many.suspended
    assert not standing([Vote("", "the same", False)] * 500).suspended


@given(votes, st.sampled_from(["p", "q"]), st.lists(st.sampled_from("abcdef"), max_size=6), st.booleans())
@settings(max_examples=200)
def test_no_principal_moves_the_trust_by_more_than_its_share(
    others: list[Vote], who: str, about: list[str], same: bool
) -> None:
    before = [vote for vote in others if vote.voter != who]
    one, other = standing(before), standing(before + [Vote(who, prompt, same) for prompt in about])
    assert abs(one.trust - other.trust) <= 1 / (RIGHT + WRONG + 1) + 1e-12
    assert abs(other.right + other.wrong - one.right - one.wrong) <= 1 + 1e-9
    assert abs(one.against - other.against) <= 1


@given(st.floats(0, 50), st.floats(0, 50), st.floats(0, 1))
def test_nothing_is_ever_loosened(right: float, against: float, least: float) -> None:
    one = Standing(right, against)
    assert least <= one.confidence(least) <= 1
    assert least - 1e-12 <= one.threshold(least) <= 1


@given(st.floats(0, 9), st.floats(0, 9), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_a_discounted_probability_reaches_the_bar_where_the_plain_one_reaches_a_higher(
    right: float, against: float, chance: float, least: float
) -> None:
    one = Standing(right, against)
    needed = one.confidence(least)
    if abs(chance - needed) > 1e-6:
        assert (one.discounted(chance) >= least) is (chance >= needed)


ENTRY = stamped(draft_of("a prompt"), created_ms=0, expires_ms=10**15, epoch=1)


def listed(*similarities: float) -> Shortlist:
    missed = Miss(reason=MissReason.BELOW_THRESHOLD)
    return Shortlist(tuple(Open(ENTRY, one) for one in similarities), missed, more=False)


def test_what_is_not_known_of_is_left_alone() -> None:
    whole = listed(0.99, 0.91)
    assert heed(whole, lambda entry: None, Terms(threshold=0.9)) is whole
    assert heed(whole, lambda entry: NEW, Terms(threshold=0.9)) is whole


def test_by_cosine_alone_a_doubted_entry_must_be_nearer() -> None:
    doubted = standing(wrong("p"))
    assert [one.similarity for one in heed(listed(0.99, 0.91), lambda entry: doubted, Terms(threshold=0.9)).open] == [
        0.99
    ]
    judged = Terms(threshold=0.9, confidence=0.8)
    assert len(heed(listed(0.99, 0.91), lambda entry: doubted, judged).open) == 2


@pytest.mark.parametrize("confidence", [None, 0.8])
def test_a_suspended_entry_is_open_to_nobody_and_further_ones_are_looked_at(confidence: float | None) -> None:
    suspended = standing(wrong("p", "q", "r", "s"))
    left = heed(listed(1.0), lambda entry: suspended, Terms(threshold=0.9, confidence=confidence))
    assert (left.open, left.more, left.missed.reason) == ((), True, MissReason.VETOED)


def label(**more: object) -> Label:
    return Label(namespace="n", entry_id="0" * 32, same=True, source=Source.FEEDBACK, **more)  # type: ignore[arg-type]


def test_what_is_kept_of_a_label() -> None:
    whole = kept(label(asked="a", cached="b", answer={"x": 1}))
    assert (whole.asked, whole.cached, whole.answer) == ("a", "b", {"x": 1})
    assert whole.asker == label(asked=" A").about
    long = kept(label(asked="a", cached="b" * (MOST_CHARS + 1), answer=1))
    assert (long.asked, long.cached, long.answer, long.whole) == ("", "", None, False)
    assert long.asker == whole.asker
    assert kept(label(asked="a", cached="b", answer="x" * MOST_ANSWER_BYTES)).answer is None
    assert kept(label(asker="f" * 16, asked="a")).asker == "f" * 16
