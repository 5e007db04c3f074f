"""Holds a run against an earlier one: ratios and shares within a run, instructions of the interpreter, never seconds.

A figure regressed where its median is worse than the earlier one's by more than both runs' own spread explains: half of
the range of the rounds of the one, plus half of that of the other, and never less than LEAST of the figure. So a figure
that was steady is held tightly, and one that was not is not. Instructions are held by their medians alone, whatever
their rounds were: on a busy machine a stream's chunks may come together in a round, which takes a quarter fewer, and
must not excuse a change that takes a tenth more. They are held where both ran the same Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from benchmarks.speed.row import INSTRUCTIONS, SHARE

LEAST: Final = 0.05
"""Of two runs of the same code on the same machine, medians of five rounds differ by this much."""
_ALONE: Final = 0.25
"""Slack of a ratio with one round, whose spread nobody knows."""


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
    """All figures that both have and that have a direction, in the order of the baseline. Raises Uncomparable."""
    if baseline.get("format") != result.get("format"):
        raise Uncomparable("the baseline is no result of this benchmark, or of another version of it")
    sizes = [{row["name"]: _sizes(row["plan"]) for row in one["rows"]} for one in (baseline, result)]
    other = [name for name in sizes[0] if name in sizes[1] and sizes[0][name] != sizes[1][name]]
    if other:
        raise Uncomparable(f"measured with other sizes than the baseline: {', '.join(other)}; leave the size out")
    left_out = set() if _python(baseline) == _python(result) else {INSTRUCTIONS}
    return list(_held(_figures(baseline, left_out), _figures(result, left_out)))


def report(baseline: Mapping[str, Any], result: Mapping[str, Any], held: list[Held]) -> str:
    """Each figure in a line; what could not be held; at the end, those that regressed, by name."""
    lines = [told(one) for one in held]
    measured = {row["name"] for row in result["rows"]}
    gone = [key for key in _figures(baseline, set()) if key[0] in measured and key not in {one[:2] for one in held}]
    lines += [f"{'not held':10}{row}: {title}: {_why(baseline, result)}" for row, title in gone]
    regressed = [f"{one.row}: {one.title}" for one in held if one.regressed]
    lines.append(f"{len(regressed)} of {len(held)} figures regressed" + "".join(f"\n  {one}" for one in regressed))
    return "\n".join(lines)


def told(held: Held) -> str:
    """One figure in a line."""
    verdict = "REGRESSED" if held.regressed else "ok"
    change = f" ({held.now / held.before - 1:+.1%})" if held.before else ""
    return (
        f"{verdict:10}{held.row}: {held.title}: {_plain(held.before)} before, {_plain(held.now)} now{change}, "
        f"slack {_plain(held.slack)}"
    )


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _why(baseline: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    pythons = _python(baseline), _python(result)
    return (
        "not measured now"
        if pythons[0] == pythons[1]
        else f"not measured now, or {pythons[0]} before, {pythons[1]} now"
    )


def _python(result: Mapping[str, Any]) -> str:
    """With the minor version: others compile to other instructions."""
    return str(result["machine"]["python"]).rpartition(".")[0]


def _sizes(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in plan.items() if key not in ("name", "rounds")}


def _figures(result: Mapping[str, Any], left_out: set[str]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (row["name"], goal["title"]): goal
        for row in result["rows"]
        for goal in row["goals"]
        if goal["sign"] and goal.get("median") is not None and goal["unit"] not in left_out
    }


def _held(before: Mapping[tuple[str, str], Any], now: Mapping[tuple[str, str], Any]) -> Iterator[Held]:
    for key, one in before.items():
        if key not in now:
            continue
        other = now[key]
        worse = one["sign"] * (one["median"] - other["median"])
        slack = max(LEAST * abs(one["median"]), _half(one) + _half(other))
        yield Held(*key, one["median"], other["median"], slack, worse > slack)


def _half(goal: Mapping[str, Any]) -> float:
    if goal["unit"] == INSTRUCTIONS:
        return 0.0
    if goal["rounds"] == 1:
        if goal["unit"] == SHARE:  # a count of the same requests
            return 0.0
        return float(_ALONE / 2 * abs(goal["median"]))
    return float((goal["high"] - goal["low"]) / 2)
