"""Finished cells in a file."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.simulation.cells import Cells
from benchmarks.simulation.outcome import Early, Outcome


def test_finished_cells_are_read_back_with_and_without_their_beginning(tmp_path: Path) -> None:
    path = tmp_path / "cells.jsonl"
    outcomes = [Outcome(1000, 100, 1, 0.01, 10, Early(400, 40, 50.5, 100)), Outcome(900, 100, 1, 0.01, 10)]
    Cells(path).keep({("a", "file", 0.02, "verified", seed): outcome for seed, outcome in enumerate(outcomes)})
    with path.open("a") as file:  # as they were written before beginnings were told
        file.write(json.dumps(["a", "file", 0.02, "verified", 2, *outcomes[1][:5]]) + "\n")
    found = Cells(path)
    assert [found["a", "file", 0.02, "verified", seed] for seed in range(3)] == [*outcomes, outcomes[1]]
