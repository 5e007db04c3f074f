"""How well a decision on pairs separates those that deserve one answer from traps, and what it serves as shipped."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence import Columns, Evidence
from semcache.policy.guards import Force
from semcache.verifier.train import measures
from semcache.verifier.train.pairs import LabelledPair

Floats = NDArray[np.float64]
SHARES = (0.05, 0.03, 0.01, 0.0)
"""Of the traps, at which the share of positives that are served is told."""


def wilson(served: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a share (Wilson 1927), 95 % by default; (0, 1) where nothing was counted."""
    if not count:
        return 0.0, 1.0
    share = served / count
    centre = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    whole = 1 + z * z / count
    return max(0.0, (centre - half) / whole), min(1.0, (centre + half) / whole)


def judges(found: Columns, floor: float) -> dict[str, Floats]:
    """What each judge ranks the pairs by."""
    return {"cosine": found.cosine, "verifier": found.score, "guarded": found.guarded(floor)}


def measured(
    pairs: Sequence[LabelledPair], found: Columns, *, floor: float, threshold: float, confidence: float, gptcache: float
) -> dict[str, Any]:
    """All figures of one set. `threshold`, `confidence`: what the two modes are shipped with; `gptcache`: the least
    cosine that GPTCache serves.
    """
    same = np.array([pair.same for pair in pairs], bool)
    scores = judges(found, floor)
    served = {
        "threshold": (found.cosine >= threshold) | found.direct,
        "guarded": scores["guarded"] >= confidence,
        "gptcache": (found.cosine >= gptcache) | found.direct,
    }
    result: dict[str, Any] = {"same": int(same.sum()), "traps": int((~same).sum()), "judges": {}, "shipped": {}}
    for judge, values in scores.items():
        result["judges"][judge] = _ranked(values, same)
    for mode, chosen in served.items():
        result["shipped"][mode] = {
            "same": _share(int((chosen & same).sum()), int(same.sum())),
            "traps": _share(int((chosen & ~same).sum()), int((~same).sum())),
        }
    result["kinds"] = _by_kind(pairs, same, served, found.vetoed)
    return result


def _ranked(values: Floats, same: NDArray[np.bool_]) -> dict[str, float | None]:
    """None where the set lacks what a figure needs."""
    both = bool(same.any()) and bool((~same).any())
    figures: dict[str, float | None] = {
        "auc": measures.auc(values, same) if both else None,
        "recall_90": measures.recall_at_precision(values, same, 0.90) if both else None,
        "recall_95": measures.recall_at_precision(values, same, 0.95) if both else None,
    }
    for share in SHARES:
        figures[f"served_at_{share:g}"] = measures.served_at(values, same, share) if both else None
    return figures


def _share(served: int, count: int) -> dict[str, Any]:
    low, high = wilson(served, count)
    return {"served": served, "of": count, "low": low, "high": high}


def _by_kind(
    pairs: Sequence[LabelledPair],
    same: NDArray[np.bool_],
    served: dict[str, NDArray[np.bool_]],
    vetoed: NDArray[np.bool_],
) -> dict[str, dict[str, int]]:
    kinds: dict[str, dict[str, int]] = {}
    for at, pair in enumerate(pairs):
        name = kind_of(pair)
        row = kinds.setdefault(name, {"of": 0, "vetoed": 0, **dict.fromkeys(served, 0)})
        row["of"] += 1
        row["vetoed"] += int(vetoed[at])
        for mode, chosen in served.items():
            row[mode] += int(chosen[at])
    return dict(sorted(kinds.items()))


def kind_of(pair: LabelledPair) -> str:
    """Of a pair: `trap:` or `positive:`, and what was done."""
    side = "positive" if pair.same else "trap"
    return pair.kind if pair.kind.startswith(side) else f"{side}:{pair.kind}"


def errors(
    name: str, pairs: Sequence[LabelledPair], found: Columns, evidence: Evidence, confidence: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Traps that the guarded mode serves as shipped, and pairs that deserve one answer and are refused."""
    value = found.guarded(evidence.floor)
    wrong, refused = [], []
    for at, pair in enumerate(pairs):
        if (value[at] >= confidence) != pair.same:
            row = error(name, kind_of(pair), pair.b, pair.a, evidence)
            row |= {"cosine": found.cosine[at], "score": found.score[at], "chance": found.chance[at]}
            row["cause"] = _cause(found, at, row["findings"], evidence.floor) if pair.same else "served"
            (refused if pair.same else wrong).append(row)
    return wrong, refused


def error(name: str, kind: str, asked: str, cached: str, evidence: Evidence) -> dict[str, Any]:
    """A row for the file of errors."""
    told = evidence.told(asked, cached)
    return {"set": name, "kind": kind, "asked": asked, "cached": cached, "findings": told}


def _cause(found: Columns, at: int, findings: Sequence[str], floor: float) -> str:
    if found.cosine[at] < floor:
        return "cosine below the floor"
    if found.vetoed[at]:
        vetoes = [one.split()[1].rstrip(":") for one in findings if one.startswith(Force.VETO)]
        return f"veto: {vetoes[0]}" if vetoes else "veto: long text, or another turn"
    return "doubted"


def sample(rows: list[dict[str, Any]], count: int, seed: int) -> list[dict[str, Any]]:
    """`count` of them at random."""
    return random.Random(seed).sample(rows, min(count, len(rows)))
