"""The bare limits of the packaged model and of search, without service and store.

    python -m benchmarks.speed.limits MODEL_FOLDER

Reads a JSON job a line, answers each with a JSON line. `rows`: embed texts and keep them to be searched. `one`:
tokenise, embed and search one text after the other on one thread. `batch`: embed in batches with all cores. `nearest`:
the best similarity of each text among all generated and real vectors, and whose it is, by exhaustive search. The model
is never behind its service's queue and cache: this is what there is without them.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed import vectors
from benchmarks.speed.load import percentiles
from semcache.embedders import packaged
from semcache.embedders.minilm import Runtime
from semcache.engines import prepared

_BATCH = 64


class Limits:
    """The jobs, by name."""

    def __init__(self, folder: Path) -> None:
        precision = prepared.read(packaged.KIND, folder).precision
        self._single = Runtime(folder, precision=precision, threads=1, batch=_BATCH)
        self._all = Runtime(folder, precision=precision, threads=os.cpu_count() or 1, batch=_BATCH)
        self._rows: NDArray[np.float32] = np.empty((0, packaged.DIMENSION), np.float32)
        self._index: Any = None

    def rows(self, texts: list[str]) -> int:
        """Keep the vectors of these texts in a flat index."""
        import faiss

        faiss.omp_set_num_threads(1)
        self._rows = self._vectors(texts)
        self._index = faiss.IndexFlatIP(packaged.DIMENSION)
        self._index.add(self._rows)
        return len(texts)

    def one(self, texts: list[str], threads: int = 1) -> dict[str, float]:
        """Milliseconds a text."""
        runtime = self._single if threads == 1 else self._all
        times = []
        for text in texts:
            began = time.perf_counter()
            self._index.search(runtime.encode_rows([runtime.tokens(text)]), 4)
            times.append(1000 * (time.perf_counter() - began))
        return percentiles(times)

    def batch(self, texts: list[str], seconds: float) -> float:
        """Texts a second, tokenising included."""
        done, began = 0, time.perf_counter()
        parts = [texts[at : at + _BATCH] for at in range(0, len(texts), _BATCH)]
        for part in itertools.cycle(parts):
            self._all.encode_rows([self._all.tokens(text) for text in part])
            done += len(part)
            spent = time.perf_counter() - began
            if spent >= seconds:
                return done / spent
        raise ValueError("no texts")

    def nearest(self, texts: list[str], generated: int) -> list[tuple[float, int]]:
        """Cosine to the nearest of the rows kept and of the first so many generated ones, in float16 as records are.

        And which of the rows it is; -1: a generated one.
        """
        queries = self._vectors(texts)
        similarities = queries @ _stored(self._rows).T
        best, which = similarities.max(axis=1), similarities.argmax(axis=1)
        for number in range(-(-generated // vectors.CHUNK)):
            part = vectors.chunk(number)[: generated - number * vectors.CHUNK]
            made = (queries @ _stored(part).T).max(axis=1)
            which[made > best] = -1
            best = np.maximum(best, made)
        return list(zip(best.tolist(), which.tolist(), strict=True))

    def _vectors(self, texts: list[str]) -> NDArray[np.float32]:
        return np.concatenate([self._all.encode_rows([self._all.tokens(text)]) for text in texts])


def _stored(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    halves = rows.astype(np.float16).astype(np.float32)
    scaled: NDArray[np.float32] = halves / np.linalg.norm(halves, axis=1, keepdims=True)
    return scaled


def main(folder: Path) -> None:
    limits = Limits(folder)
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(getattr(limits, job.pop("do"))(**job)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
