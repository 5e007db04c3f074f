"""Vectors that stand in for those of texts, by number: the same in every process, a chunk at a time.

Unit vectors in clusters whose sizes follow Zipf's law. Components shrink as (1 + i / 16) ** -0.5, which about matches
the spectrum of MiniLM's embeddings of questions; without that all distances are alike and no graph does as well as it
does on text.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

DIMENSION: Final = 384
CHUNK: Final = 1_000
SEED: Final = 20261121
_CENTRES: Final = 5_000
_SPECTRUM: Final = 16

Single = NDArray[np.float32]


def chunk(number: int) -> Single:
    """float32 (CHUNK, DIMENSION): vectors number * CHUNK and on."""
    random = np.random.default_rng([SEED, number])
    centres = _centres()
    weights = 1.0 / np.arange(1, _CENTRES + 1)
    which = random.choice(_CENTRES, CHUNK, p=weights / weights.sum())
    return _unit(centres[which] + _unit(random.standard_normal((CHUNK, DIMENSION)) * _scale()))


@functools.cache
def _centres() -> Single:
    return _unit(np.random.default_rng(SEED).standard_normal((_CENTRES, DIMENSION)) * _scale())


def _scale() -> NDArray[Any]:
    scale: NDArray[Any] = (1 + np.arange(DIMENSION) / _SPECTRUM) ** -0.5
    return scale


def _unit(vectors: NDArray[Any]) -> Single:
    scaled: Single = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled
