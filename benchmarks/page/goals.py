"""The goals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from benchmarks.page.words import percent


def section(result: dict[str, Any]) -> Iterator[str]:
    """What was aimed at, and what is reached."""
    yield "## Goals"
    yield ""
    yield "| figure | cosine | goal | reached |"
    yield "| --- | ---: | ---: | ---: |"
    for row in goals(result):
        yield "| " + " | ".join(row) + " |"
    yield ""
    yield _ELSEWHERE
    yield ""


_ELSEWHERE: Final = """\
Two goals are measured by programs of their own: that verified mode keeps its bound ([verified](verified.md),
`benchmarks/verified.py`), and what a lookup takes ([benchmarks](benchmarks.md#what-the-decision-adds),
`benchmarks/added.py`)."""


def goals(result: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Figure, what cosine alone reaches, goal, what the guarded decision reaches."""
    rows = []
    for split in ("dev", "test"):
        name = f"everyday, {split}"
        for share, goal in ((0.01, ">= 85 %"), (0.0, ">= 50 %")):
            found = _ranks(result, name, f"served_at_{share:g}")
            rows.append((f"{name}: positives served at {share:.0%} of traps", found["cosine"], goal, found["guarded"]))
    for figure, goal in (("recall_90", ">= .60"), ("recall_95", ">= .40")):
        found = _ranks(result, "qqp_pairs", figure)
        rows.append((f"Quora pairs: recall at precision .{figure[-2:]}", found["cosine"], goal, found["guarded"]))
    rows += _stream_goals(result)
    found = _ranks(result, "conversations, same last message", "served_at_0.03")
    rows.append(
        ("conversations: reworded context served at 3 % of same-last-message traps", found["cosine"], ">= 80 %",
         found["guarded"])
    )  # fmt: skip
    near = [row["shipped"] for name, row in result["pairs"].items() if name.startswith("near repeats")]
    if near:
        rows.append(("near repeats served as shipped", _pooled(near, "threshold"), ">= 97 %", _pooled(near, "guarded")))
    return rows


def _stream_goals(result: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    if "qqp_pairs" not in result["streams"]:
        return
    at = result["streams"]["qqp_pairs"]["runs"]["file, miss"]["at"]["0.01"]
    for what, name in (("hits", "hits of all tiers"), ("semantic", "semantic hits")):
        static, guarded = (at[mode][what] if at[mode] else 0 for mode in ("static", "guarded"))
        ratio = f"{guarded:,} ({guarded / static:.2f} times)" if static else f"{guarded:,}"
        yield f"Quora stream: {name} at 1 % wrong over all requests", f"{static:,}", ">= 2.5 times", ratio


def _ranks(result: dict[str, Any], name: str, figure: str) -> dict[str, str]:
    judges = result["pairs"].get(name, {}).get("judges", {})
    return {judge: percent(judges.get(judge, {}).get(figure)) for judge in ("cosine", "guarded")}


def _pooled(rows: Iterable[dict[str, Any]], mode: str) -> str:
    shares = [row[mode]["same"] for row in rows]
    return percent(sum(one["served"] for one in shares) / max(1, sum(one["of"] for one in shares)))
