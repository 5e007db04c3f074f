"""From scores and further evidence to probabilities: a logistic regression on pairs that training never saw."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from semcache.engines.package import words
from semcache.policy import guards
from semcache.policy.confidence import FEATURES, features
from semcache.policy.guards import Rules
from semcache.ports import Calibration
from semcache.verifier.train.pairs import LabelledPair

PACKAGED_SPACE: Final = "minilm-3b348a509be6"
"""Fingerprint of the packaged embedder's vectors, of which the similarities here are."""
RIDGE: Final = 1.0
"""L2 penalty, in pairs: a doubt that was hardly ever seen weighs little."""
_STEPS: Final = 50


def fit(
    evidence: Sequence[Mapping[str, float]],
    pairs: Sequence[LabelledPair],
    *,
    fingerprint: str,
    without: frozenset[str] = frozenset(),
) -> Calibration:
    """Weights by Newton's method (iteratively reweighted least squares; McCullagh & Nelder 1989, section 2.5).

    Sources count by the square root of their size, so that the largest does not decide alone. Features in `without`
    are left out.
    """
    names = [name for name in FEATURES if name not in without]
    rows = np.array([[1.0, *(one.get(name, 0.0) for name in names)] for one in evidence])
    same = np.array([pair.same for pair in pairs], np.float64)
    sizes = Counter(pair.source for pair in pairs)
    counts = np.array([1.0 / math.sqrt(sizes[pair.source]) for pair in pairs])
    counts *= len(pairs) / counts.sum()
    weights = _newton(rows, same, counts)
    return Calibration(
        fingerprint=fingerprint,
        bias=round(float(weights[0]), 5),
        weights={name: round(float(value), 5) for name, value in zip(names, weights[1:], strict=True)},
    )


def of_turns(scored: Sequence[tuple[LabelledPair, float]], *, fingerprint: str) -> Calibration:
    """For single turns of conversations, each with its score: without a cosine, as that is of the whole."""
    pairs = [pair for pair, _ in scored]
    known = evidence(pairs, [score for _, score in scored], [0.0] * len(pairs))
    return fit(known, pairs, fingerprint=fingerprint, without=frozenset({"similarity"}))


def evidence(
    pairs: Sequence[LabelledPair], scores: Sequence[float], similarities: Sequence[float]
) -> list[dict[str, float]]:
    """What is known of each pair, as `policy.confidence` weighs it."""
    rules = Rules.default()
    return [
        features(
            pair.a,
            pair.b,
            score=score,
            similarity=similarity,
            findings=guards.compare(guards.read(pair.a, rules), guards.read(pair.b, rules), rules),
            known=words(),
        )
        for pair, score, similarity in zip(pairs, scores, similarities, strict=True)
    ]


def save(path: Path, spaces: Mapping[str, Calibration]) -> None:
    """Write the calibrations by vector space as JSON."""
    path.write_text(json.dumps({"spaces": msgspec.to_builtins(dict(spaces))}, indent=1) + "\n", encoding="utf-8")


def _newton(rows: NDArray[np.float64], same: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 (features,): the minimum of the penalised, weighted log loss; the first column is not penalised."""
    ridge = np.full(rows.shape[1], RIDGE)
    ridge[0] = 0.0
    weights = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(rows @ weights, -30, 30)))
        slope = rows.T @ (counts * (chance - same)) + ridge * weights
        curve = (rows * (counts * chance * (1 - chance))[:, None]).T @ rows + np.diag(ridge) + 1e-9 * np.eye(len(ridge))
        step = np.linalg.solve(curve, slope)
        weights -= step
        if float(np.abs(step).max()) < 1e-8:
            break
    return weights
