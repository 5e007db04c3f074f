"""Vectors, rows and a brute-force reference for tests of the index."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semcache.models import SHARDS
from semcache.ports import Row

Single = NDArray[np.float32]


def unit(vectors: Single) -> Single:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def clusters(count: int, dimension: int, random: np.random.Generator) -> Single:
    """Unit vectors around centres, with the falling spectrum of text embeddings."""
    scale = (1 + np.arange(dimension) / 16) ** -0.5
    centres = unit(random.standard_normal((max(1, count // 20), dimension)) * scale)
    noise = unit(random.standard_normal((count, dimension)) * scale)
    return unit(centres[random.integers(0, len(centres), count)] + noise)


def entry_id(number: int) -> str:
    """A valid id whose digits do not follow the numbers' order."""
    return f"{number % SHARDS:02x}{(number * 0x9E3779B97F4A7C15) % (1 << 120):030x}"


def name(number: int) -> bytes:
    """A partition or a context. Zero and trailing zero bytes are among them on purpose."""
    return (number * 0x0101).to_bytes(16, "little")


class Reference:
    """What an index should hold, and brute force over it."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def upsert(self, rows: list[Row]) -> None:
        for row in rows:
            self.rows[row.entry_id] = row

    def remove(self, entry_ids: list[str]) -> int:
        return sum(self.rows.pop(entry_id, None) is not None for entry_id in set(entry_ids))

    def best(self, partition: bytes, context: bytes | None, query: Single) -> dict[str, float]:
        """Cosine of every row of the group."""
        rows = [row for row in self.rows.values() if row.partition == partition and context in (None, row.context)]
        if not rows:
            return {}
        scores = np.stack([row.vector for row in rows]) @ query
        return {row.entry_id: float(score) for row, score in zip(rows, scores, strict=True)}
