"""Holds a run against an earlier one: ratios and shares within a run, never seconds.

A figure regressed where its median is worse than the earlier one's by more than both runs' own spread explains: half of
the range of the rounds of the one, plus half of that of the other, and never less than LEAST of the figure. So a figure
that was steady is held tightly, and one that was not is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

LEAST: Final = 0.05
"""Of two runs of the same code on the same machine, medians of five rounds differ by this much."""
_ALONE: Final = 0.25
"""Slack of a figure with one round, whose spread nobody knows."""


class Held(NamedTuple):
    """A figure of both runs."""

    row: str
    title: str
    before: float
    now: float
    slack: float
    regressed: bool


class Uncomparable(Exception):
    """The two runs are of different sizes, or one is no result."""


def compare(baseline: Mapping[str, Any], result: Mapping[str, Any]) -> list[Held]:
    """All figures that both have and that have a direction. Raises Uncomparable."""
    if baseline.get("format") != result.get("format"):
        raise Uncomparable("the baseline is no result of this benchmark, or of another version of it")
    sizes = [{key: value for key, value in one["plan"].items() if key != "rounds"} for one in (baseline, result)]
    if sizes[0] != sizes[1]:
        raise Uncomparable("the baseline was measured with other sizes: run with the options that it was made with")
    return list(_held(_figures(baseline), _figures(result)))


def told(held: Held) -> str:
    """One figure in a line."""
    verdict = "REGRESSED" if held.regressed else "ok"
    return f"{verdict:10}{held.row}: {held.title}: {held.before:.3g} before, {held.now:.3g} now, slack {held.slack:.3g}"


def _figures(result: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (row["name"], goal["title"]): goal
        for row in result["rows"]
        for goal in row["goals"]
        if goal["sign"] and goal.get("median") is not None
    }


def _held(before: Mapping[tuple[str, str], Any], now: Mapping[tuple[str, str], Any]) -> Iterator[Held]:
    for key in before.keys() & now.keys():
        one, other = before[key], now[key]
        worse = one["sign"] * (one["median"] - other["median"])
        slack = max(LEAST * abs(one["median"]), _half(one) + _half(other))
        yield Held(*key, one["median"], other["median"], slack, worse > slack)


def _half(goal: Mapping[str, Any]) -> float:
    if goal["rounds"] == 1:
        return float(_ALONE / 2 * abs(goal["median"]))
    return float((goal["high"] - goal["low"]) / 2)
