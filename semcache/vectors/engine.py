"""All that touches FAISS: exact scans of row ranges, the cells of large groups, and whose threads work.

Must not know entry ids or groups; it sees rows. Searches run on the calling thread alone: `omp_set_num_threads`
sets a value of the calling thread, in the OpenMP runtime that FAISS ships for itself, so no other library notices.
FAISS gives the GIL back while it works.
"""

from __future__ import annotations

import ctypes
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from semcache.errors import IndexUnavailable

SCAN_ROWS: Final = 16_384
"""Rows of one group that a search scans: about 0.3 ms, a tenth of what embedding the query takes. A larger group lies
in cells, and the nearest of them are scanned until it is this many."""
CELL_SAMPLE: Final = 40
"""Rows a cell that its centre is learnt from."""
CELL_ROUNDS: Final = 6
CELL_PROBES: Final = 64
"""Cells that are put in order at first; all of them where these are too few."""
ASSIGN_ROWS: Final = 8_192

Half = NDArray[np.float16]
Single = NDArray[np.float32]
Rows = NDArray[np.int64]
Run = tuple[int, int]
"""Rows [first, last)."""


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
    """Threads for laying out cells: all cores but one, which goes on serving."""
    return max(1, (os.cpu_count() or 2) - 1)


def give_back() -> None:
    """Have the allocator return what is free to the system: after a merge that is much, and the arrays of the next one
    will not fit where it lies. Nothing where the C library does not offer it."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class _Scanner:
    """FAISS's scan over float16 codes that lie anywhere in memory; one for each thread and dimension.

    Kept because making one costs more than a small scan, and because FAISS's Python wrapper never frees it. The
    selector is re-aimed at each scan's bitmap.
    """

    def __init__(self, dimension: int) -> None:
        library = faiss()
        library.omp_set_num_threads(1)
        self._point = library.swig_ptr
        self._at_address = library.cast_integer_to_uint8_ptr
        self._quantizer = library.ScalarQuantizer(dimension, library.ScalarQuantizer.QT_fp16)
        self._coarse = library.IndexFlatIP(dimension)
        self._select = library.IDSelectorBitmap(0, None)
        metric = library.METRIC_INNER_PRODUCT
        make = self._quantizer.select_InvertedListScanner
        self._all = make(metric, self._coarse, True, None, False)
        self._some = make(metric, self._coarse, True, self._select, False)

    def scan(
        self, vectors: Half, runs: Sequence[Run], query: Single, k: int, alive: NDArray[np.bool_] | None
    ) -> tuple[Single, Rows]:
        """One heap for the runs that are all alive; one each for the others, as a selector is asked for the number of
        the list, too."""
        point, at_address = self._point, self._at_address
        asked = point(query)
        address, width = vectors.ctypes.data, vectors.strides[0]
        heaps = [_Heap(k)]
        whole, where = point(heaps[0].similarities), point(heaps[0].labels)
        self._all.set_query(asked)
        if alive is not None:
            self._some.set_query(asked)
        for number, (first, last) in enumerate(runs):
            rows = last - first
            codes = at_address(address + first * width)
            if alive is None or (live := alive[first:last]).all():
                self._all.set_list(number, 0.0)
                self._all.scan_codes(rows, codes, None, whole, where, k)
            elif live.any():
                heaps.append(heap := _Heap(k, first))
                bits = np.packbits(live, bitorder="little")  # named, so that it outlives the scan
                self._select.n = len(bits)
                self._select.bitmap = point(bits)
                self._some.set_list(0, 0.0)
                self._some.scan_codes(rows, codes, None, point(heap.similarities), point(heap.labels), k)
        starts = np.fromiter((first for first, _ in runs), np.int64, len(runs))
        heaps[0].labels = np.where(
            heaps[0].labels < 0, -1, starts[heaps[0].labels >> 32] + (heaps[0].labels & 0xFFFFFFFF)
        )
        similarities = np.concatenate([heap.similarities for heap in heaps])
        labels = np.concatenate([np.where(heap.labels < 0, -1, heap.labels + heap.first) for heap in heaps])
        order = np.argsort(-similarities)
        found = order[labels[order] >= 0][:k]
        return similarities[found], labels[found]


class _Heap:
    """The best k of some rows, which are numbered from `first` on."""

    def __init__(self, k: int, first: int = 0) -> None:
        self.similarities = np.full(k, -np.inf, np.float32)
        self.labels = np.full(k, -1, np.int64)
        self.first = first


class _PerThread(threading.local):
    def __init__(self) -> None:
        self.scanners: dict[int, _Scanner] = {}


_mine = _PerThread()


def scan_runs(
    vectors: Half, runs: Sequence[Run], query: Single, k: int, alive: NDArray[np.bool_] | None = None
) -> tuple[Single, Rows]:
    """The k best rows of these runs, exactly: similarities descending, and row numbers. Dead rows are passed over.

    `vectors`: float16 (n, dim), C-contiguous, mapped or not. `query`: float32 (dim,). `alive`: bool (n,).
    """
    dimension = vectors.shape[1]
    scanner = _mine.scanners.get(dimension)
    if scanner is None:
        scanner = _mine.scanners[dimension] = _Scanner(dimension)
    return scanner.scan(vectors, runs, query, min(k, sum(last - first for first, last in runs)), alive)


def scan(vectors: Half, query: Single, k: int, alive: NDArray[np.bool_] | None = None) -> tuple[Single, Rows]:
    """The same over all rows."""
    return scan_runs(vectors, ((0, len(vectors)),), query, k, alive)


def cell_count(rows: int) -> int:
    """Cells for a group of that many rows: a search scores all centres, and starts each cell that it scans anew."""
    return 2 * math.isqrt(rows)


def learn_cells(sample: Half, count: int, progress: Callable[[], None]) -> Half:
    """Centres of `count` cells, or fewer where the sample is smaller: float16 (count, dim), unit rows. Seeded.

    `progress` is called between rounds; it may raise to give the work up.
    """
    library = faiss()
    count = min(count, len(sample))
    learning = library.Clustering(sample.shape[1], count)
    learning.niter, learning.spherical = 1, True
    learning.min_points_per_centroid, learning.max_points_per_centroid = 1, len(sample)
    rows = sample.astype(np.float32)
    with threads(build_threads()):
        for _ in range(CELL_ROUNDS):  # each goes on from the centres of the one before
            progress()
            learning.train(rows, library.IndexFlatIP(sample.shape[1]))
    centres: Half = library.vector_to_array(learning.centroids).reshape(count, -1).astype(np.float16)
    return centres


def nearest_cells(vectors: Half, rows: Rows, centres: Half, progress: Callable[[], None]) -> NDArray[np.int32]:
    """Of each of these rows the cell with the nearest centre. `progress`: as above, between portions."""
    library = faiss()
    flat = library.IndexFlatIP(centres.shape[1])
    flat.add(centres.astype(np.float32))
    cells = np.empty(len(rows), np.int32)
    for at in range(0, len(rows), ASSIGN_ROWS):
        progress()
        with threads(build_threads()):
            cells[at : at + ASSIGN_ROWS] = flat.search(vectors[rows[at : at + ASSIGN_ROWS]].astype(np.float32), 1)[1][
                :, 0
            ]
    return cells
