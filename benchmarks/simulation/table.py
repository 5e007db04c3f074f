"""What came of all runs, as tables in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from benchmarks.simulation.cells import Key
from benchmarks.simulation.outcome import LABELS, WINDOW, Early, Outcome

EASY: Final = 0.02
"""Least bound of which the beginnings are told."""


class _Score(NamedTuple):
    """A policy on one stream, order and bound; means over seeds."""

    hits: float
    best: float
    """Hits of the oracle."""
    ended: float
    """Share of the runs that ended beyond the bound."""

    @property
    def of_best(self) -> str:
        return f"{self.hits / self.best:.0%}" if self.best else "-"


def table(done: Mapping[Key, Outcome]) -> str:
    """Means over seeds, a line for each stream, order and bound; and all of a policy together."""
    lines = [
        "| stream | order | bound | seeds | hits of oracle | verified: hits, of oracle's | wrong / bound (most) | "
        "violated: end, ever | explored | frozen: hits, of oracle's, violated | vCache: hits, of oracle's, violated |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    sums: dict[str, list[_Score]] = {}
    for stream, order, bound in sorted({key[:3] for key in done}):
        runs = _by_seed(done, (stream, order, bound))
        seeds = sorted(runs.get("oracle", {}).keys() & runs.get("verified", {}).keys())
        if not seeds:
            continue
        best = float(np.mean([runs["oracle"][seed].hits for seed in seeds]))
        texts = []
        for policy in ("verified", "frozen", "vcache"):
            found = [runs[policy][seed] for seed in seeds if seed in runs.get(policy, {})]
            if not found:
                texts.append("")
                continue
            score = _score(found, best, bound)
            sums.setdefault(f"{policy} {order} {bound:.1%}", []).append(score)
            sums.setdefault(policy, []).append(score)
            texts.append(_verified(score, found, bound) if policy == "verified" else _other(score))
        name = stream.removesuffix("_class")
        lines.append(f"| {name} | {order} | {bound:.1%} | {len(seeds)} | {best:.0f} | " + " | ".join(texts) + " |")
    lines += ["", "| all | hits of oracle's | runs that violated |", "|---|---|---|"]
    for name, scores in sums.items():
        hits, best, ended = (float(np.sum(column)) for column in zip(*scores, strict=True))
        lines.append(f"| {name} | {hits / max(best, 1.0):.0%} | {ended / len(scores):.1%} |")
    return "\n".join([*lines, "", *beginnings(done)])


def _by_seed(done: Mapping[Key, Outcome], cell: tuple[str, str, float]) -> dict[str, dict[int, Outcome]]:
    """A cell's outcomes by policy, then seed."""
    found: dict[str, dict[int, Outcome]] = {}
    for (stream, order, bound, policy, seed), outcome in done.items():
        if (stream, order, bound) == cell:
            found.setdefault(policy, {})[seed] = outcome
    return found


def _score(runs: Sequence[Outcome], best: float, bound: float) -> _Score:
    ended = float(np.mean([share > 1.0 for share in _shares(runs, bound)]))
    return _Score(float(np.mean([run.hits for run in runs])), best, ended)


def _shares(runs: Sequence[Outcome], bound: float) -> list[float]:
    """Wrong answers of each run, as a share of what the bound allows."""
    return [run.wrong / run.requests / bound for run in runs]


def _verified(score: _Score, runs: Sequence[Outcome], bound: float) -> str:
    shares = _shares(runs, bound)
    ever = float(np.mean([run.worst > bound for run in runs]))
    explored = float(np.mean([run.explored for run in runs]))
    return (
        f"{score.hits:.0f}, {score.of_best} | {np.mean(shares):.2f} ({max(shares):.2f}) | {score.ended:.0%}, {ever:.0%}"
        f" | {explored:.0f}"
    )


def _other(score: _Score) -> str:
    return f"{score.hits:.0f}, {score.of_best}, {score.ended:.0%}"


def beginnings(done: Mapping[Key, Outcome]) -> list[str]:
    """A table of how much `verified` serves after LABELS labels, a line for each bound and order."""
    lines = [
        f"| after {LABELS} labels | runs | requests until then | hit rate of the next {WINDOW} | of the last plan's on "
        "the same | of the last half's |",
        "|---|---|---|---|---|---|",
    ]
    runs: dict[tuple[float, str], list[tuple[Outcome, Early]]] = {}
    for (_, order, bound, _, _), outcome in sorted(done.items(), key=lambda one: one[0]):
        if outcome.early is not None and bound >= EASY:
            runs.setdefault((bound, order), []).append((outcome, outcome.early))
    for (bound, order), found in sorted(runs.items()):
        rate = float(np.mean([early.hits / WINDOW for _, early in found]))
        steady = float(np.mean([early.steady / WINDOW for _, early in found]))
        late = float(np.mean([early.late / (one.requests - one.requests // 2) for one, early in found]))
        lines.append(
            f"| {bound:.1%}, {order} | {len(found)} | {float(np.mean([early.before for _, early in found])):.0f} | "
            f"{rate:.1%} | {rate / max(steady, 1e-9):.0%} | {rate / max(late, 1e-9):.0%} |"
        )
    return lines
