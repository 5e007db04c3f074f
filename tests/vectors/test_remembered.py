"""What is remembered of a group's rows between two writes: never more than the next search may know."""

from __future__ import annotations

import numpy as np
import pytest

from semcache.ports import Row
from semcache.vectors import SegmentedIndex
from tests.vectors.made import Single, entry_id, name, unit


def found(index: SegmentedIndex, group: int, query: Single) -> list[str]:
    return [one.entry_id for one in index.search(name(group), name(0), query, 9)]


@pytest.mark.parametrize("sealed", [False, True])
def test_a_write_between_two_searches_counts(sealed: bool) -> None:
    index = SegmentedIndex("space", 16)
    vectors = unit(np.random.default_rng(7).standard_normal((4, 16), np.float32))
    rows = [Row(entry_id(at), name(at % 2), name(0), vectors[at]) for at in range(4)]
    index.upsert(rows[:2])
    if sealed:
        assert index.flush(5.0)
    assert found(index, 0, vectors[0]) == [entry_id(0)]
    index.upsert([rows[2]])
    assert set(found(index, 0, vectors[0])) == {entry_id(0), entry_id(2)}
    index.remove([entry_id(0)])
    assert found(index, 0, vectors[0]) == [entry_id(2)]
    index.upsert([Row(entry_id(2), name(1), name(0), vectors[2])])  # moves
    assert found(index, 0, vectors[0]) == []
    assert set(found(index, 1, vectors[0])) == {entry_id(1), entry_id(2)}
    index.upsert([rows[0]])
    assert found(index, 0, vectors[0]) == [entry_id(0)]
    index.close()


@pytest.mark.parametrize("sealed", [False, True])
def test_more_groups_than_are_remembered(sealed: bool) -> None:
    index = SegmentedIndex("space", 16)
    vectors = unit(np.random.default_rng(8).standard_normal((600, 16), np.float32))
    index.upsert([Row(entry_id(at), name(at), name(0), vectors[at]) for at in range(600)])
    if sealed:
        assert index.flush(5.0)
    for _ in range(2):
        for at in range(600):
            assert found(index, at, vectors[at]) == [entry_id(at)]
    assert found(index, 600, vectors[0]) == []
    index.close()
