"""Several segments become one: live rows only, sorted by group again, with graphs over its large groups.

A graph is not built anew where an input has a good one for the group: its rows go first, in its order, and only
the others are added to a copy. Its few dead rows then stay, nameless, because the graph walks through them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semcache.vectors import engine
from semcache.vectors.engine import Graph, Half, Rows
from semcache.vectors.keys import ID_TYPE, NO_ID, Keys
from semcache.vectors.segment import Columns, Segment, columns_of

WORN: Final = 0.2
"""A graph with a larger share of dead rows is not extended but built anew."""

Mask = NDArray[np.bool_]


class Merged:
    """The outcome: the segment (None where no row was left), and where each row of each input went (-1: nowhere)."""

    def __init__(self, segment: Segment | None, moved: list[Rows]) -> None:
        self.segment = segment
        self.moved = moved


def merge(
    segments: Sequence[Segment], taken: Sequence[Mask], graph_from: int | None, progress: Callable[[], None]
) -> Merged:
    """Merge the `taken` rows (bool, one mask a segment) of the inputs, which are only read.

    Groups of `graph_from` rows and more get a graph; None: no group does. `progress` is called between chunks of
    graph building and may raise to give the work up.
    """
    tables = [segment.columns for segment in segments]
    groups, numbers = np.unique(np.concatenate([table.groups for table in tables]), return_inverse=True)
    group_of = _spread(tables, numbers.astype(np.int64))
    live = np.zeros(len(groups), np.int64)
    for of, mask in zip(group_of, taken, strict=True):
        live += np.bincount(of[mask], minlength=len(groups))
    bases = {} if graph_from is None else _bases(segments, taken, group_of, live, graph_from)

    kept = [mask.copy() for mask in taken]
    ranks = [2 * of + 1 for of in group_of]
    for at, graph in bases.values():
        kept[at][graph.start : graph.end] = True
        ranks[at][graph.start : graph.end] -= 1
    order = np.argsort(np.concatenate([rank[keep] for rank, keep in zip(ranks, kept, strict=True)]), kind="stable")
    moved = _targets(order, kept)
    if not len(order):
        return Merged(None, moved)

    row_ids, vectors, alive = _gather(tables, taken, kept, moved, len(order))
    sizes = np.bincount(np.concatenate([of[keep] for of, keep in zip(group_of, kept, strict=True)]))
    present = np.flatnonzero(sizes)
    starts = np.append(0, np.cumsum(sizes[present])).astype(np.uint32)
    columns = columns_of(groups[present], starts, row_ids, vectors)
    graphs: list[Graph] = []
    for place in np.flatnonzero(live[present] >= graph_from) if graph_from is not None else ():
        first, last = int(starts[place]), int(starts[place + 1])
        base = bases.get(int(present[place]))
        index = engine.build_graph(columns.vectors[first:last], base[1].index if base else None, progress)
        graphs.append(Graph(first, index, alive[first:last]))
    return Merged(Segment(columns, alive, tuple(graphs)), moved)


def _spread(tables: Sequence[Columns], numbers: Rows) -> list[Rows]:
    """For each input the number, in the merged table of groups, of each row's group."""
    spread = []
    at = 0
    for table in tables:
        spread.append(np.repeat(numbers[at : at + len(table.groups)], np.diff(table.starts)))
        at += len(table.groups)
    return spread


def _bases(
    segments: Sequence[Segment], taken: Sequence[Mask], group_of: list[Rows], live: Rows, graph_from: int
) -> dict[int, tuple[int, Graph]]:
    """Group number -> (input, graph): the largest graph worth extending."""
    bases: dict[int, tuple[int, Graph]] = {}
    for at, segment in enumerate(segments):
        for graph in segment.graphs:
            number = int(group_of[at][graph.start])
            alive = int(np.count_nonzero(taken[at][graph.start : graph.end]))
            worn = alive < (1 - WORN) * graph.rows
            smaller = number in bases and bases[number][1].rows >= graph.rows
            if live[number] >= graph_from and not worn and not smaller:
                bases[number] = (at, graph)
    return bases


def _targets(order: Rows, kept: Sequence[Mask]) -> list[Rows]:
    """Where each row goes, input by input."""
    target = np.empty(len(order), np.int64)
    target[order] = np.arange(len(order))
    moved = []
    at = 0
    for keep in kept:
        goes = np.full(len(keep), -1, np.int64)
        count = int(np.count_nonzero(keep))
        goes[keep] = target[at : at + count]
        moved.append(goes)
        at += count
    return moved


def _gather(
    tables: Sequence[Columns], taken: Sequence[Mask], kept: Sequence[Mask], moved: Sequence[Rows], rows: int
) -> tuple[Keys, Half, Mask]:
    """Ids, vectors and who is alive, all at their new rows."""
    ids = np.full(rows, NO_ID, ID_TYPE)
    vectors = np.empty((rows, tables[0].vectors.shape[1]), np.float16)
    alive = np.zeros(rows, np.bool_)
    for table, take, keep, goes in zip(tables, taken, kept, moved, strict=True):
        vectors[goes[keep]] = table.vectors[keep]
        ids[goes[take]] = table.row_ids[take]
        alive[goes[take]] = True
    return ids, vectors, alive
