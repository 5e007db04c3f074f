"""Hit rate against error, as a picture where matplotlib is there, else as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from semcache.policy.tuning import Among, Point, Proposal

_WIDTH: Final = 61
_HEIGHT: Final = 15


def picture(file: Path, proposal: Proposal, points: Sequence[Point]) -> bool:
    """Write a PNG; False, and nothing is written, where matplotlib is missing."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        return False
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    rates = [point.error(proposal.among) for point in points]
    hits = [100 * point.hits for point in points]
    axes.plot([100 * rate.value for rate in rates], hits, label="measured")
    axes.fill_betweenx(
        hits,
        [100 * rate.low for rate in rates],
        [100 * rate.high for rate in rates],
        alpha=0.25,
        label=f"{proposal.level:.0%} bounds",
    )
    axes.axvline(100 * proposal.target, linestyle=":", color="grey", label=f"target {proposal.target:.2%}")
    for point, name, marker in ((proposal.current, "in force", "s"), (proposal.proposed, "proposed", "o")):
        if point is not None:
            label = f"{name}: {proposal.knob} {point.cut:.4f}"
            axes.plot(100 * point.error(proposal.among).value, 100 * point.hits, marker, color="black", label=label)
    axes.set_xlabel(f"wrong, % of {proposal.among}")
    axes.set_ylabel("served, % of labelled pairs")
    axes.set_xlim(0, min(max(4 * 100 * proposal.target, 1e-6), 100))
    axes.set_title(f"{proposal.namespace}: {proposal.labels} labels")
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=120, format="png")
    pyplot.close(figure)
    return True


def text(proposal: Proposal, points: Sequence[Point]) -> str:
    """The same in characters: `*` measured, `o` proposed, `x` in force, `:` the target."""
    right = min(max(4 * proposal.target, 1e-9), 1.0)
    grid = [[" "] * _WIDTH for _ in range(_HEIGHT)]

    def put(error: float, hits: float, mark: str) -> None:
        if error <= right:
            grid[_HEIGHT - 1 - round(hits * (_HEIGHT - 1))][round(error / right * (_WIDTH - 1))] = mark

    for row in range(_HEIGHT):
        put(proposal.target, row / (_HEIGHT - 1), ":")
    for point in points:
        put(point.error(proposal.among).value, point.hits, "*")
    for marked, mark in ((proposal.current, "x"), (proposal.proposed, "o")):
        if marked is not None:
            put(marked.error(proposal.among).value, marked.hits, mark)
    of = "requests" if proposal.among is Among.REQUESTS else "hits"
    lines = [f"served  (* measured, o proposed, x in force, : target of {proposal.target:.2%} wrong among {of})"]
    for number, row_of in enumerate(grid):
        share = 1 - number / (_HEIGHT - 1)
        lines.append(f"{share:>6.0%} |{''.join(row_of).rstrip()}")
    lines.append(f"{'':>6} +{'-' * _WIDTH}")
    lines.append(f"{'':>8}0%{f'{right:.2%} wrong':>{_WIDTH - 3}}")
    return "\n".join(lines)
