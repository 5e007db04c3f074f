"""Evidence of an entry: what its labels say of its other candidates."""

from __future__ import annotations

from semcache.policy import risk
from semcache.policy.risk import Evidence
from semcache.policy.risk.evidence import FARTHEST
from tests.policy.risk.world import Fields, add


def told(labels: str, wrong: float) -> Evidence:
    fields: Fields = {}
    for label in labels:
        add(fields, risk.witnessed(wrong, label == "r"))
    return Evidence(**fields)


def test_a_wrong_label_where_right_was_expected_lowers_more_than_a_right_one_raises() -> None:
    assert told("x", 0.05).shift < -1.0
    assert 0.0 < told("r", 0.05).shift < 0.2
    assert told("rrrr", 0.4).shift > told("r", 0.4).shift > 0.0
    assert told("xr", 0.05).shift < -0.5


def test_evidence_is_bounded() -> None:
    assert told("x" * 1000, 0.001).shift >= -FARTHEST
    assert told("r" * 1000, 0.9).shift <= FARTHEST
    assert risk.shifted(0.9, None) == risk.shifted(0.9, Evidence()) == risk.logit(0.9)
