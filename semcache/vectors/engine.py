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
from typing import Any, Final, NamedTuple

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


class Codes:
    """float16 rows where they lie, with their address: after a model ran NumPy takes 40 us to tell it."""

    __slots__ = ("_vectors", "address", "count", "dimension", "width")

    def __init__(self, vectors: Half) -> None:
        """`vectors`: (n, dim), C-contiguous, mapped or not; kept."""
        self._vectors = vectors
        self.address = vectors.ctypes.data
        self.count, self.dimension = vectors.shape
        self.width = vectors.strides[0]


class Chosen(NamedTuple):
    """Some of the rows of a run."""

    rows: int
    """Of the run, those that are not chosen included."""
    bits: NDArray[np.uint8]
    """A bitmap, as FAISS wants it."""


def chosen(among: NDArray[np.bool_]) -> Chosen | None:
    """The rows of a run that are marked; None where there are none."""
    return Chosen(len(among), np.packbits(among, bitorder="little")) if among.any() else None


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
        self._whole: _Heap | None = None
        self._part: _Heap | None = None

    def scan(
        self, codes: Codes, runs: Sequence[Run], query: Single, k: int, alive: NDArray[np.bool_] | None
    ) -> list[tuple[float, int]]:
        """One heap for the runs that are all alive; others are taken one by one, as a selector is asked for the number
        of the list, too.

        What is found is put in order without NumPy: it is a handful, and after a model ran each call of NumPy finds
        nothing of itself in the processor's caches.
        """
        asked = self._point(query)
        found: list[tuple[float, int]] = []
        whole: _Heap | None = None
        for number, (first, last) in enumerate(runs):
            if alive is None or (live := alive[first:last]).all():
                if whole is None:
                    whole = self._whole = _emptied(self._whole, k)
                    self._all.set_query(asked)
                self._all.set_list(number, 0.0)
                self._all.scan_codes(last - first, self._at(codes, first), None, whole.nears, whole.places, k)
            elif (some := chosen(live)) is not None:
                found += self._scan_some(codes, first, some, asked, k)
        if whole is not None:
            found += [(near, runs[place >> 32][0] + (place & 0xFFFFFFFF)) for near, place in whole.found()]
        return _best(found, k)

    def scan_some(self, codes: Codes, some: Chosen, query: Single, k: int) -> list[tuple[float, int]]:
        """Of the run from the first row on."""
        return _best(self._scan_some(codes, 0, some, self._point(query), k), k)

    def _scan_some(self, codes: Codes, first: int, some: Chosen, asked: Any, k: int) -> list[tuple[float, int]]:
        part = self._part = _emptied(self._part, k)
        self._select.n = len(some.bits)
        self._select.bitmap = self._point(some.bits)
        self._some.set_query(asked)
        self._some.set_list(0, 0.0)
        self._some.scan_codes(some.rows, self._at(codes, first), None, part.nears, part.places, k)
        return [(near, first + place) for near, place in part.found()]

    def _at(self, codes: Codes, row: int) -> Any:
        return self._at_address(codes.address + row * codes.width)


def _best(found: list[tuple[float, int]], k: int) -> list[tuple[float, int]]:
    found.sort(key=lambda one: -one[0])
    return found[:k]


class _Heap:
    """The best k of some rows, by list and row in it. Kept, as FAISS is given its address."""

    def __init__(self, k: int) -> None:
        self.k = k
        self._similarities = np.full(k, -np.inf, np.float32)
        self._labels = np.full(k, -1, np.int64)
        self.nears, self.places = faiss().swig_ptr(self._similarities), faiss().swig_ptr(self._labels)

    def empty(self) -> None:
        """Make it as it was made."""
        self._similarities.fill(-np.inf)
        self._labels.fill(-1)

    def found(self) -> list[tuple[float, int]]:
        """Similarities and places, in no order."""
        pairs = zip(self._similarities.tolist(), self._labels.tolist(), strict=True)
        return [pair for pair in pairs if pair[1] >= 0]


def _emptied(heap: _Heap | None, k: int) -> _Heap:
    """A heap of this size without anything in it: the last one, as a rule."""
    if heap is None or heap.k != k:
        return _Heap(k)
    heap.empty()
    return heap


class _PerThread(threading.local):
    def __init__(self) -> None:
        self.scanners: dict[int, _Scanner] = {}


_mine = _PerThread()


def scan_runs(
    codes: Codes, runs: Sequence[Run], query: Single, k: int, alive: NDArray[np.bool_] | None = None
) -> list[tuple[float, int]]:
    """The k best rows of these runs, exactly: (similarity, row number), best first. Dead rows are passed over.

    `query`: float32 (dim,). `alive`: bool (n,).
    """
    return _scanner(codes).scan(codes, runs, query, min(k, sum([last - first for first, last in runs])), alive)


def scan_some(codes: Codes, some: Chosen, query: Single, k: int) -> list[tuple[float, int]]:
    """The same of the rows chosen from the first ones."""
    return _scanner(codes).scan_some(codes, some, query, min(k, some.rows))


def scan(codes: Codes, query: Single, k: int) -> list[tuple[float, int]]:
    """The same over all rows."""
    return scan_runs(codes, ((0, codes.count),), query, k)


def _scanner(codes: Codes) -> _Scanner:
    scanner = _mine.scanners.get(codes.dimension)
    if scanner is None:
        scanner = _mine.scanners[codes.dimension] = _Scanner(codes.dimension)
    return scanner


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
