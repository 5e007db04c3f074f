"""A segment: rows sorted by group, and in large groups by cell, immutable but for the marks of the dead.

A group is a contiguous run of rows, found by binary search in a table of groups; an id leads to its row by binary
search in the sorted ids. So 100,000 partitions cost 36 bytes each and no Python object. A cell is a contiguous run of
its group, with a centre: rows lie with what is near them, and a search of a large group scans the nearest cells only.
So a row costs its float16 vector and 25 bytes, in memory and in the file alike, and is where it is scanned; a graph
over it would cost as much again, and a hundred times the work to build.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semcache.vectors import engine
from semcache.vectors.delta import Delta
from semcache.vectors.engine import Half, Rows, Run, Single
from semcache.vectors.keys import GROUP_TYPE, ID_BYTES, ID_TYPE, Keys, find_group, id_array

WASTE: Final = 0.3
"""A segment with a larger share of dead rows is rewritten."""
_MOST_REMEMBERED: Final = 256
"""Groups, 250 bytes each."""


@dataclass(frozen=True)
class Backing:
    """The file that a segment's arrays are mapped from."""

    path: Path


@dataclass(frozen=True, slots=True)
class Cells:
    """C cells of one or more groups, in the order of their rows; none is empty."""

    starts: NDArray[np.uint32]
    """(C,)"""
    stops: NDArray[np.uint32]
    """(C,): cell c has the rows starts[c] .. stops[c] - 1."""
    centres: Half
    """float16 (C, dim), unit rows."""

    def within(self, first: int, last: int) -> Cells:
        """Those of the rows [first, last), which begin and end with a group."""
        low, high = self.starts.searchsorted(np.asarray((first, last), np.uint32)).tolist()
        return Cells(self.starts[low:high], self.stops[low:high], self.centres[low:high])

    def of(self, rows: Rows) -> NDArray[np.int32]:
        """The cell of each of these rows, which all lie in one."""
        cells: NDArray[np.int32] = (self.starts.searchsorted(rows, "right") - 1).astype(np.int32)
        return cells

    def gaps(self, first: int, last: int) -> list[Run]:
        """The runs of [first, last) that lie in no cell."""
        edges = zip([first, *self.stops.tolist()], [*self.starts.tolist(), last], strict=True)
        return [(low, high) for low, high in edges if low < high]


@dataclass(frozen=True, slots=True)
class Columns:
    """The arrays of n rows in G groups. They may be mapped from a file, then `backing` says which."""

    groups: Keys
    """S32 (G,), sorted."""
    starts: NDArray[np.uint32]
    """(G + 1,): group g has the rows starts[g] .. starts[g + 1] - 1."""
    ids: Keys
    """S16 (n,), sorted."""
    row_of: NDArray[np.uint32]
    """(n,): row of the id at each place of `ids`."""
    place_of: NDArray[np.uint32]
    """(n,): place in `ids` of each row's id."""
    vectors: Half
    """float16 (n, dim), unit rows."""
    cells: Cells
    backing: Backing | None = None

    @property
    def row_ids(self) -> Keys:
        """S16 (n,): ids in the order of rows (a copy)."""
        ordered: Keys = self.ids[self.place_of]
        return ordered


def no_cells(width: int) -> Cells:
    """Of a segment whose groups are all small."""
    return Cells(np.empty(0, np.uint32), np.empty(0, np.uint32), np.empty((0, width), np.float16))


def columns_of(groups: Keys, starts: NDArray[np.uint32], row_ids: Keys, vectors: Half, cells: Cells) -> Columns:
    """Columns of rows that are already in the order of their groups and cells."""
    order = np.argsort(row_ids, kind="stable").astype(np.uint32)
    place_of = np.empty(len(order), np.uint32)
    place_of[order] = np.arange(len(order), dtype=np.uint32)
    return Columns(groups, starts, row_ids[order], order, place_of, vectors, cells)


class Segment:
    """Rows, and which of them are dead."""

    def __init__(self, columns: Columns, alive: NDArray[np.bool_]) -> None:
        self.columns = columns
        self.alive = alive
        self._codes = engine.Codes(columns.vectors)
        self._remembered: dict[tuple[bytes, bytes | None], Run] = {}
        """Where groups lie that were asked for lately, which takes 60 us to find after a model ran."""
        self.live = int(np.count_nonzero(alive))
        self.largest_flat = self._largest_flat()
        """Rows of the largest group that does not lie in cells."""

    @property
    def rows(self) -> int:
        """All rows, dead ones included."""
        return len(self.columns.ids)

    @property
    def wasteful(self) -> bool:
        """Whether enough of it is dead to rewrite it."""
        return self.live < (1 - WASTE) * self.rows

    def _largest_flat(self) -> int:
        starts = self.columns.starts
        sizes = np.diff(starts)
        # A group has cells from its first row on or not at all.
        sizes[np.isin(starts[:-1], self.columns.cells.starts)] = 0
        return int(sizes.max(initial=0))

    def adopt(self, columns: Columns) -> None:
        """Go on with the same content from another place (a file): readers on the old arrays lose nothing."""
        self.columns = columns
        self._codes = engine.Codes(columns.vectors)

    def find(self, ids: Keys) -> Rows:
        """Rows of the ids that are here and alive (the others are left out)."""
        columns = self.columns
        places = columns.ids.searchsorted(ids)
        places[places == len(columns.ids)] = 0
        rows = columns.row_of[places[columns.ids[places] == ids]].astype(np.int64)
        found: Rows = rows[self.alive[rows]]
        return found

    def kill(self, rows: Rows) -> None:
        """Mark live rows dead. The caller holds the index's lock."""
        self.alive[rows] = False
        self.live -= len(rows)

    def holds(self, partition: bytes, context: bytes) -> bool:
        """Whether it has rows of the group, dead or alive."""
        first, last = self._run(partition, context)
        return first < last

    def _run(self, partition: bytes, context: bytes | None) -> Run:
        """The rows of a group, or of a partition: they lie in one place for good."""
        found = self._remembered.get((partition, context))
        if found is None:
            found = find_group(self.columns.groups, self.columns.starts, partition, context)
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[partition, context] = found
        return found

    def search(
        self, partition: bytes, context: bytes | None, query: Single, k: int, scan_rows: int
    ) -> list[tuple[float, int]]:
        """(similarity, row) of the k best live rows of the group, best first.

        Of rows in cells it scans about the `scan_rows` live ones in the nearest cells, of others all.
        """
        columns, codes = self.columns, self._codes
        first, last = self._run(partition, context)
        if first == last:
            return []
        whole = self.live == self.rows
        runs = [(first, last)]
        if len(columns.cells.starts) and last - first > scan_rows:
            runs = self._runs(columns, first, last, query, max(k, scan_rows), whole)
        return engine.scan_runs(codes, runs, query, k, None if whole else self.alive)

    def _runs(self, columns: Columns, first: int, last: int, query: Single, most: int, whole: bool) -> list[Run]:
        cells = columns.cells.within(first, last)
        runs = cells.gaps(first, last)
        for probes in (engine.CELL_PROBES, len(cells.starts)):
            order = [cell for _, cell in engine.scan(engine.Codes(cells.centres), query, probes)]
            nearest = zip(cells.starts[order].tolist(), cells.stops[order].tolist(), strict=True)
            chosen = []
            found = 0
            for low, high in nearest:
                chosen.append((low, high))
                found += high - low if whole else int(np.count_nonzero(self.alive[low:high]))
                if found >= most:
                    return runs + chosen
        return runs + chosen

    def id_at(self, row: int) -> bytes:
        """Raw id of a row."""
        columns = self.columns
        place = int(columns.place_of[row])
        return columns.ids[place : place + 1].tobytes()

    def live_ids(self, shard: int | None = None) -> Keys:
        """S16: ids of the live rows (of one shard), sorted."""
        columns = self.columns
        first, last = 0, len(columns.ids)
        if shard is not None:
            first = int(columns.ids.searchsorted(id_array([bytes([shard]) + b"\x00" * (ID_BYTES - 1)]))[0])
            last = int(columns.ids.searchsorted(id_array([bytes([shard]) + b"\xff" * (ID_BYTES - 1)]), "right")[0])
        live: Keys = columns.ids[first:last][self.alive[columns.row_of[first:last]]]
        return live


def seal(delta: Delta) -> Segment | None:
    """The live rows of a delta as a segment without cells; None where there are none."""
    slots = np.flatnonzero(delta.alive[: delta.used])
    if not len(slots):
        return None
    keys = np.frombuffer(b"".join(delta.groups[slot] for slot in slots), GROUP_TYPE)
    order = np.argsort(keys, kind="stable")
    groups, starts = np.unique(keys[order], return_index=True)
    row_ids = id_array(delta.ids[slot] for slot in slots[order]).astype(ID_TYPE)
    columns = columns_of(
        groups,
        np.append(starts, len(slots)).astype(np.uint32),
        row_ids,
        delta.vectors[slots[order]],
        no_cells(delta.vectors.shape[1]),
    )
    return Segment(columns, np.ones(len(slots), np.bool_))
