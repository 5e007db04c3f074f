"""The simulation of verified mode."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import verified
from benchmarks.verified import LABELS, WINDOW, Early, Outcome


def _outcome(requests: int, early: Early | None) -> Outcome:
    return Outcome(requests, 100, 1, 0.01, 10, early)


def test_a_run_tells_what_it_serves_after_its_first_labels() -> None:
    stream = verified.known("calibrated", 0, 1500)
    outcome = verified.verified(stream, range(1500), 0.05, 0)
    early = outcome.early
    assert early is not None
    assert LABELS <= early.before < 1500 - WINDOW
    assert 0 < early.hits < WINDOW
    assert 0.5 < early.hits / early.steady < 1.5
    assert 0 < early.late < outcome.hits


def test_a_run_with_too_few_labels_tells_nothing_of_them() -> None:
    stream = verified.known("calibrated", 0, 200)
    assert verified.verified(stream, range(200), 0.05, 0).early is None


def test_a_line_of_the_beginnings_has_the_runs_of_its_bound_and_order() -> None:
    done = {
        ("a", "file", 0.02, "verified", 0): _outcome(1000, Early(400, 40, 50.0, 100)),
        ("b", "file", 0.02, "verified", 0): _outcome(1000, Early(600, 80, 70.0, 60)),
        ("a", "file", 0.02, "verified", 1): _outcome(1000, None),
        ("a", "file", 0.005, "verified", 0): _outcome(1000, Early(400, 1, 1.0, 1)),
        ("a", "file", 0.02, "oracle", 0): _outcome(1000, None),
    }
    assert verified.beginnings(done)[2:] == ["| 2.0%, file | 2 | 500 | 15.0% | 100% | 94% |"]


def test_finished_cells_are_read_back_with_and_without_their_beginning(tmp_path: Path) -> None:
    kept = tmp_path / "cells.jsonl"
    outcomes = [_outcome(1000, Early(400, 40, 50.5, 100)), _outcome(900, None)]
    rows = [json.dumps(["a", "file", 0.02, "verified", seed, *outcome]) for seed, outcome in enumerate(outcomes)]
    rows.append(json.dumps(["a", "file", 0.02, "verified", 2, *outcomes[1][:5]]))
    kept.write_text("\n".join(rows))
    found = verified._done(kept)
    assert [found["a", "file", 0.02, "verified", seed] for seed in range(3)] == [*outcomes, outcomes[1]]
