"""Many tiny partitions cost rows and a table, not objects, and a large one no more; the package is light."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np

from semcache.models import SHARDS
from semcache.ports import Position, Row
from semcache.vectors import IndexFolder, SegmentedIndex
from semcache.vectors.segment import Segment
from tests.vectors.made import clusters, entry_id, name, unit

DIMENSION = 16
PARTITIONS = 20_000
EACH = 3
BYTES_PER_ROW = 100
"""32 of the vector, 24 of the id, 1 alive, 12 of the group's 36: 69; the rest is slack for the view's small parts."""


def test_tiny_partitions_stay_within_a_bound() -> None:
    random = np.random.default_rng(1)
    vectors = unit(random.standard_normal((PARTITIONS * EACH, DIMENSION)).astype(np.float32))
    index = SegmentedIndex("s", DIMENSION)
    tracemalloc.start()
    for first in range(0, len(vectors), 5_000):
        index.upsert(
            [
                Row(entry_id(at), name(at % PARTITIONS), name(0), vectors[at])
                for at in range(first, min(first + 5_000, len(vectors)))
            ]
        )
    index.merge_now()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    index.close()
    assert held / len(vectors) < BYTES_PER_ROW
    for at in range(0, len(vectors), 997):
        found = index.search(name(at % PARTITIONS), name(0), vectors[at], 10)
        assert len(found) == EACH
        assert found[0].entry_id == entry_id(at)


def _bytes(segment: Segment) -> int:
    columns = segment.columns
    parts = (columns.groups, columns.starts, columns.ids, columns.row_of, columns.place_of, segment.alive)
    cells = columns.cells
    return sum(part.nbytes for part in (*parts, cells.starts, cells.stops, cells.centres))


def test_a_large_group_keeps_within_the_goal_in_memory_and_in_the_file(tmp_path: Path) -> None:
    vectors = clusters(2_000, 384, np.random.default_rng(2))
    index = SegmentedIndex("s", 384, scan_rows=1_000)
    index.upsert([Row(entry_id(at), name(0), name(0), vector) for at, vector in enumerate(vectors)])
    index.merge_now()
    (segment,) = index.segments
    assert len(segment.columns.cells.starts) > 1
    assert (_bytes(segment) + segment.columns.vectors.nbytes) / len(vectors) < 900
    assert IndexFolder(tmp_path).save(index, "g", [Position()] * SHARDS)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) / len(vectors) < 900
    assert index.search(name(0), name(0), vectors[5], 1)[0].entry_id == entry_id(5)


def test_importing_the_package_does_not_load_faiss() -> None:
    code = "import sys, semcache.vectors; sys.exit('faiss' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


def test_searching_leaves_the_threads_of_others_alone() -> None:
    import threading

    from semcache.vectors.engine import build_threads, faiss, threads

    seen: list[int] = []

    def other() -> None:
        seen.append(faiss().omp_get_max_threads())

    def asked() -> int:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return seen[-1]

    before = asked()
    index = SegmentedIndex("s", DIMENSION, delta_rows=2)
    vectors = clusters(4, DIMENSION, np.random.default_rng(3))
    index.upsert([Row(entry_id(at), name(0), name(0), vector) for at, vector in enumerate(vectors)])
    index.search(name(0), name(0), vectors[0], 1)
    assert faiss().omp_get_max_threads() == 1
    with threads(build_threads()):
        assert faiss().omp_get_max_threads() == build_threads()
    assert faiss().omp_get_max_threads() == 1
    assert asked() == before
    index.close()
