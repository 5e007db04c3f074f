"""All that touches FAISS: exact scans of a row range, graphs for large groups, and whose threads work.

Must not know entry ids or groups; it sees rows. Searches run on the calling thread alone: `omp_set_num_threads`
sets a value of the calling thread, in the OpenMP runtime that FAISS ships for itself, so no other library notices.
FAISS gives the GIL back while it works.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from semcache.errors import IndexUnavailable

CROSSING: Final = 10_000
"""Rows of a group from which a graph pays: benchmarks/index_crossing.py over 384-d embeddings of real questions.
At 5,000 rows exact scan and graph take the same 80 us, and the scan is exact and needs no building; at 10,000 rows
160 against 115 us, at 99,000 3,800 against 400."""

GRAPH_LINKS: Final = 24
GRAPH_EF_BUILD: Final = 80
GRAPH_EF_SEARCH: Final = 64
GRAPH_EF_MOST: Final = 256
GRAPH_EXTRA: Final = 4
"""Rows asked of a graph beyond k: its 8-bit codes misplace neighbours by about 1e-3, the exact rescoring mends it."""
GRAPH_CHUNK: Final = 1_000
TRAIN_ROWS: Final = 20_000

Half = NDArray[np.float16]
Single = NDArray[np.float32]
Rows = NDArray[np.int64]


@cache
def faiss() -> Any:
    """The library, imported at first need (0.2 s). Raises IndexUnavailable where it cannot be loaded."""
    try:
        import faiss as library
    except ImportError as error:
        raise IndexUnavailable(f"FAISS cannot be loaded: {error}") from error
    return library


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let FAISS use `count` threads for calls from this thread."""
    library = faiss()
    before = library.omp_get_max_threads()
    library.omp_set_num_threads(count)
    try:
        yield
    finally:
        library.omp_set_num_threads(before)


def build_threads() -> int:
    """Threads for building a graph: all cores but one, which goes on serving."""
    return max(1, (os.cpu_count() or 2) - 1)


class _Scanner:
    """FAISS's scan over float16 codes that lie anywhere in memory; one for each thread and dimension.

    Kept because making one costs more than a small scan, and because FAISS's Python wrapper never frees it. The
    selector is re-aimed at each scan's bitmap.
    """

    def __init__(self, dimension: int) -> None:
        library = faiss()
        library.omp_set_num_threads(1)
        self._point = library.swig_ptr
        self._quantizer = library.ScalarQuantizer(dimension, library.ScalarQuantizer.QT_fp16)
        self._coarse = library.IndexFlatIP(dimension)
        self._select = library.IDSelectorBitmap(0, None)
        metric = library.METRIC_INNER_PRODUCT
        make = self._quantizer.select_InvertedListScanner
        self._all = make(metric, self._coarse, True, None, False)
        self._some = make(metric, self._coarse, True, self._select, False)
        for scanner in (self._all, self._some):
            scanner.set_list(0, 0.0)

    def scan(self, vectors: Half, query: Single, k: int, bits: NDArray[np.uint8] | None) -> tuple[Single, Rows]:
        point = self._point
        similarities = np.full(k, -np.inf, np.float32)
        rows = np.full(k, -1, np.int64)
        scanner = self._all
        if bits is not None:
            scanner = self._some
            self._select.n = len(vectors)
            self._select.bitmap = point(bits)
        scanner.set_query(point(query))
        codes = point(vectors.view(np.uint8))
        scanner.scan_codes(len(vectors), codes, None, point(similarities), point(rows), k)
        order = np.argsort(-similarities)
        return similarities[order], rows[order]


class _PerThread(threading.local):
    def __init__(self) -> None:
        self.scanners: dict[int, _Scanner] = {}


_mine = _PerThread()


def scan(vectors: Half, query: Single, k: int, alive: NDArray[np.bool_] | None = None) -> tuple[Single, Rows]:
    """The k best rows of `vectors`, exactly: similarities descending, and row numbers. Dead rows are passed over.

    `vectors`: float16 (n, dim), C-contiguous, mapped or not. `query`: float32 (dim,). `alive`: bool (n,).
    """
    dimension = vectors.shape[1]
    scanner = _mine.scanners.get(dimension)
    if scanner is None:
        scanner = _mine.scanners[dimension] = _Scanner(dimension)
    bits = None if alive is None else np.packbits(alive, bitorder="little")
    similarities, rows = scanner.scan(vectors, query, min(k, len(vectors)), bits)
    found = int(np.count_nonzero(rows >= 0))
    return similarities[:found], rows[:found]


class Graph:
    """A navigable graph (HNSW) over 8-bit codes of one contiguous run of rows."""

    def __init__(self, start: int, index: Any, alive: NDArray[np.bool_]) -> None:
        self.start = start
        self.index = index
        self.rows: int = index.ntotal
        self.dead = int(self.rows - np.count_nonzero(alive))
        self._bits = np.packbits(alive, bitorder="little")

    @property
    def end(self) -> int:
        """The row after its last."""
        return self.start + self.rows

    @property
    def dead_fraction(self) -> float:
        """Rows that it still walks through but never returns."""
        return self.dead / self.rows

    def kill(self, row: int) -> None:
        """Pass over a row (numbered in the segment) from now on. The caller holds the index's lock."""
        at = row - self.start
        self._bits[at >> 3] &= 0xFF ^ (1 << (at & 7))
        self.dead += 1

    def search(self, query: Single, k: int) -> Rows:
        """About the k + GRAPH_EXTRA best live rows, numbered in the segment, in no order worth trusting."""
        library = faiss()
        _ = _mine.scanners or library.omp_set_num_threads(1)
        k = min(k + GRAPH_EXTRA, self.rows)
        effort = max(GRAPH_EF_SEARCH, 2 * k)
        select = None
        if self.dead:
            effort = max(2 * k, min(GRAPH_EF_MOST, int(effort / max(1e-3, 1.0 - self.dead_fraction))))
            select = library.IDSelectorBitmap(self._bits)
        params = library.SearchParametersHNSW(efSearch=effort, sel=select)
        labels: Rows = self.index.search(query[None], k, params=params)[1][0]
        return labels[labels >= 0] + self.start

    def save(self, path: Path) -> None:
        """Write it to a file. Not yet durable: the caller syncs."""
        faiss().write_index(self.index, str(path))


def map_graph(path: Path) -> Any:
    """A graph file, mapped read-only; its pages are shared by all processes that map it."""
    library = faiss()
    return library.read_index(str(path), library.IO_FLAG_MMAP_IFC)


def build_graph(vectors: Half, base: Any | None, progress: Callable[[], None]) -> Any:
    """A graph over `vectors`; `base`, if given, is one over their first rows, and is copied, not changed.

    `progress` is called between chunks; it may raise to give the work up.
    """
    library = faiss()
    if base is None:
        kind = library.ScalarQuantizer.QT_8bit
        index = library.IndexHNSWSQ(vectors.shape[1], kind, GRAPH_LINKS, library.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = GRAPH_EF_BUILD
        step = max(1, len(vectors) // TRAIN_ROWS)
        index.train(vectors[::step].astype(np.float32))
    else:
        # A clone of a mapped graph would still point into the map, and FAISS aborts on growing it; bytes do not.
        index = library.deserialize_index(library.serialize_index(base))
    for at in range(index.ntotal, len(vectors), GRAPH_CHUNK):
        progress()
        with threads(build_threads()):
            index.add(vectors[at : at + GRAPH_CHUNK].astype(np.float32))
    return index
