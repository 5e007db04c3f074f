"""What every VectorIndex does, compared with brute force over the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from semcache.errors import IndexUnavailable
from semcache.models import SHARDS, shard_of
from semcache.ports import Neighbour, Position, Row, VectorIndex
from semcache.vectors import IndexFolder, SegmentedIndex
from tests.vectors.made import Reference, Single, clusters, entry_id, name, unit

DIMENSION = 48
SPACE = "space-a"
Settle = Callable[[VectorIndex], VectorIndex]


class Made:
    """An implementation: how to make an empty one, and how to bring it to rest after writing."""

    def __init__(self, index: VectorIndex, settle: Settle) -> None:
        self.index = index
        self.settle = settle


@pytest.fixture(params=["in the delta", "in segments", "in cells", "merged", "reopened", "reopened, written on"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    opened: list[SegmentedIndex] = []

    def keep(index: SegmentedIndex) -> SegmentedIndex:
        opened.append(index)
        return index

    def flush(index: VectorIndex) -> VectorIndex:
        assert isinstance(index, SegmentedIndex)
        assert index.flush(60)
        return index

    def merge(index: VectorIndex) -> VectorIndex:
        assert isinstance(index, SegmentedIndex)
        index.merge_now()
        return index

    def reopen(index: VectorIndex) -> VectorIndex:
        shelf = IndexFolder(tmp_path / "index")
        assert shelf.save(index, "g", [Position()] * SHARDS)
        shelf.close()
        again = IndexFolder(tmp_path / "index").open(SPACE, DIMENSION, "g").index
        assert isinstance(again, SegmentedIndex)
        return keep(again)

    small = keep(SegmentedIndex(SPACE, DIMENSION, scan_rows=200, delta_rows=64))
    kinds: dict[str, Made] = {
        "in the delta": Made(keep(SegmentedIndex(SPACE, DIMENSION)), lambda index: index),
        "in segments": Made(keep(SegmentedIndex(SPACE, DIMENSION, delta_rows=64)), flush),
        "in cells": Made(small, flush),
        "merged": Made(small, merge),
        "reopened": Made(small, lambda index: reopen(merge(index))),
        "reopened, written on": Made(reopen(small), flush),
    }
    yield kinds[request.param]
    for index in opened:
        index.close()
        assert index.merge_failures == 0


def rows_of(vectors: Single, *, partitions: int = 1, contexts: int = 1, first: int = 0) -> list[Row]:
    return [
        Row(entry_id(first + at), name(at % partitions), name(at // partitions % contexts), vector)
        for at, vector in enumerate(vectors)
    ]


def agrees(found: list[Neighbour], expected: dict[str, float], k: int) -> bool:
    """Whether the answer is well formed and true; returns whether its first is really the nearest."""
    assert len(found) == min(k, len(expected))
    assert len({near.entry_id for near in found}) == len(found)
    similarities = [near.similarity for near in found]
    assert similarities == sorted(similarities, reverse=True)
    for near in found:
        assert near.similarity == pytest.approx(expected[near.entry_id], abs=1e-3)
    return not found or expected[found[0].entry_id] >= max(expected.values()) - 1e-3


def queries(vectors: Single, count: int, random: np.random.Generator) -> Single:
    near = vectors[random.integers(0, len(vectors), count)]
    return unit(near + 0.3 * unit(random.standard_normal(near.shape)))


def test_finds_the_nearest_of_group_and_partition(made: Made) -> None:
    random = np.random.default_rng(1)
    vectors = clusters(1_500, DIMENSION, random)
    reference, rows = Reference(), rows_of(vectors, partitions=3, contexts=5)
    reference.upsert(rows)
    made.index.upsert(rows)
    index = made.settle(made.index)
    right = []
    for at, query in enumerate(queries(vectors, 200, random)):
        partition, context = name(at % 3), [None, name(at % 5)][at % 2]
        right.append(agrees(index.search(partition, context, query, 4), reference.best(partition, context, query), 4))
    assert np.mean(right) >= 0.99


def test_one_large_group_with_nine_of_ten_rows_dead(made: Made) -> None:
    random = np.random.default_rng(2)
    vectors = clusters(2_000, DIMENSION, random)
    reference, rows = Reference(), rows_of(vectors)
    reference.upsert(rows)
    made.index.upsert(rows)
    index = made.settle(made.index)
    dead = [row.entry_id for row in rows if random.random() < 0.9]
    assert index.remove(dead) == reference.remove(dead) == len(dead)
    assert index.remove(dead) == 0
    assert len(index) == len(reference.rows)
    for settled in (index, made.settle(index)):
        right = []
        for query in queries(vectors, 150, random):
            expected = reference.best(name(0), name(0), query)
            right.append(agrees(settled.search(name(0), name(0), query, 4), expected, 4))
        assert np.mean(right) >= 0.99


def test_an_upsert_replaces_vector_and_group(made: Made) -> None:
    random = np.random.default_rng(3)
    vectors = clusters(600, DIMENSION, random)
    reference, rows = Reference(), rows_of(vectors)
    reference.upsert(rows)
    made.index.upsert(rows)
    index = made.settle(made.index)
    moved = [Row(row.entry_id, name(7), name(at % 2), vectors[-1 - at]) for at, row in enumerate(rows[:250])]
    index.upsert(moved)
    index.upsert(moved[:50])
    reference.upsert(moved)
    for settled in (index, made.settle(index)):
        assert len(settled) == 600
        for row in moved[:40]:
            found = settled.search(row.partition, row.context, row.vector, 3)
            assert agrees(found, reference.best(row.partition, row.context, row.vector), 3)
            assert all(near.entry_id != row.entry_id for near in settled.search(name(0), name(0), row.vector, 3))


def test_what_is_filled_in_is_found_meanwhile_and_afterwards(made: Made) -> None:
    random = np.random.default_rng(9)
    vectors = clusters(1_200, DIMENSION, random)
    reference, rows = Reference(), rows_of(vectors)
    index = made.index
    index.filling()
    for at in range(0, 1_200, 100):
        index.upsert(rows[at : at + 100])
        reference.upsert(rows[at : at + 100])
        assert agrees(index.search(name(0), name(0), vectors[at], 4), reference.best(name(0), name(0), vectors[at]), 4)
    before = index.searches
    index.merge_now()
    settled = made.settle(index)
    assert [
        agrees(settled.search(name(0), name(0), query, 4), reference.best(name(0), name(0), query), 4)
        for query in queries(vectors, 100, random)
    ].count(True) >= 98
    assert settled is not index or index.searches == before + 100


def test_twice_the_same_id_in_one_upsert(made: Made) -> None:
    vectors = clusters(3, DIMENSION, np.random.default_rng(4))
    made.index.upsert([Row(entry_id(1), name(0), name(0), vector) for vector in vectors])
    index = made.settle(made.index)
    assert len(index) == 1
    assert index.search(name(0), name(0), vectors[2], 5) == [Neighbour(entry_id(1), pytest.approx(1.0, abs=1e-3))]


def test_ids_by_shard(made: Made) -> None:
    rows = rows_of(clusters(300, DIMENSION, np.random.default_rng(5)), partitions=4)
    made.index.upsert(rows)
    index = made.settle(made.index)
    gone = {row.entry_id for row in rows[::3]}
    index.remove(gone)
    left = {row.entry_id for row in rows} - gone
    assert sorted(index.ids()) == sorted(left)
    for shard in range(SHARDS):
        assert sorted(index.ids(shard)) == sorted(one for one in left if shard_of(one) == shard)


def test_k_beyond_the_group_and_groups_that_are_not_there(made: Made) -> None:
    vectors = clusters(10, DIMENSION, np.random.default_rng(6))
    made.index.upsert(rows_of(vectors, partitions=2))
    index = made.settle(made.index)
    assert len(index.search(name(0), name(0), vectors[0], 1_000)) == 5
    assert len(index.search(name(1), None, vectors[0], 1_000)) == 5
    assert index.search(name(0), name(9), vectors[0], 4) == []
    assert index.search(name(9), None, vectors[0], 4) == []
    assert index.holds(name(0), name(0))
    assert not index.holds(name(0), name(9))
    assert not index.holds(name(9), name(0))
    assert index.search(name(0), name(0), vectors[0], 0) == []


def test_empty(made: Made) -> None:
    index = made.settle(made.index)
    query = unit(np.ones(DIMENSION, np.float32))
    assert index.search(name(0), None, query, 4) == []
    assert len(index) == 0
    assert index.ids() == index.ids(3) == []
    assert index.remove([entry_id(1)]) == 0
    index.upsert([])
    assert (index.space, index.dimension) == (SPACE, DIMENSION)


def test_emptied_and_filled_again(made: Made) -> None:
    vectors = clusters(300, DIMENSION, np.random.default_rng(7))
    rows = rows_of(vectors)
    made.index.upsert(rows)
    index = made.settle(made.index)
    assert index.remove(row.entry_id for row in rows) == 300
    index = made.settle(index)
    assert len(index) == 0
    assert index.search(name(0), name(0), vectors[0], 4) == []
    index.upsert(rows)
    assert len(made.settle(index)) == 300


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (Row(entry_id(1), name(0), name(0), unit(np.ones(DIMENSION + 1, np.float32))), "dimensions"),
        (Row(entry_id(1), name(0), name(0), np.ones(DIMENSION, np.float32)), "unit length"),
        (Row(entry_id(1), name(0), name(0), np.full(DIMENSION, np.nan, np.float32)), "unit length"),
        (Row("abc", name(0), name(0), unit(np.ones(DIMENSION, np.float32))), "entry id"),
        (Row(entry_id(1), b"short", name(0), unit(np.ones(DIMENSION, np.float32))), "16 bytes"),
    ],
)
def test_bad_rows_are_refused_and_nothing_is_written(made: Made, row: Row, complaint: str) -> None:
    good = Row(entry_id(2), name(0), name(0), unit(np.ones(DIMENSION, np.float32)))
    with pytest.raises(IndexUnavailable, match=complaint):
        made.index.upsert([good, row])
    assert len(made.index) == 0


def test_a_query_of_another_dimension_is_refused(made: Made) -> None:
    with pytest.raises(IndexUnavailable, match="48 dimensions"):
        made.index.search(name(0), None, unit(np.ones(DIMENSION - 1, np.float32)), 1)
