"""The plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.page.words import COLOURS, LABELS, NAMES


def draw(result: dict[str, Any], names: Sequence[str], path: Path) -> None:
    """Hits against wrong answers: an axes a stream, a line a policy."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import PercentFormatter

    columns = min(2, len(names))
    lines = -(-len(names) // columns)
    figure, table = pyplot.subplots(
        lines, columns, figsize=(8 if columns == 1 else 6 * columns, 4.5 * lines), layout="constrained", squeeze=False
    )
    for name, axes in zip(names, table.flat, strict=False):
        stream = result["streams"][name]
        run, count = stream["runs"]["file, miss"], stream["requests"]
        for mode, curve in run["curves"].items():
            if mode in ("verified", "vcache") and len(names) == 1:
                continue
            error, hits = np.array(curve["error"]), np.array(curve["hits"]) / count
            order = np.argsort(error, kind="stable")
            axes.plot(
                error[order], np.maximum.accumulate(hits[order]), color=COLOURS[mode], lw=2, label=LABELS[mode],
                marker="o" if mode in ("verified", "vcache") else None, ms=3,
            )  # fmt: skip
        for mode, colour in (("threshold", COLOURS["static"]), ("guarded", COLOURS["guarded"])):
            point = run["shipped"][mode]
            axes.plot(point["error"], point["hits"] / count, "o", color=colour, ms=7, mec="white")
        axes.axhline(stream["possible"] / count, color="#555555", lw=1, ls=":", label="a perfect decision")
        axes.set(xlabel="wrong answers / requests", ylabel="hits / requests", xlim=(0, 0.06), ylim=(0, None))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_title(f"{NAMES.get(name, name)}: {count:,} requests, stored on miss, dots as shipped", fontsize=10)
        axes.legend(frameon=False, loc="lower right")
        axes.grid(alpha=0.25)
    for axes in list(table.flat)[len(names) :]:
        axes.set_visible(False)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
