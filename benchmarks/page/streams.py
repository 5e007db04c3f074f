"""The streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from benchmarks.page.words import LABELS, NAMES

ERRORS: Final = ("0.005", "0.01", "0.02", "0.05")


def section(result: dict[str, Any]) -> Iterator[str]:
    """What every policy serves of every stream."""
    if not result["streams"]:
        return
    yield "## Streams"
    yield ""
    yield _ABOUT_STREAMS
    yield ""
    yield "![Hits against wrong answers on all streams](streams.png)"
    for name, stream in result["streams"].items():
        yield ""
        yield f"### {NAMES.get(name, name)}"
        yield ""
        yield from (_told if stream["possible"] else _floor)(stream, stream["requests"])
    yield ""


def _told(stream: dict[str, Any], count: int) -> Iterator[str]:
    yield f"{count:,} requests, {stream['possible'] / count:.1%} possible."
    yield ""
    yield "| stored | order | policy | 0.5 % wrong | 1 % | 2 % | 5 % |"
    yield "| --- | --- | --- | ---: | ---: | ---: | ---: |"
    for protocol in ("miss", "all"):
        for order in ("file", "shuffle"):
            runs = _runs(stream, order, protocol)
            for mode, label in LABELS.items():
                cells = [_mean(runs, mode, error, count) for error in ERRORS]
                told = "on miss" if protocol == "miss" else "all"
                yield (
                    f"| {told} | {'shuffled' if order == 'shuffle' else order} | {label} | " + " | ".join(cells) + " |"
                )
    yield ""
    yield from _shipped(stream, count)


_ABOUT_STREAMS: Final = """\
Hits of all tiers over all requests, at the best threshold whose wrong answers are at most the given share of all
requests (chosen in hindsight, for every policy alike). Exact and normalised tiers stand ahead of every policy.
`shuffled` is the mean of the shuffled orders. A request's class is what labels join; an answer of any other class
counts as wrong, also where nobody labelled that very pair, so errors are upper bounds. `possible` is what a perfect
decision would serve. The rows of verified mode and of vCache are of their best bound, found likewise. Verified
mode stores what it explores and nothing else, so it has no row where everything is stored."""


def _runs(stream: dict[str, Any], order: str, protocol: str) -> list[dict[str, Any]]:
    return [run for key, run in stream["runs"].items() if key.startswith(order) and key.endswith(protocol)]


def _mean(runs: Sequence[dict[str, Any]], mode: str, error: str, count: int) -> str:
    points = [run["at"][error].get(mode) for run in runs]
    if not points or any(point is None for point in points):
        return "-"
    hits, semantic = (float(np.mean([point[what] for point in points])) for what in ("hits", "semantic"))
    return f"{hits / count:.1%} ({semantic / count:.1%} semantic)"


SHIPPED: Final = (
    ("threshold", "threshold mode", "miss"),
    ("guarded", "guarded mode", "miss"),
    ("guarded", "shadow mode, not served", "all"),
    ("verified 0.01", "verified mode, bound 1 %", "miss"),
    ("verified 0.02", "verified mode, bound 2 %", "miss"),
    ("gptcache", "GPTCache's default, cosine .60", "miss"),
    ("vcache 0.01", "vCache, bound 1 %", "miss"),
    ("vcache 0.02", "vCache, bound 2 %", "miss"),
)


def _shipped(stream: dict[str, Any], count: int) -> Iterator[str]:
    yield "As shipped, in file order:"
    yield ""
    yield "| policy | hits | semantic | wrong / all | wrong / semantic hits |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for key, label, protocol in SHIPPED:
        point = stream["runs"][f"file, {protocol}"]["shipped"][key]
        false = point["false"]
        share = (
            f"{false['served'] / false['of']:.1%} ({false['low']:.1%} to {false['high']:.1%})" if false["of"] else "-"
        )
        cells = [f"{point['hits'] / count:.1%}", f"{point['semantic'] / count:.1%}", f"{point['error']:.2%}", share]
        yield f"| {label} | " + " | ".join(cells) + " |"


def _floor(stream: dict[str, Any], count: int) -> Iterator[str]:
    """Of a stream in which every request is the first of its label: what is served at all."""
    yield _ABOUT_FLOOR.format(count=count)
    yield ""
    yield "| policy | on miss, file | on miss, shuffled | all, file | all, shuffled |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for key, label, told in SHIPPED:
        if told == "miss":
            runs = [_runs(stream, order, protocol) for protocol in ("miss", "all") for order in ("file", "shuffle")]
            yield f"| {label} | " + " | ".join(_served(found, key, count) for found in runs) + " |"


def _served(runs: Sequence[dict[str, Any]], key: str, count: int) -> str:
    points = [run["shipped"].get(key) for run in runs]
    if not points or not all(points):
        return "-"
    served = float(np.mean([point["semantic"] for point in points]))
    return f"{served:,.0f} ({served / count:.2%})"


_ABOUT_FLOOR: Final = """\
{count:,} questions of several sets, each in other words than all others. None has a class, so nothing is possible:
semantic hits as shipped are counted, and each counts as wrong, though it may be right where two sets ask one thing.
An upper bound, then, of what is served wrongly to people who ask what nobody asked before; no hit was judged by
hand."""
