"""Evidence becomes a probability: monotone, bounded, and only what is weighed counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.policy.confidence import CLOSE, FEATURES, LIKED, REPEATED, SLIPPED, features, probability
from semcache.policy.guards import GUARDS, Finding, Force
from semcache.ports import Bend, Calibration

PLAIN = Calibration(fingerprint="f", bias=0.0, weights={"score": 1.0, "similarity": 2.0, "doubt:number": -3.0})
numbers = st.floats(-1e6, 1e6)


def test_every_feature_has_a_name_that_calibrations_may_use() -> None:
    findings = [Finding(guard, Force.DOUBT, "") for guard in GUARDS]
    assert set(features("a b", "b c", score=1.0, similarity=0.5, findings=findings)) == {*FEATURES, CLOSE}


def test_what_is_known_of_a_pair() -> None:
    found = features(
        "Reset my pasword", "reset my password!", score=2.0, similarity=0.9, findings=(), known={"password"}
    )
    assert (found["score"], found["similarity"], found["repeat"]) == (2.0, 0.9, 1.0)
    assert found["shared"] == 1.0, "the slip is none of the words"
    assert features("Please reset it", "reset that", score=0.0, similarity=0.0, findings=())["shared"] == 1 / 3
    assert features("a", "b", score=0.0, similarity=0.0, findings=())["repeat"] == 0.0


def test_no_evidence_is_even_odds_and_a_doubt_lowers_them() -> None:
    assert probability({}, PLAIN) == 0.5
    doubted = features("a", "a", score=0.0, similarity=0.0, findings=[Finding("number", Force.DOUBT, "1 / 2")])
    assert probability(doubted, PLAIN) < 0.05


def test_the_same_words_are_nearly_certain_and_slips_after_them_unless_a_guard_doubts() -> None:
    assert probability({"score": -9.0, "same": 1.0, "repeat": 1.0}, PLAIN) == REPEATED
    assert probability({"score": -9.0, "same": 0.0, "repeat": 1.0}, PLAIN) == SLIPPED
    assert probability({"score": -9.0, "slip": 1.0}, PLAIN) < 0.01
    for same in (0.0, 1.0):
        assert probability({"score": -9.0, "same": same, "repeat": 1.0, "doubt:entity": 1.0}, PLAIN) < 0.01


def test_slips_that_are_less_sure_count_where_the_verifier_likes_the_pair() -> None:
    close = features("how do i gte it", "how do i get it", score=LIKED, similarity=0.9, findings=(), known={"get"})
    flat = Calibration(fingerprint="f", bias=-4.0, weights={})
    assert probability(close, flat) == SLIPPED
    assert probability({**close, "score": LIKED - 0.1}, flat) < 0.02
    assert probability({**close, "doubt:entity": 1.0}, flat) < 0.02


def test_a_bend_counts_evidence_together() -> None:
    both = Bend(gain=4.0, bias=-1.5, weights={"score": 1.0, "similarity": 1.0})
    bent = Calibration(fingerprint="f", bias=0.0, weights={}, bends=(both,))
    one, other, together = ({"score": 1.0}, {"similarity": 1.0}, {"score": 1.0, "similarity": 1.0})
    assert probability(one, bent) == probability(other, bent) < 0.2
    assert probability(together, bent) > 0.8


@given(numbers, numbers)
def test_a_higher_score_is_never_less_probable(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert probability({"score": low}, PLAIN) <= probability({"score": high}, PLAIN)


@given(numbers, st.text(max_size=20), st.text(max_size=20))
def test_it_is_a_probability(score: float, a: str, b: str) -> None:
    assert 0.0 <= probability(features(a, b, score=score, similarity=1.0, findings=()), PLAIN) <= 1.0


@pytest.mark.parametrize(
    ("a", "b", "explained", "standing"),
    [
        ("what is the UAE", "what is the united arab emirates", "entity", "quote"),
        ("fly to Brlin", "fly to berlin", "entity", "link"),
        ("Without a receipt, can I return it?", "Can I return it without a receipt?", "direction", "negation"),
        ("what is an APR", "what is an annual percentage rate", "date", "number"),
        ("what is an APR", "what is an interest rate", "", "date"),
    ],
)
def test_what_a_repeat_explains_is_no_doubt(a: str, b: str, explained: str, standing: str) -> None:
    findings = [Finding(guard, Force.DOUBT, "") for guard in (explained, standing) if guard]
    found = features(a, b, score=3.0, similarity=0.9, findings=findings, known={"berlin", "fly", "to"})
    assert [name for name in found if name.startswith("doubt:")] == [f"doubt:{standing}"]
