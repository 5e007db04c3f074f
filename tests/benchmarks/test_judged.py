"""Figures of labelled pairs."""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks import judged
from benchmarks.evidence import REFUSED, Columns
from semcache.verifier.train.pairs import LabelledPair


def _pair(same: bool, kind: str) -> LabelledPair:
    return LabelledPair("a", "b", same, kind, "made", "")


def _columns(*rows: tuple[float, float, bool, float, bool]) -> Columns:
    table = np.array(rows, np.float64)
    return Columns(table[:, 0], table[:, 1], table[:, 2] > 0, table[:, 3], table[:, 4] > 0, table[:, 0])


def test_wilsons_interval_is_that_of_the_literature() -> None:
    # Newcombe 1998, table I: 81 of 263, and 0 of 20.
    assert judged.wilson(81, 263) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))
    assert judged.wilson(0, 20) == (0.0, pytest.approx(0.1611, abs=1e-4))
    assert judged.wilson(0, 0) == (0.0, 1.0)


def test_vetoed_pairs_and_those_below_the_floor_are_refused_and_one_spelling_is_served() -> None:
    found = _columns(
        (0.9, 1.0, False, 0.8, False),
        (0.9, 1.0, True, 0.8, False),
        (0.6, 1.0, False, 0.8, False),
        (0.6, 0, True, 0.1, True),
    )
    assert found.guarded(0.7).tolist() == [0.8, REFUSED, REFUSED, 1.0]


def test_what_is_served_as_shipped_is_counted_by_side_and_kind() -> None:
    pairs = [
        _pair(True, "positive:typo"),
        _pair(True, "paraphrase"),
        _pair(False, "trap:number"),
        _pair(False, "trap:date"),
    ]
    found = _columns(
        (0.99, 3, False, 0.97, False),
        (0.8, 3, False, 0.96, False),
        (0.98, 3, True, 0.99, False),
        (0.9, 3, False, 0.2, False),
    )
    told = judged.measured(pairs, found, floor=0.7, threshold=0.97, confidence=0.95, gptcache=0.6)
    assert (told["same"], told["traps"]) == (2, 2)
    assert [told["shipped"][mode]["same"]["served"] for mode in ("threshold", "guarded")] == [1, 2]
    assert [told["shipped"][mode]["traps"]["served"] for mode in ("threshold", "guarded")] == [1, 0]
    assert told["kinds"]["trap:number"] == {"of": 1, "threshold": 1, "guarded": 0, "gptcache": 1, "vetoed": 1}
    assert told["kinds"]["positive:paraphrase"]["guarded"] == 1
    assert told["judges"]["guarded"]["auc"] == 1.0
    assert told["judges"]["cosine"]["auc"] == 0.5


def test_a_set_of_one_side_has_no_ranks() -> None:
    told = judged.measured(
        [_pair(True, "x")],
        _columns((0.9, 1, False, 0.9, False)),
        floor=0.7,
        threshold=0.97,
        confidence=0.5,
        gptcache=0.6,
    )
    assert told["judges"]["guarded"]["auc"] is None
    assert told["shipped"]["guarded"]["traps"]["of"] == 0


def test_samples_are_the_seeds() -> None:
    rows = [{"at": at} for at in range(200)]
    assert judged.sample(rows, 50, 7) == judged.sample(rows, 50, 7) == random.Random(7).sample(rows, 50)
    assert len(judged.sample(rows[:9], 50, 7)) == 9
