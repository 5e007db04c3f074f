"""What was measured, for people: a table beside the goals, and plots."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_COLOURS: Final = {"met": "#2e7d32", "missed": "#c0392b", "not judged": "#7f8c8d"}
_MARKS: Final = {"met": "reached", "missed": "MISSED", "not judged": "", "not measured": "not measured"}


def write(result: dict[str, Any], folder: Path) -> None:
    """speed.json, speed.md and, where matplotlib is installed, speed.png."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "speed.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (folder / "speed.md").write_text(page(result), encoding="utf-8")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        print("no plot: pip install 'semcache[bench]'")
        return
    _plot(result, folder / "speed.png")


def table(result: dict[str, Any]) -> str:
    """The table for a terminal: medians of the rounds, least and greatest in brackets."""
    lines = [f"{_machine(result)}", ""]
    for row in result["rows"]:
        lines += [f"{row['name']}: {row['title']}", f"  against {row['against']}"]
        if row["error"]:
            lines.append(f"  FAILED: {row['error'].splitlines()[0]}")
        for goal in row["goals"]:
            lines.append(
                f"    {goal['title']:52} {_value(goal):34} {goal['bound'] or '':16} {_MARKS[goal['verdict']]}".rstrip()
            )
    lines += ["", *(f"note: {note}" for note in result["notes"]), "", summary(result)]
    return "\n".join(lines)


def summary(result: dict[str, Any]) -> str:
    """How many goals were reached."""
    verdicts = [goal["verdict"] for row in result["rows"] for goal in row["goals"] if goal["bound"]]
    told = ", ".join(f"{verdicts.count(one)} {one}" for one in _MARKS if verdicts.count(one))
    failed = sum(bool(row["error"]) for row in result["rows"])
    return f"goals: {told or 'none'}" + (f"; {failed} rows failed" if failed else "")


def page(result: dict[str, Any]) -> str:
    """The same as a page in markdown."""
    return "\n".join(_page(result)) + "\n"


def _page(result: dict[str, Any]) -> Iterator[str]:
    yield "# Speed, side by side"
    yield ""
    yield f"Written by `make bench`. {_machine(result)}. Medians of the rounds, least and greatest in brackets."
    yield ""
    yield "| work | figure | measured | goal | |"
    yield "| --- | --- | ---: | --- | --- |"
    for row in result["rows"]:
        title = f"{row['title']}, against {row['against']}" if row["against"] != "-" else row["title"]
        if row["error"]:
            yield f"| {title} | failed | | | |"
        for goal in row["goals"]:
            yield f"| {title} | {goal['title']} | {_value(goal)} | {goal['bound']} | {_MARKS[goal['verdict']]} |"
            title = ""
    yield ""
    yield from (f"* {note}" for note in result["notes"])


def _machine(result: dict[str, Any]) -> str:
    of, plan = result["machine"], result["plan"]
    changed = " with changes" if of["changed"] else ""
    peers = result.get("peers") or {}
    beside = f"; LiteLLM {peers['litellm']}, GPTCache {peers['gptcache']}" if peers else "; no peers"
    return (
        f"{of['cores']} cores of {of['cpu']}, {of['memory_gb']:g} GB, {of['system']}, {of['python']}; semcache "
        f"{of['semcache']} at {of['commit'] or 'no commit'}{changed}{beside}; {plan['name']} sizes, "
        f"N = {plan['scale_entries']:,}, {plan['rounds']} rounds, begun {result['begun']}"
    )


def _value(goal: dict[str, Any]) -> str:
    if goal.get("median") is None:
        return "-"
    told = f"{_plain(goal['median'])} {goal['unit']}".strip()
    return told if goal["rounds"] == 1 else f"{told} ({_plain(goal['low'])} to {_plain(goal['high'])})"


def _plain(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


# -- plots ------------------------------------------------------------------------------------------------------------


def _plot(result: dict[str, Any], path: Path) -> None:
    """Each goal with a bound as a share of it: right of the line is reached."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    bars = list(_bars(result))
    if not bars:
        return
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.34 * len(bars)), layout="constrained")
    for at, (_, low, median, high, verdict) in enumerate(bars):
        axes.plot([low, high], [at, at], color=_COLOURS[verdict], lw=2)
        axes.plot([median], [at], "o", color=_COLOURS[verdict], ms=6)
    axes.axvline(1.0, color="#555555", lw=1, ls="--")
    axes.set_yticks(range(len(bars)), [bar[0] for bar in bars], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel(
        "of the goal: at 1 and right of it, it is reached; grey: stated for a million entries, not judged here"
    )
    axes.set_title(f"Medians and range over the rounds, {result['plan']['name']} sizes", fontsize=10)
    axes.grid(alpha=0.25)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _bars(result: dict[str, Any]) -> Iterator[tuple[str, float, float, float, str]]:
    """(label, low, median, high, verdict), as shares of the bound; more than 1 is better, whichever way it points."""
    for row in result["rows"]:
        for goal in row["goals"]:
            bound = goal["least"] if goal["least"] is not None else goal["most"]
            values = [goal.get(key) for key in ("low", "median", "high")]
            if not bound or any(value is None or value <= 0 for value in values):
                continue
            shares = [value / bound if goal["least"] is not None else bound / value for value in values]
            yield f"{row['name']}: {goal['title']}", min(shares), shares[1], max(shares), goal["verdict"]
