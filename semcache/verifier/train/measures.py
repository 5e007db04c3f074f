"""How good scores separate pairs that deserve one answer from those that do not. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def auc(scores: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the chance that a positive scores above a trap, ties counting half (Mann-Whitney)."""
    positives, negatives = np.sort(scores[same]), np.sort(scores[~same])
    if not len(positives) or not len(negatives):
        return float("nan")
    below = np.searchsorted(negatives, positives, "left") + np.searchsorted(negatives, positives, "right")
    return float(below.sum() / (2 * len(positives) * len(negatives)))


def recall_at_precision(scores: NDArray[np.float64], same: NDArray[np.bool_], precision: float) -> float:
    """The greatest share of positives served at a threshold where at least `precision` of all served are right."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(same[order])
    served = np.arange(1, len(order) + 1)
    # Equal scores are served together or not at all.
    last = np.append(np.diff(scores[order]) != 0, True)
    fits = last & (right >= precision * served)
    return float(right[fits].max(initial=0) / max(1, same.sum()))


def served_at(scores: NDArray[np.float64], same: NDArray[np.bool_], share: float) -> float:
    """Share of positives above the threshold at which at most `share` of the traps are served."""
    traps = np.sort(scores[~same])[::-1]
    allowed = int(share * len(traps) + 1e-9)
    limit = traps[allowed] if allowed < len(traps) else -np.inf
    return float((scores[same] > limit).mean()) if same.any() else float("nan")


def row(name: str, scores: Sequence[float] | NDArray[np.float64], same: Sequence[bool]) -> str:
    """One line of a report: sizes, AUC, recall at .90/.95 precision, positives served at 5, 1 and 0 % of the traps."""
    values, labels = np.asarray(scores, np.float64), np.asarray(same, bool)
    recalls = " ".join(f"{recall_at_precision(values, labels, precision):.3f}" for precision in (0.90, 0.95))
    served = " ".join(f"{served_at(values, labels, share):.3f}" for share in (0.05, 0.01, 0.0))
    return f"{name:32s} {labels.sum():6d} {(~labels).sum():6d}  {auc(values, labels):.3f}  {recalls}  {served}"


HEADER = f"{'set':32s} {'same':>6s} {'traps':>6s}  AUC    R@.90 R@.95  served at 5 %, 1 %, 0 % of the traps"
