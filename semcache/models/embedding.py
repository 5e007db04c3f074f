"""The vectors of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Embedding:
    """The vectors of one text in one vector space.

    `vectors`: float32 (windows, dim), unit rows, one a window of the embedder, in text order.
    `weights`: float32 (windows,), tokens in each window. A short text has one window.
    """

    __slots__ = ("space", "vectors", "weights")

    def __init__(self, space: str, vectors: NDArray[np.float32], weights: NDArray[np.float32]) -> None:
        self.space = space
        self.vectors = vectors
        self.weights = weights

    @property
    def pooled(self) -> NDArray[np.float32]:
        """float32 (dim,): the unit token-weighted mean of the windows; what the vector index holds."""
        first: NDArray[np.float32] = self.vectors[0]
        if len(self.vectors) == 1:
            return first
        mean: NDArray[np.float32] = self.weights @ self.vectors
        norm = float(mean @ mean) ** 0.5
        return mean / norm if norm > 0 else first
