"""Verified mode on streams."""

from __future__ import annotations

import numpy as np

from benchmarks import bounded, sweep
from benchmarks.sweep import Asked, Line


def _line(count: int, labels: int) -> Line:
    """Requests close to each other, of so many labels in turn."""
    angles = np.radians(np.linspace(0.0, 5.0, count))
    vectors = {f"t{at}": np.array([np.cos(angle), np.sin(angle)], np.float32) for at, angle in enumerate(angles)}
    requests = [Asked(text, str(at % labels)) for at, text in enumerate(vectors)]
    return sweep.line(requests, vectors.__getitem__, str)


def test_it_serves_what_labels_show_to_be_right_and_not_before_any() -> None:
    curve = bounded.replay(_line(700, 1), [0.02, 0.05], seed=1, chance=lambda a, b, _: 0.97)
    assert (curve.semantic > 300).all()
    assert (curve.semantic < 700).all()
    assert curve.wrong.tolist() == [0, 0]


def test_candidates_that_labels_show_to_be_wrong_are_hardly_served() -> None:
    curve = bounded.replay(_line(700, 350), [0.02], seed=1, chance=lambda a, b, _: 0.97)
    assert curve.error[0] <= 0.02


def test_what_guards_refuse_is_neither_served_nor_a_candidate() -> None:
    curve = bounded.replay(_line(300, 1), [0.05], seed=1, chance=lambda a, b, _: 1.0, refused=lambda a, b, _: True)
    assert curve.hits.tolist() == [0]
