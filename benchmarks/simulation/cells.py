"""Outcomes by stream, order, bound, policy and seed, kept in a file so that a run that was stopped goes on."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.simulation.outcome import Early, Outcome

Key = tuple[str, str, float, str, int]
"""Stream, order, bound, policy, seed."""


class Cells(dict[Key, Outcome]):
    """The outcomes in memory; what is kept is appended to the file too."""

    def __init__(self, path: Path) -> None:
        super().__init__(_read(path))
        self._path = path

    def keep(self, cells: dict[Key, Outcome]) -> None:
        """Add what is finished."""
        self.update(cells)
        with self._path.open("a") as file:
            for key, outcome in cells.items():
                file.write(json.dumps([*key, *outcome]) + "\n")


def _read(path: Path) -> dict[Key, Outcome]:
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        (row[0], row[1], row[2], row[3], row[4]): Outcome(*row[5:10])._replace(
            early=Early(*row[10]) if row[10:] and row[10] else None
        )
        for row in rows
    }
