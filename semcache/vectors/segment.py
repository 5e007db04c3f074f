"""A segment: rows sorted by group, immutable but for the marks of the dead.

A group is a contiguous run of rows, found by binary search in a table of groups; an id leads to its row by binary
search in the sorted ids. So 100,000 partitions cost 36 bytes each and no Python object.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semcache.vectors import engine
from semcache.vectors.delta import Delta
from semcache.vectors.engine import Graph, Half, Rows, Single
from semcache.vectors.keys import GROUP_TYPE, ID_BYTES, ID_TYPE, Keys, find_group, id_array

SPARSE: Final = 0.25
"""A graph with fewer live rows than this share is passed over for an exact scan of the live ones."""
WASTE: Final = 0.3
"""A segment, or a graph in it, with a larger share of dead rows is rewritten."""


@dataclass(frozen=True)
class Backing:
    """The file that a segment's arrays are mapped from."""

    path: Path
    descriptor: int
    vectors_offset: int


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
    backing: Backing | None = None

    @property
    def row_ids(self) -> Keys:
        """S16 (n,): ids in the order of rows (a copy)."""
        ordered: Keys = self.ids[self.place_of]
        return ordered


def columns_of(groups: Keys, starts: NDArray[np.uint32], row_ids: Keys, vectors: Half) -> Columns:
    """Columns of rows that are already in the order of their groups."""
    order = np.argsort(row_ids, kind="stable").astype(np.uint32)
    place_of = np.empty(len(order), np.uint32)
    place_of[order] = np.arange(len(order), dtype=np.uint32)
    return Columns(groups, starts, row_ids[order], order, place_of, vectors)


class Segment:
    """Rows, graphs over the large groups among them, and which are dead."""

    def __init__(self, columns: Columns, alive: NDArray[np.bool_], graphs: tuple[Graph, ...] = ()) -> None:
        self.columns = columns
        self.alive = alive
        self.graphs = graphs
        self.live = int(np.count_nonzero(alive))
        self._graph_starts = [graph.start for graph in graphs]
        self.largest_flat = self._largest_flat()
        """Rows of the largest group that has no graph."""

    @property
    def rows(self) -> int:
        """All rows, dead ones included."""
        return len(self.columns.ids)

    @property
    def wasteful(self) -> bool:
        """Whether enough of it is dead to rewrite it."""
        return self.live < (1 - WASTE) * self.rows or any(graph.dead_fraction > WASTE for graph in self.graphs)

    def _largest_flat(self) -> int:
        sizes = np.diff(self.columns.starts)
        sizes[self.columns.starts[:-1].searchsorted(self._graph_starts)] = 0
        return int(sizes.max(initial=0))

    def adopt(self, columns: Columns, indexes: list[object]) -> None:
        """Go on with the same content from another place (a file): readers on the old arrays lose nothing."""
        for graph, index in zip(self.graphs, indexes, strict=True):
            graph.index = index
        self.columns = columns

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
        for row in rows.tolist() if self.graphs else ():
            at = bisect_right(self._graph_starts, row) - 1
            if at >= 0 and row < self.graphs[at].end:
                self.graphs[at].kill(row)

    def holds(self, partition: bytes, context: bytes) -> bool:
        """Whether it has rows of the group, dead or alive."""
        first, last = find_group(self.columns.groups, self.columns.starts, partition, context)
        return first < last

    def search(self, partition: bytes, context: bytes | None, query: Single, k: int) -> list[tuple[float, int]]:
        """(similarity, row) of the k best live rows of each run of the group; not sorted over runs."""
        columns = self.columns
        first, last = find_group(columns.groups, columns.starts, partition, context)
        if first == last:
            return []
        found: list[tuple[float, int]] = []
        for graph in self.graphs[bisect_left(self._graph_starts, first) : bisect_left(self._graph_starts, last)]:
            if graph.dead_fraction > 1 - SPARSE:
                continue
            found += self._scan(columns, first, graph.start, query, k)
            found += self._walk(columns, graph, query, k)
            first = graph.end
        return found + self._scan(columns, first, last, query, k)

    def _scan(self, columns: Columns, first: int, last: int, query: Single, k: int) -> list[tuple[float, int]]:
        if first == last:
            return []
        alive = self.alive[first:last]
        similarities, rows = engine.scan(columns.vectors[first:last], query, k, None if alive.all() else alive)
        return list(zip(similarities.tolist(), (rows + first).tolist(), strict=True))

    def _walk(self, columns: Columns, graph: Graph, query: Single, k: int) -> list[tuple[float, int]]:
        rows = graph.search(query, k)
        similarities = _vectors_at(columns, rows).astype(np.float32) @ query
        best = np.argsort(-similarities)[:k]
        return list(zip(similarities[best].tolist(), rows[best].tolist(), strict=True))

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


def _vectors_at(columns: Columns, rows: Rows) -> Half:
    """Vectors of a few rows.

    From a file they are read, not mapped: each touched page of a map stays resident, and a graph's searches would
    touch them all in time, at 768 bytes a row of 384 components.
    """
    backing = columns.backing
    if backing is None:
        gathered: Half = columns.vectors[rows]
        return gathered
    width = columns.vectors.shape[1] * 2
    at = backing.vectors_offset
    read = [os.pread(backing.descriptor, width, at + width * row) for row in rows.tolist()]
    return np.frombuffer(b"".join(read), np.float16).reshape(len(rows), -1)


def seal(delta: Delta) -> Segment | None:
    """The live rows of a delta as a segment without graphs; None where there are none."""
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
    )
    return Segment(columns, np.ones(len(slots), np.bool_))
