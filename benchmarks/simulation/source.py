"""A labelled class set as a stream: its texts, their classes, and for each text its nearest others with scores."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence import Evidence
from semcache.embedders.packaged import DIMENSION
from semcache.policy.adaptation import Contrast, contrast

NEIGHBOURS: Final = 32
"""Nearest texts of the whole stream that are looked through for stored ones."""
SCORED: Final = 10
"""Nearest texts that the verifier judges; the others are no candidates then."""
LEAST: Final = 0.6
"""Least cosine of a candidate where the cosine is the score; else the shipped decision's floor."""


class Source(NamedTuple):
    """A class set, each text once: classes, and for each text its nearest others with their scores, best cosine first.

    A score is a confidence in (0, 1); `differing` says how the two texts differ.
    """

    classes: list[int]
    near: list[list[int]]
    scores: list[list[float]]
    differing: list[list[Contrast]]
    given: int
    """Texts that arrive; those after them are stored from the start."""


def source(name: str, data: Path, evidence: Evidence, limit: int, *, cosine: bool) -> Source:
    """Read a class set, find nearest neighbours, score them."""
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    once: dict[str, dict[str, Any]] = {}
    for row in rows:
        once.setdefault(" ".join(row["text"].lower().split()), row)
    rows = list(once.values())[:limit]
    texts = [row["text"] for row in rows]
    classes = _numbers([row.get("answer_key") or row["label"] for row in rows])
    places = np.array(_numbers([row.get("db", "") for row in rows]))  # another database is another partition
    evidence.embed(texts)
    found = [evidence.embedding(text) for text in texts]
    vectors = np.array([np.zeros(DIMENSION, np.float32) if one is None else one.pooled for one in found])
    alike = vectors @ vectors.T
    alike[places[:, None] != places[None, :]] = -1.0
    np.fill_diagonal(alike, -1.0)
    near = np.argsort(-alike, axis=1, kind="stable")[:, : min(NEIGHBOURS if cosine else SCORED, len(texts) - 1)]
    scores = np.take_along_axis(alike, near, 1).astype(np.float64)
    enough = scores >= (LEAST if cosine else evidence.floor)
    if not cosine:
        scores = _judged(texts, near, scores, enough, evidence)
        enough &= np.isfinite(scores)
    return Source(
        classes,
        [line[some].tolist() for line, some in zip(near, enough, strict=True)],
        [line[some].tolist() for line, some in zip(scores, enough, strict=True)],
        [
            [contrast(text, texts[other], float(alike[at, other])) for other in line[some]]
            for at, (text, line, some) in enumerate(zip(texts, near, enough, strict=True))
        ],
        len(texts),
    )


def _judged(
    texts: Sequence[str], near: NDArray[Any], cosines: NDArray[Any], enough: NDArray[Any], evidence: Evidence
) -> NDArray[np.float64]:
    """float64 (texts, near): the probability that the two have one answer; NaN where a guard vetoes it."""
    result = np.full(near.shape, np.nan)
    open_ = [
        (row, column)
        for row, column in zip(*(axis.tolist() for axis in np.nonzero(enough)), strict=True)
        if not evidence.refused(texts[row], texts[near[row, column]])
    ]
    evidence.score([(texts[row], texts[near[row, column]]) for row, column in open_])
    for row, column in open_:
        result[row, column] = evidence.chance(texts[row], texts[near[row, column]], float(cosines[row, column]))
    return result


def _numbers(values: Sequence[str]) -> list[int]:
    known: dict[str, int] = {}
    return [known.setdefault(value, len(known)) for value in values]
