"""The tables of what came of all runs."""

from __future__ import annotations

from benchmarks.simulation.cells import Key
from benchmarks.simulation.outcome import Early, Outcome
from benchmarks.simulation.table import beginnings, table


def _outcome(requests: int, early: Early | None) -> Outcome:
    return Outcome(requests, 100, 1, 0.01, 10, early)


def test_a_line_has_the_means_over_the_seeds_that_the_oracle_has_too() -> None:
    def cells(policy: str, *hits_and_wrong: tuple[int, int]) -> dict[Key, Outcome]:
        return {
            ("a_class", "file", 0.02, policy, seed): Outcome(1000, hits, wrong, wrong / 1000, 10)
            for seed, (hits, wrong) in enumerate(hits_and_wrong)
        }

    done = cells("oracle", (200, 20), (400, 20)) | cells("verified", (100, 10), (200, 30), (900, 900))
    lines = table(done | cells("frozen", (30, 0))).splitlines()
    assert lines[2] == "| a | file | 2.0% | 2 | 300 | 150, 50% | 1.00 (1.50) | 50%, 50% | 10 | 30, 10%, 0% |  |"
    assert "| verified | 50% | 50.0% |" in lines


def test_a_line_of_the_beginnings_has_the_runs_of_its_bound_and_order() -> None:
    done: dict[Key, Outcome] = {
        ("a", "file", 0.02, "verified", 0): _outcome(1000, Early(400, 40, 50.0, 100)),
        ("b", "file", 0.02, "verified", 0): _outcome(1000, Early(600, 80, 70.0, 60)),
        ("a", "file", 0.02, "verified", 1): _outcome(1000, None),
        ("a", "file", 0.005, "verified", 0): _outcome(1000, Early(400, 1, 1.0, 1)),
        ("a", "file", 0.02, "oracle", 0): _outcome(1000, None),
    }
    assert beginnings(done)[2:] == ["| 2.0%, file | 2 | 500 | 15.0% | 100% | 94% |"]
