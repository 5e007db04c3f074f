"""vCache's policy (Schroeder et al. 2025, "vCache: Verified Semantic Prompt Caching", arXiv:2502.03771), made anew.

Every cached prompt has labels of its own: of each request whose nearest neighbour it was and that was explored, the
cosine and whether its answer would have been right. A logistic curve over the cosine is fitted to them, its threshold
`t` with a variance (delta method). For each confidence level 1 - e the curve is moved to the upper bound of `t`; times
1 - e this bounds from below how probable a right answer is, and the request is explored with probability
1 - delta / (1 - bound), the least of which over all e is taken. So, by the paper, each request is answered wrongly with
a probability of at most delta. An entry starts with two made labels (wrong at cosine 0, right at 1) and is exploited
from its fourth real one on.

What the paper leaves open is done as its authors' public code does it, but for the variance where the labels separate
perfectly and the maximum of the likelihood does not exist: there it is a table from simulations in their code, and
0.2 / n, at least 0.01, here, which is about what stands in it; the steepness is capped at MOST_STEEP.
"""

from __future__ import annotations

import math
import random
from statistics import NormalDist
from typing import Final

import numpy as np

from benchmarks.sweep import Curve, Line, Run

LEAST: Final = 6
"""Labels, the two made ones included, from which on an entry is exploited."""
MOST_STEEP: Final = 200.0
"""About where the authors' solver stops on separable labels."""
_LEVELS: Final = np.linspace(1e-6, 1 - 1e-6, 50)
_QUANTILES: Final = np.array([NormalDist().inv_cdf(1 - level) for level in _LEVELS])


class Entry:
    """One cached prompt's labels and the curve through them."""

    def __init__(self) -> None:
        self.cosines = [0.0, 1.0]
        self.right = [0.0, 1.0]
        self._fitted: tuple[float, float, float] | None = None

    def learn(self, cosine: float, right: bool) -> None:
        """Add the label of an explored request."""
        self.cosines.append(cosine)
        self.right.append(float(right))
        self._fitted = None

    def explore(self, cosine: float, delta: float) -> float:
        """The probability with which a request at `cosine` is to be explored."""
        if len(self.cosines) < LEAST:
            return 1.0
        if self._fitted is None:
            self._fitted = _fit(np.array(self.cosines), np.array(self.right))
        threshold, steep, variance = self._fitted
        bounds = np.clip(threshold + _QUANTILES * math.sqrt(variance), 0.0, 1.0)
        chance = (1 - _LEVELS) / (1 + np.exp(-np.clip(steep * (cosine - bounds), -60, 60)))
        return max(0.0, float((1 - delta / np.maximum(1 - chance, 1e-12)).min()))


def _fit(cosines: np.ndarray, right: np.ndarray) -> tuple[float, float, float]:  # type: ignore[type-arg]
    """Threshold, steepness and the threshold's variance, by Newton's method."""
    rows = np.stack([np.ones_like(cosines), cosines], axis=1)
    separate = cosines[right > 0].min() > cosines[right == 0].max()
    weights = np.zeros(2)
    curve = np.eye(2)
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        curve = (rows * (chance * (1 - chance))[:, None]).T @ rows + 1e-6 * np.eye(2)
        step = np.linalg.solve(curve, rows.T @ (right - chance) - 1e-6 * weights)
        weights += step * min(1.0, 20.0 / max(float(np.abs(step).max()), 1e-9))
        if float(np.abs(step).max()) < 1e-6 or weights[1] > MOST_STEEP:
            break
    steep = float(np.clip(weights[1], 1e-6, MOST_STEEP))
    threshold = float(np.clip(-weights[0] / max(float(weights[1]), 1e-6), 0.0, 1.0))
    if separate:
        low, high = cosines[right == 0].max(), cosines[right > 0].min()
        return float(np.clip(threshold, low, high)), steep, max(0.01, 0.2 / len(cosines))
    slope = np.array([-1 / steep, float(weights[0]) / steep**2])
    return threshold, steep, max(0.0, float(slope @ np.linalg.inv(curve) @ slope))


def replay(stream: Line, deltas: list[float], *, insert_all: bool, seed: int) -> Curve:
    """The stream against a vCache of each `delta`, exact and normalised tiers ahead of it as in all other modes."""
    runs = [_one(stream, delta, insert_all=insert_all, rng=random.Random(seed)) for delta in deltas]
    return Curve.of(deltas, len(stream.text), runs)


def _one(stream: Line, delta: float, *, insert_all: bool, rng: random.Random) -> Run:
    """One cache past the whole stream.

    An explored request is stored where the nearest answer was wrong, as in the authors' code, or always.
    """
    entries: dict[int, Entry] = {}
    labels: dict[int, int] = {}
    spelled: dict[int, int] = {}
    stored = np.zeros(len(stream.texts), bool)
    direct = semantic = wrong = wrong_semantic = 0
    for text, label in zip(stream.text.tolist(), stream.label.tolist(), strict=True):
        known = text if text in entries else spelled.get(stream.spelling[text])
        keep = True
        if known is not None:
            direct += 1
            wrong += labels[known] != label
            keep = False
        else:
            near = stream.near[text]
            there = np.flatnonzero((near >= 0) & stored[near])
            if len(there):
                nearest = int(near[there[0]])
                cosine = round(float(stream.cosine[text][there[0]]), 3)
                right = labels[nearest] == label
                if rng.random() > entries[nearest].explore(cosine, delta):
                    semantic += 1
                    wrong += not right
                    wrong_semantic += not right
                    keep = False
                else:
                    entries[nearest].learn(cosine, right)
                    keep = not right
        if keep or insert_all:
            entries.setdefault(text, Entry())
            labels[text] = label
            stored[text] = True
            spelled.setdefault(stream.spelling[text], text)
    return direct, semantic, wrong, wrong_semantic
