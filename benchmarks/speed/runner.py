"""Runs rows stage by stage, their rounds interleaved, and gathers what they measured."""

from __future__ import annotations

import dataclasses
import math
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tqdm import tqdm

from benchmarks.speed import machine
from benchmarks.speed.plan import Plan
from benchmarks.speed.row import Figures, Measure, Row, spread, verdict
from benchmarks.speed.stage import Stage

FORMAT = 2


def run(
    rows: Sequence[Row],
    plans: Mapping[str, Plan],
    *,
    extra: Mapping[str, Any] | None = None,
    save: Callable[[dict[str, Any]], None] = lambda result: None,
) -> dict[str, Any]:
    """Measure the rows, each by the plan of its name; the result as JSON. A row that fails says why and stops no other.

    `extra` goes into the result. `save` is called after every stage with what there is, so that an interruption loses
    little.
    """
    result: dict[str, Any] = {"format": FORMAT, "machine": machine.describe(), **(extra or {}), "rows": []}
    doubts, began = machine.warnings(), time.monotonic()
    stages = list(dict.fromkeys((row.stage, plans[row.name]) for row in rows))
    for number, (name, plan) in enumerate(stages, 1):
        chosen = [row for row in rows if (row.stage, plans[row.name]) == (name, plan)]
        print(f"== {number} of {len(stages)}: {', '.join(row.name for row in chosen)} ==", file=sys.stderr)
        of = {"begun": datetime.now(UTC).isoformat(timespec="seconds"), **machine.commit(), "notes": list(doubts)}
        others = machine.Others()
        with Stage(plan) as stage:
            found = _Rounds(chosen)
            found.run(stage)
        disturbed = [f"{', '.join(row.name for row in chosen)}: {one}" for one in others.warnings()]
        of["notes"] += stage.notes + disturbed
        result["rows"] += [_told(row, found, plan) | of for row in chosen]
        save(result)
        print(f"== {number} of {len(stages)} done, {time.monotonic() - began:,.0f} s so far ==", file=sys.stderr)
    return result


class _Rounds:
    """The rounds of the rows of one stage."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self.rounds: dict[str, list[Figures]] = {row.name: [] for row in rows}
        self.errors: dict[str, str] = {}
        self.seconds: dict[str, float] = dict.fromkeys(self.rounds, 0.0)
        """What each row took, what it had started included."""

    def run(self, stage: Stage) -> None:
        """Open all rows, then measure them in turn, round by round."""
        measures: dict[str, Measure] = {}
        for row in self._rows:
            print(f"{row.name}: starting its parts", file=sys.stderr)
            with _Kept(row, self):
                measures[row.name] = row.open(stage)
        for part in ([row for row in self._rows if not row.last], [row for row in self._rows if row.last]):
            rounds = min(stage.plan.rounds, max((row.most_rounds for row in part), default=0))
            for number in (shown := tqdm(range(rounds), desc="rounds", file=sys.stderr, disable=not part)):
                for row in part:
                    if row.name in self.errors or number >= row.most_rounds:
                        continue
                    shown.set_postfix_str(row.name)
                    with _Kept(row, self):
                        self.rounds[row.name].append(measures[row.name](number))


class _Kept:
    """Keeps a row's failure and its time, and lets an interruption through."""

    def __init__(self, row: Row, rounds: _Rounds) -> None:
        self._row, self._rounds = row, rounds

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        self._rounds.seconds[self._row.name] += time.monotonic() - self._began
        if not isinstance(error, Exception):
            return False
        print(f"{self._row.name} failed:", file=sys.stderr)
        traceback.print_exception(error, file=sys.stderr)
        self._rounds.errors[self._row.name] = f"{type(error).__name__}: {error}"
        return True


def _told(row: Row, found: _Rounds, plan: Plan) -> dict[str, Any]:
    rounds = found.rounds[row.name]
    return {
        "name": row.name,
        "title": row.title,
        "against": row.against,
        "error": found.errors.get(row.name),
        "plan": dataclasses.asdict(plan),
        "took_s": round(found.seconds[row.name], 1),
        "goals": [
            {
                "title": goal.title,
                "unit": goal.unit,
                "bound": goal.bound,
                "least": goal.least,
                "most": goal.most,
                "sign": goal.sign if goal.steady else 0,
                **{key: _number(value) for key, value in (over._asdict() if over else {}).items()},
                "verdict": verdict(goal, over, full=plan.full),
            }
            for goal, over in ((goal, spread(goal, rounds)) for goal in row.goals)
        ],
        "rounds": [{name: _number(value) for name, value in one.items()} for one in rounds],
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
