"""What is fitted tells evidence apart that no weighted sum could, keeps its signs, and is the same on every run."""

from __future__ import annotations

import random

import pytest
import torch

from semcache.policy.confidence import FOR, probability
from semcache.ports import Calibration
from semcache.verifier.train import calibrate
from semcache.verifier.train.pairs import LabelledPair


def drawn(count: int = 600) -> tuple[list[dict[str, float]], list[LabelledPair]]:
    """Pairs that are the same where score and cosine are both high, and where a doubt is absent."""
    rng = random.Random(3)
    evidence, pairs = [], []
    for number in range(count):
        score, similarity, doubted = rng.uniform(-4, 4), rng.uniform(0.5, 1.0), rng.random() < 0.2
        same = score > 0 and similarity > 0.75 and not doubted
        evidence.append({"score": score, "similarity": similarity, "shared": 0.5, "doubt:number": float(doubted)})
        pairs.append(LabelledPair(f"a{number}", f"b{number}", same, "", "drawn", str(number)))
    return evidence, pairs


@pytest.fixture(scope="module")
def fitted() -> Calibration:
    torch.set_num_threads(1)  # so little is computed that a second one only waits
    return calibrate.fit(*drawn(), fingerprint="f")


def told(calibration: Calibration, **changed: float) -> float:
    plain = {"score": 3.0, "similarity": 0.95, "shared": 0.5}
    return probability({**plain, **{name.replace("_", ":"): value for name, value in changed.items()}}, calibration)


def test_both_kinds_of_evidence_are_needed_at_once(fitted: Calibration) -> None:
    assert told(fitted) > 0.8
    assert told(fitted, score=-3.0) < 0.1
    assert told(fitted, similarity=0.55) < 0.2
    assert told(fitted, score=-3.0, similarity=0.55) < 0.05


def test_nothing_that_speaks_for_a_pair_ever_speaks_against_it(fitted: Calibration) -> None:
    for part in (fitted, *fitted.bends):
        assert all(value >= 0 for name, value in part.weights.items() if name in FOR)
        assert all(value <= 0 for name, value in part.weights.items() if name.startswith("doubt:"))
    assert all(bend.gain >= 0 for bend in fitted.bends)
    assert told(fitted, doubt_number=1.0) < told(fitted)
    assert told(fitted, doubt_entity=1.0) <= told(fitted)


def test_it_is_the_same_on_every_run_and_leaves_out_what_it_is_told_to(fitted: Calibration) -> None:
    assert calibrate.fit(*drawn(), fingerprint="f") == fitted
    without = calibrate.fit(*drawn(), fingerprint="f", without=frozenset({"similarity"}))
    assert "similarity" not in without.weights
    assert not any("similarity" in bend.weights for bend in without.bends)
    assert told(without, similarity=0.0) == told(without)
