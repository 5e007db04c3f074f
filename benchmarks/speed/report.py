"""What was measured, for people: a table beside the goals, and plots."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

_COLOURS: Final = {"met": "#2e7d32", "missed": "#c0392b", "not judged": "#7f8c8d"}
_TOLD: Final = {
    "met": "reached", "missed": "missed", "not judged": "stated for a million entries, and not judged at this size",
}  # fmt: skip
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


def merged(earlier: dict[str, Any], result: dict[str, Any], order: Sequence[str]) -> dict[str, Any]:
    """The rows of the result, and of an earlier one those that it lacks, in this order."""
    rows = {row["name"]: row for row in (*earlier["rows"], *result["rows"])}
    return {
        **result,
        "peers": result["peers"] or earlier["peers"],
        "rows": [rows[name] for name in order if name in rows],
    }


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
    lines += ["", *_runs(result), *(f"note: {note}" for note in _notes(result)), "", summary(result)]
    return "\n".join(lines)


def summary(result: dict[str, Any]) -> str:
    """How many goals were reached."""
    verdicts = [goal["verdict"] for row in result["rows"] for goal in row["goals"] if goal["bound"]]
    told = ", ".join(f"{verdicts.count(one)} {one}" for one in _MARKS if verdicts.count(one))
    failed = sum(bool(row["error"]) for row in result["rows"])
    return f"goals: {told or 'none'}" + (f"; {failed} rows failed" if failed else "")


def page(result: dict[str, Any]) -> str:
    """The same as a page in markdown, with the machine and all versions."""
    return "\n".join(_page(result)) + "\n"


def _page(result: dict[str, Any]) -> Iterator[str]:
    yield "# Speed, side by side"
    yield ""
    yield f"By `make bench`. Medians of the rounds, least and greatest in brackets. {summary(result).capitalize()}."
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
    yield "![Medians and range over the rounds, as shares of the goals](speed.png)"
    yield ""
    yield "## How and on what"
    yield ""
    yield from (f"* {one}" for one in (*_runs(result), *_notes(result)))
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    yield from (f"| {name} | {value} |" for name, value in _described(result))


def _described(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    of = result["machine"]
    yield "processor", f"{of['cpu']}, {of['cores']} cores, threads a core: {of['threads_a_core']}"
    yield "of its instructions", ", ".join(of["flags"]) or "none of those that matter here"
    yield "caches", ", ".join(f"{name} {size}" for name, size in of["caches"].items()) or "not told"
    yield "memory", f"{of['memory_gb']:g} GB"
    yield "system", of["system"]
    yield "Python", of["python"]
    yield "semcache", of["semcache"]
    yield "store", of["store"]
    yield "libraries", _versions(of["versions"])
    yield "peers", _versions(result.get("peers") or {}) or "none"


def _versions(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _machine(result: dict[str, Any]) -> str:
    of, peers = result["machine"], result.get("peers") or {}
    beside = f"; LiteLLM {peers['litellm']}, GPTCache {peers['gptcache']}" if peers else "; no peers"
    return (
        f"{of['cores']} cores of {of['cpu']}, {of['memory_gb']:g} GB, {of['system']}, {of['python']}; semcache "
        f"{of['semcache']}{beside}"
    )


def _named(row: dict[str, Any]) -> str:
    """A row by name, with its rounds where these were fewer than asked for."""
    ran = len(row["rounds"])
    fewer = f" ({ran} round{'' if ran == 1 else 's'})" if ran < row["plan"]["rounds"] else ""
    return f"{row['name']}{fewer}"


def _runs(result: dict[str, Any]) -> list[str]:
    """What was measured together: rows, code, sizes, moment, time taken."""
    runs: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in result["rows"]:
        plan = row["plan"]
        sizes = f"{plan['name']} sizes, N = {plan['scale_entries']:,}, {plan['rounds']} rounds"
        code = f"{row['commit'] or 'no commit'}{' with changes' if row['changed'] else ''}"
        runs.setdefault((row["begun"], code, sizes), []).append(row)
    return [
        f"{', '.join(map(_named, rows))}: {sizes}, begun {begun} at {code}, "
        f"took {sum(row['took_s'] for row in rows):,.0f} s"
        for (begun, code, sizes), rows in runs.items()
    ]


def _notes(result: dict[str, Any]) -> list[str]:
    """Each once, however many rows it is said of."""
    return list(dict.fromkeys(note for row in result["rows"] for note in row["notes"]))


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


_LONG: Final = 100.0
"""Shares beyond it, and below its inverse, are drawn at the edge and told in figures."""


def _plot(result: dict[str, Any], path: Path) -> None:
    """Each goal with a bound as a share of it: right of the line is reached. The figure itself stands beside it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.lines import Line2D

    bars = list(_bars(result))
    if not bars:
        return
    figure, axes = pyplot.subplots(figsize=(11, 1.8 + 0.3 * len(bars)), layout="constrained")
    for at, (_, shares, verdict, told) in enumerate(bars):
        low, median, high = (min(max(share, 1 / _LONG), _LONG) for share in shares)
        axes.plot([low, high], [at, at], color=_COLOURS[verdict], lw=4, alpha=0.45, solid_capstyle="butt")
        axes.plot([median], [at], "o", color=_COLOURS[verdict], ms=6)
        axes.annotate(
            told, (1.01, at), xycoords=("axes fraction", "data"), va="center", fontsize=8, color=_COLOURS[verdict]
        )
    axes.axvline(1.0, color="#333333", lw=1.2)
    axes.set_yticks(range(len(bars)), [bar[0] for bar in bars], fontsize=8)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xscale("log")
    edge = max(4.0, 1.3 * max(max(share, 1 / share) for _, shares, _, _ in bars for share in shares))
    axes.set_xlim(1 / min(edge, 1.2 * _LONG, 20.0), min(edge, 1.2 * _LONG))
    ticks = [tick for tick in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if axes.get_xlim()[0] <= tick <= edge]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(
        "times as good as the goal asks: median, and range over the rounds; at 1 and right of it, it is reached"
    )
    shown = [verdict for verdict in _TOLD if any(bar[2] == verdict for bar in bars)]
    marks = [Line2D([], [], color=_COLOURS[one], marker="o", lw=4, alpha=0.8, label=_TOLD[one]) for one in shown]
    axes.legend(handles=marks, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=8, frameon=False)
    axes.grid(axis="x", alpha=0.25)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _bars(result: dict[str, Any]) -> Iterator[tuple[str, tuple[float, float, float], str, str]]:
    """(label, shares of the bound, verdict, figure and bound); a greater share is better, whichever way the bound
    points."""
    for row in result["rows"]:
        for goal in row["goals"]:
            bound = goal["least"] if goal["least"] is not None else goal["most"]
            values = [goal.get(key) for key in ("low", "median", "high")]
            if not bound or any(value is None or value <= 0 for value in values):
                continue
            low, median, high = sorted(
                value / bound if goal["least"] is not None else bound / value for value in values
            )
            told = f"{_plain(goal['median'])} {goal['unit']}".strip() + f", goal {goal['bound']}"
            yield f"{row['name']}: {goal['title']}", (low, median, high), goal["verdict"], told
