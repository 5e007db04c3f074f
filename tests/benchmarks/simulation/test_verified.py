"""The policy of this package on a stream of known truth."""

from __future__ import annotations

from benchmarks.simulation.known import known
from benchmarks.simulation.outcome import LABELS, WINDOW
from benchmarks.simulation.verified import verified


def test_a_run_tells_what_it_serves_after_its_first_labels() -> None:
    outcome = verified(known("calibrated", 0, 1500), range(1500), 0.05, 0)
    early = outcome.early
    assert early is not None
    assert LABELS <= early.before < 1500 - WINDOW
    assert 0 < early.hits < WINDOW
    assert 0.5 < early.hits / early.steady < 1.5
    assert 0 < early.late < outcome.hits


def test_a_run_with_too_few_labels_tells_nothing_of_them() -> None:
    assert verified(known("calibrated", 0, 200), range(200), 0.05, 0).early is None
