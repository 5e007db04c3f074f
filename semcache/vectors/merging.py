"""Several segments become one: live rows only, sorted by group again, large groups laid out in cells.

Cells are not learnt anew where an input has fitting ones for the group: its rows stay in them, and only the others are
assigned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semcache.vectors import engine
from semcache.vectors.engine import Half, Rows
from semcache.vectors.keys import ID_TYPE
from semcache.vectors.segment import Cells, Columns, Segment, columns_of

OUTGROWN: Final = 2.0
"""Cells are learnt anew where there ought to be more or fewer of them by a larger factor than this."""
COPY_ROWS: Final = 16_384

Mask = NDArray[np.bool_]
Progress = Callable[[], None]


class Merged:
    """The outcome: the segment (None where no row was left), and where each row of each input went (-1: nowhere)."""

    def __init__(self, segment: Segment | None, moved: list[Rows]) -> None:
        self.segment = segment
        self.moved = moved


def merge(segments: Sequence[Segment], taken: Sequence[Mask], scan_rows: int | None, progress: Progress) -> Merged:
    """Merge the `taken` rows (bool, one mask a segment) of the inputs, which are only read.

    Groups of more than `scan_rows` rows are laid out in cells; None: no group is. `progress` is called between the
    steps of long work and may raise to give it up.
    """
    tables = [segment.columns for segment in segments]
    groups, numbers = np.unique(np.concatenate([table.groups for table in tables]), return_inverse=True)
    rows = [np.flatnonzero(mask) for mask in taken]
    group_of = [of[at] for of, at in zip(_spread(tables, numbers.astype(np.int64)), rows, strict=True)]
    sizes = sum((np.bincount(of, minlength=len(groups)) for of in group_of), np.zeros(len(groups), np.int64))
    if not sizes.any():
        return Merged(None, [np.full(len(mask), -1, np.int64) for mask in taken])

    # A slot is a group, or a cell of one; rows are sorted by slot, and so by group.
    laid = {
        int(group): _laid_out(groups[group : group + 1], tables, rows, [of == group for of in group_of], progress)
        for group in (np.flatnonzero(sizes > scan_rows) if scan_rows is not None else ())
    }
    width = np.ones(len(groups), np.int64)
    for group, (centres, _) in laid.items():
        width[group] = len(centres)
    first_slot = np.append(0, np.cumsum(width))
    slot_of = [first_slot[of] for of in group_of]
    for group, (_, cell_of) in laid.items():
        for slots, of, cell in zip(slot_of, group_of, cell_of, strict=True):
            slots[of == group] += cell

    order = np.argsort(np.concatenate(slot_of), kind="stable")
    moved = _targets(order, rows, taken)
    ids, vectors = _gather(tables, rows, moved, len(order), progress)
    ends = np.append(0, np.cumsum(np.bincount(np.concatenate(slot_of), minlength=int(first_slot[-1]))))
    present = np.flatnonzero(sizes)
    starts = np.append(ends[first_slot[present]], len(order)).astype(np.uint32)
    cells = _cells(laid, first_slot, ends, vectors.shape[1])
    columns = columns_of(groups[present], starts, ids, vectors, cells)
    return Merged(Segment(columns, np.ones(len(order), np.bool_)), moved)


def _spread(tables: Sequence[Columns], numbers: Rows) -> Iterator[Rows]:
    """For each input the number, in the merged table of groups, of each row's group."""
    at = 0
    for table in tables:
        yield np.repeat(numbers[at : at + len(table.groups)], np.diff(table.starts))
        at += len(table.groups)


def _laid_out(
    key: NDArray[np.bytes_], tables: Sequence[Columns], rows: Sequence[Rows], here: Sequence[Mask], progress: Progress
) -> tuple[Half, list[NDArray[np.int32]]]:
    """Centres for one group, and the cell of each of its rows, input by input."""
    own = [at[mask] for at, mask in zip(rows, here, strict=True)]
    wanted = engine.cell_count(sum(map(len, own)))
    known = [_known(table, key) for table in tables]
    fitting = [at for at, cells in enumerate(known) if wanted / OUTGROWN <= len(cells.starts) <= wanted * OUTGROWN]
    base = max(fitting, key=lambda at: len(own[at]), default=None)
    if base is not None:
        centres = known[base].centres
    else:
        centres = engine.learn_cells(_sample(tables, own, wanted * engine.CELL_SAMPLE), wanted, progress)
    return centres, [
        known[at].of(mine) if at == base else engine.nearest_cells(table.vectors, mine, centres, progress)
        for at, (table, mine) in enumerate(zip(tables, own, strict=True))
    ]


def _known(table: Columns, key: NDArray[np.bytes_]) -> Cells:
    """The cells that an input has for the group; none where it has no such group."""
    at = int(table.groups.searchsorted(key)[0])
    if at == len(table.groups) or table.groups[at] != key[0]:
        return table.cells.within(0, 0)
    return table.cells.within(int(table.starts[at]), int(table.starts[at + 1]))


def _sample(tables: Sequence[Columns], own: Sequence[Rows], count: int) -> Half:
    """About so many rows of a group, evenly drawn over all inputs."""
    step = max(1, sum(map(len, own)) // count)
    return np.concatenate([table.vectors[mine[::step]] for table, mine in zip(tables, own, strict=True)])


def _cells(laid: dict[int, tuple[Half, list[NDArray[np.int32]]]], first_slot: Rows, ends: Rows, width: int) -> Cells:
    """Where the cells of all groups came to lie; those without a row are left out."""
    starts, stops, centres = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty((0, width), np.float16)]
    for group, (found, _) in laid.items():  # in the order of groups, and so of rows
        edges = ends[first_slot[group] : first_slot[group] + len(found) + 1]
        filled = np.diff(edges) > 0
        starts.append(edges[:-1][filled])
        stops.append(edges[1:][filled])
        centres.append(found[filled])
    return Cells(
        np.concatenate(starts).astype(np.uint32), np.concatenate(stops).astype(np.uint32), np.concatenate(centres)
    )


def _targets(order: Rows, rows: Sequence[Rows], taken: Sequence[Mask]) -> list[Rows]:
    """Where each row goes, input by input."""
    target = np.empty(len(order), np.int64)
    target[order] = np.arange(len(order))
    moved = []
    at = 0
    for own, mask in zip(rows, taken, strict=True):
        goes = np.full(len(mask), -1, np.int64)
        goes[own] = target[at : at + len(own)]
        moved.append(goes)
        at += len(own)
    return moved


def _gather(
    tables: Sequence[Columns], rows: Sequence[Rows], moved: Sequence[Rows], count: int, progress: Progress
) -> tuple[NDArray[np.bytes_], Half]:
    """Ids and vectors at their new rows. In portions: a million vectors at once would be there three times."""
    ids = np.empty(count, ID_TYPE)
    vectors = np.empty((count, tables[0].vectors.shape[1]), np.float16)
    for table, own, goes in zip(tables, rows, moved, strict=True):
        ids[goes[own]] = table.row_ids[own]
        for at in range(0, len(own), COPY_ROWS):
            progress()
            some = own[at : at + COPY_ROWS]
            vectors[goes[some]] = table.vectors[some]
    return ids, vectors
