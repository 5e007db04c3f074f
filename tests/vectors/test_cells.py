"""Large groups lie in cells: which are searched, and what becomes of them when rows die, come, and are merged."""

from __future__ import annotations

import numpy as np
import pytest

from semcache.ports import Row
from semcache.vectors import SegmentedIndex, engine
from semcache.vectors.segment import Segment
from tests.vectors.made import Single, clusters, entry_id, name, unit

DIMENSION = 32
SCAN_ROWS = 400


def filled(vectors: Single, *, first: int = 0, index: SegmentedIndex | None = None) -> SegmentedIndex:
    index = index or SegmentedIndex("s", DIMENSION, scan_rows=SCAN_ROWS, delta_rows=128)
    index.close()  # merges happen only where a test says so
    index.upsert([Row(entry_id(first + at), name(0), name(0), vector) for at, vector in enumerate(vectors)])
    index.merge_now()
    return index


def recall(index: SegmentedIndex, vectors: Single, alive: np.ndarray, random: np.random.Generator) -> float:
    """Share of noisy copies (cosine about 0.95) whose nearest live row is found."""
    chosen = random.choice(np.flatnonzero(alive), 200)
    queries = unit(vectors[chosen] + 0.33 * unit(random.standard_normal((200, DIMENSION))))
    right = []
    for query in queries:
        similarities = np.where(alive, vectors @ query, -1.0)
        (found,) = index.search(name(0), name(0), query, 1)
        right.append(found.similarity >= similarities.max() - 1e-3)
    return float(np.mean(right))


def scanned(index: SegmentedIndex, monkeypatch: pytest.MonkeyPatch, query: Single) -> int:
    """Rows that one search scans."""
    rows: list[int] = []
    real = engine.scan_runs

    def counted(vectors: engine.Half, runs: list[engine.Run], *rest: object) -> object:
        rows.append(sum(last - first for first, last in runs))
        return real(vectors, runs, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(engine, "scan_runs", counted)
        index.search(name(0), name(0), query, 4)
    return max(rows)


def test_a_search_scans_a_part_of_a_large_group_and_finds_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    vectors = clusters(12_000, DIMENSION, random)
    index = filled(vectors)
    assert recall(index, vectors, np.ones(len(vectors), np.bool_), random) >= 0.97
    assert scanned(index, monkeypatch, vectors[0]) < 2_000  # the least for a segment, and a cell


def test_dead_rows_do_not_count_as_scanned() -> None:
    random = np.random.default_rng(2)
    vectors = clusters(12_000, DIMENSION, random)
    index = filled(vectors)
    alive = random.random(len(vectors)) < 0.1
    index.remove([entry_id(int(at)) for at in np.flatnonzero(~alive)])
    assert recall(index, vectors, alive, random) >= 0.97


def test_a_merge_keeps_cells_that_fit_and_learns_new_ones_when_they_are_outgrown() -> None:
    random = np.random.default_rng(3)
    vectors = clusters(12_000, DIMENSION, random)
    index = filled(vectors[:3_000])
    first = _only(index).columns.cells.centres
    filled(vectors[3_000:5_000], first=3_000, index=index)
    kept = _only(index).columns.cells.centres
    assert {row.tobytes() for row in kept} <= {row.tobytes() for row in first}
    filled(vectors[5_000:], first=5_000, index=index)
    assert len(_only(index).columns.cells.centres) > 1.5 * len(first)
    assert recall(index, vectors, np.ones(len(vectors), np.bool_), random) >= 0.97


def test_cells_lie_in_their_groups_one_after_the_other() -> None:
    vectors = clusters(6_000, DIMENSION, np.random.default_rng(4))
    index = SegmentedIndex("s", DIMENSION, scan_rows=SCAN_ROWS, delta_rows=128)
    index.close()
    # two large groups of one partition, and small ones of it and of others between and around them
    groups = [(1, 2), (1, 9)] * 2_500 + [(0, 5), (1, 0), (1, 5), (2, 2)] * 250
    rows = [
        Row(entry_id(at), name(partition), name(context), vector)
        for at, ((partition, context), vector) in enumerate(zip(groups, vectors, strict=True))
    ]
    index.upsert(rows)
    index.merge_now()
    columns = _only(index).columns
    assert (columns.cells.starts < columns.cells.stops).all()
    assert (columns.cells.stops[:-1] <= columns.cells.starts[1:]).all()
    large = {name(1) + name(2), name(1) + name(9)}
    for at, key in enumerate(columns.groups):
        first, last = int(columns.starts[at]), int(columns.starts[at + 1])
        cells = columns.cells.within(first, last)
        gaps = cells.gaps(first, last)
        assert gaps == ([] if bytes(key).ljust(32, b"\0") in large else [(first, last)])
    for row in rows[::37]:
        for context in (row.context, None):
            assert index.search(row.partition, context, row.vector, 1)[0].similarity > 0.999


def _only(index: SegmentedIndex) -> Segment:
    (segment,) = index.segments
    return segment
