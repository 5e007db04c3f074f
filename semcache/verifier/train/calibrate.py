"""From scores and further evidence to probabilities: small monotone networks, fitted on what training never saw."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from semcache.engines.package import words
from semcache.policy import guards
from semcache.policy.confidence import FEATURES, FOR, features
from semcache.policy.guards import Rules
from semcache.ports import Bend, Calibration
from semcache.verifier.train.pairs import LabelledPair

PACKAGED_SPACE: Final = "minilm-3b348a509be6"
"""Fingerprint of the packaged embedder's vectors, of which the similarities here are."""
RIDGE: Final = 3e-4
"""L2 penalty: a doubt that was hardly ever seen weighs little."""
_NETWORKS: Final = 3
"""Of which the mean is taken: where pairs are few, each leans another way."""
_BENDS: Final = 8
"""Of each. Chosen, with the ridge, by five-fold cross-validation on the calibration fold, groups kept together: recall
of its Quora pairs at precision .90 is .41, that of a logistic regression .29."""
_STEPS: Final = 300
_RATE: Final = 0.05
_GRADED: Final = frozenset({"score", "similarity", "shared", "short"})
"""Evidence that is more than yes or no, and is standardised for fitting."""


def fit(
    evidence: Sequence[Mapping[str, float]],
    pairs: Sequence[LabelledPair],
    *,
    fingerprint: str,
    without: frozenset[str] = frozenset(),
) -> Calibration:
    """The mean of some small networks of one hidden layer, monotone in what is `FOR` a pair and in doubts.

    Signs are kept by fitting the logarithm of a weight, softly (Sill 1997, "Monotonic networks"). Sources count by the
    square root of their size, so that the largest does not decide alone. Features in `without` are left out. The same
    for the same pairs on every run of one machine.
    """
    names = [name for name in FEATURES if name not in without]
    rows = np.array([[one.get(name, 0.0) for name in names] for one in evidence])
    same = torch.tensor([float(pair.same) for pair in pairs])
    sizes = Counter(pair.source for pair in pairs)
    counts = torch.tensor([1.0 / math.sqrt(sizes[pair.source]) for pair in pairs])
    counts *= len(pairs) / counts.sum()
    graded = np.array([name in _GRADED for name in names])
    middle, width = np.where(graded, rows.mean(0), 0.0), np.where(graded, rows.std(0) + 1e-6, 1.0)
    known = torch.tensor((rows - middle) / width, dtype=torch.float32)
    layers = [_layer(known, same, counts, names, seed) for seed in range(_NETWORKS)]
    with torch.no_grad():
        return _told(layers, names, middle, width, fingerprint)


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


class _Layer(torch.nn.Module):  # type: ignore[misc, unused-ignore]
    """A weighted sum and some bends of standardised evidence."""

    def __init__(self, names: Sequence[str], generator: torch.Generator) -> None:
        super().__init__()
        self.sign = torch.tensor([1.0 if name in FOR else -1.0 if name.startswith("doubt:") else 0.0 for name in names])
        bound, count = self.sign.abs(), len(names)
        self.sum = torch.nn.Parameter(-bound)
        self.shift = torch.nn.Parameter(torch.zeros(1))
        self.bent = torch.nn.Parameter(0.5 * torch.randn(_BENDS, count, generator=generator) - bound)
        self.bias = torch.nn.Parameter(torch.randn(_BENDS, generator=generator))
        self.gain = torch.nn.Parameter(0.1 * torch.randn(_BENDS, generator=generator) - 1)

    def signed(self, weights: torch.Tensor) -> torch.Tensor:
        """Weights of which those that must have a sign have it."""
        return torch.where(self.sign == 0, weights, self.sign * functional.softplus(weights))

    def gains(self) -> torch.Tensor:
        """All positive: a bend may not turn round what its weights say."""
        return functional.softplus(self.gain)

    def forward(self, known: torch.Tensor) -> torch.Tensor:
        """float32 (pairs,): logits of float32 (pairs, features)."""
        bent = torch.tanh(known @ self.signed(self.bent).T + self.bias)
        return known @ self.signed(self.sum) + bent @ self.gains() + self.shift

    def size(self) -> torch.Tensor:
        """What the ridge penalises."""
        parts = (self.signed(self.sum), self.signed(self.bent), self.gains())
        return torch.stack([part.pow(2).sum() for part in parts]).sum()


def _layer(known: torch.Tensor, same: torch.Tensor, counts: torch.Tensor, names: Sequence[str], seed: int) -> _Layer:
    """Fitted to the weighted log loss of all pairs at once."""
    layer = _Layer(names, torch.Generator().manual_seed(seed))
    optimizer = torch.optim.Adam(layer.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
    for _ in range(_STEPS):
        losses = functional.binary_cross_entropy_with_logits(layer(known), same, reduction="none")
        loss = (losses * counts).mean() + RIDGE * layer.size()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return layer


def _told(
    layers: Sequence[_Layer],
    names: Sequence[str],
    middle: NDArray[np.float64],
    width: NDArray[np.float64],
    fingerprint: str,
) -> Calibration:
    """The mean of the layers, in terms of evidence as it is found."""
    share = 1.0 / len(layers)

    def plain(weights: torch.Tensor, bias: torch.Tensor) -> tuple[dict[str, float], float]:
        values = weights.double().numpy() / width
        told = {name: round(float(value), 5) for name, value in zip(names, values, strict=True)}
        return told, round(float(bias) - float(values @ middle), 5)

    sums = torch.stack([layer.signed(layer.sum) for layer in layers]).mean(0)
    weights, bias = plain(sums, torch.stack([layer.shift for layer in layers]).mean())
    bends = []
    for layer in layers:
        for gain, bent, shift in zip(layer.gains(), layer.signed(layer.bent), layer.bias, strict=True):
            of_bend, at = plain(bent, shift)
            bends.append(Bend(gain=round(float(gain) * share, 5), bias=at, weights=of_bend))
    return Calibration(fingerprint=fingerprint, bias=bias, weights=weights, bends=tuple(bends))
