"""The model: how probable a wrong answer is at each confidence, learned from labels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from semcache.policy import risk
from semcache.policy.risk.outlook import outlook_of
from semcache.policy.risk.scale import CENTRES
from tests.policy.risk.world import off


def counted(truth: Callable[[float], float], each: int, epochs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    chance = np.array([truth(1.0 / (1.0 + math.exp(-z))) for z in CENTRES])
    right = np.round(each * chance)
    return np.tile(right, (epochs, 1)), np.tile(each - right, (epochs, 1))


def test_without_labels_the_calibration_is_believed_but_not_blindly() -> None:
    empty = np.zeros((1, risk.BINS))
    wrong = outlook_of(empty, empty).wrong
    at = risk.bin_of(risk.logit(0.98))
    assert 0.02 < wrong[at] < 0.12
    assert (np.diff(wrong) <= 1e-12).all()


def test_labels_teach_how_wrong_the_calibration_is() -> None:
    now = outlook_of(*counted(off(-2.0), 400))
    for p in (0.8, 0.95, 0.99):
        at = risk.bin_of(risk.logit(p))
        truth = 1.0 - off(-2.0)(1.0 / (1.0 + math.exp(-float(CENTRES[at]))))
        assert now.wrong[at] == pytest.approx(truth, rel=0.2)


def test_a_level_that_moves_is_followed_and_its_step_is_learned() -> None:
    rights, wrongs = counted(off(0.0), 40, epochs=6)
    worse_right, worse_wrong = counted(off(-2.5), 40, epochs=6)
    still = outlook_of(np.vstack([rights, rights]), np.vstack([wrongs, wrongs]))
    moved = outlook_of(np.vstack([rights, worse_right]), np.vstack([wrongs, worse_wrong]))
    at = risk.bin_of(3.0)
    assert moved.drift > 2 * still.drift
    assert moved.wrong[at] > 3 * still.wrong[at]
    assert moved.wrong_then[0][at] == pytest.approx(still.wrong[at], rel=0.5)
