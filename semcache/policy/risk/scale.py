"""The scale of confidence: log odds, cut into bins."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEP: Final = 0.25
"""Width of a bin of confidence, in logits."""
LOWEST: Final = -2.0
HIGHEST: Final = 8.0
BINS: Final = round((HIGHEST - LOWEST) / STEP) + 2
"""Bins of shifted confidence: one below LOWEST, one above HIGHEST."""
CENTRES: Final[Floats] = np.asarray(LOWEST + STEP * (np.arange(BINS) - 0.5), dtype=np.float64)


def logit(p: float) -> float:
    """Log odds of a probability, cut off at about 1e-7 from both ends."""
    p = min(max(p, 1e-7), 1.0 - 1e-7)
    return math.log(p / (1.0 - p))


def bin_of(z: float) -> int:
    """The bin of a shifted confidence, in logits."""
    return min(max(int((z - LOWEST) // STEP) + 1, 0), BINS - 1)
