"""Pairs laid end to end: nothing lost, nothing mixed, nothing left of the row before."""

from __future__ import annotations

import numpy as np
import pytest

from semcache.verifier.inputs import LIMIT, PairInput
from semcache.verifier.packing import PAIRS, STEP, TOKENS, empty, fill, pack, runs, width_of


def pair(length: int, first: int = 1000) -> PairInput:
    return PairInput(list(range(first, first + length)), [at % 4 for at in range(length)])


def test_a_row_holds_each_pair_with_positions_of_its_own() -> None:
    packed = pack([pair(3, 10), pair(2, 20)], 8)
    assert packed.ids.tolist() == [[10, 11, 12, 20, 21, 0, 0, 0]]
    assert packed.types.tolist() == [[0, 1, 2, 0, 1, 0, 0, 0]]
    assert packed.positions.tolist() == [[0, 1, 2, 0, 1, 0, 0, 0]]
    assert packed.segments.tolist() == [[0, 0, 0, 1, 1, PAIRS, PAIRS, PAIRS]]
    assert packed.starts.tolist() == [0, 3] + [0] * (PAIRS - 2)
    assert all(array.dtype == np.int64 for array in packed)


def test_nothing_is_left_of_the_row_before() -> None:
    used = empty(32)
    fill(used, [pair(4, at * 10) for at in range(PAIRS)])
    fill(used, [pair(5)])
    for mine, new in zip(used, pack([pair(5)], 32), strict=True):
        assert mine.tolist() == new.tolist()


@pytest.mark.parametrize(
    "lengths",
    [[], [27], [27] * 4, [3] * 40, [LIMIT] * 3, [100, 90, 80, 60, 40, 20], [LIMIT, 3, TOKENS, TOKENS - 3, 3]],
)
def test_every_pair_runs_once_and_no_run_is_too_large(lengths: list[int]) -> None:
    planned = runs(lengths)
    assert sorted(at for run in planned for at in run) == list(range(len(lengths)))
    for run in planned:
        assert len(run) <= PAIRS
        assert len(run) == 1 or sum(lengths[at] for at in run) <= TOKENS


def test_short_pairs_run_together() -> None:
    assert len(runs([27] * 4)) == 1
    assert sorted(map(len, runs([TOKENS - 20, 20, TOKENS - 30, 30]))) == [2, 2]


def test_a_row_is_as_narrow_as_may_be() -> None:
    assert [width_of(tokens, (32, 64)) for tokens in (3, 32, 33, 64)] == [32, 32, 64, 64]
    assert width_of(65, (32, 64)) == 80
    assert width_of(LIMIT, (32, 64)) % STEP == 0
    assert width_of(5, ()) == STEP
