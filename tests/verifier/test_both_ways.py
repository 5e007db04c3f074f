"""A pair is read either way round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from semcache.verifier import both_ways
from semcache.verifier.both_ways import AGAIN
from semcache.verifier.inputs import PairInput, pair_input


class Reader:
    """Logits by the first token of an input, and what was read."""

    def __init__(self, by_first: dict[int, float]) -> None:
        self.by_first = by_first
        self.reads: list[list[int]] = []

    def __call__(self, inputs: Sequence[PairInput]) -> NDArray[np.float32]:
        self.reads.append([one.ids[1] for one in inputs])
        return np.array([self.by_first[one.ids[1]] for one in inputs], np.float32)


def pair(first: int, second: int) -> PairInput:
    made = pair_input([first], [second])
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("there", "back", "logit"),
    [
        (AGAIN + 3, AGAIN + 2, AGAIN + 2),
        (AGAIN + 2, AGAIN + 3, AGAIN + 2),
        (AGAIN + 3, AGAIN - 5, AGAIN),
        (AGAIN - 1, AGAIN + 9, AGAIN - 1),
    ],
)
def test_the_lesser_reading_counts(there: float, back: float, logit: float) -> None:
    assert both_ways.logits([pair(1, 2)], Reader({1: there, 2: back})).tolist() == [logit]


def test_only_what_looks_the_same_is_read_again() -> None:
    reader = Reader({1: AGAIN - 1, 3: AGAIN + 1, 4: AGAIN + 2, 5: AGAIN})
    found = both_ways.logits([pair(1, 2), pair(3, 4), pair(5, 6)], reader)
    assert found.tolist() == [AGAIN - 1, AGAIN + 1, AGAIN]
    assert reader.reads == [[1, 3, 5], [4]]


def test_nothing_is_read_again_where_nothing_looks_the_same() -> None:
    reader = Reader({1: AGAIN - 1})
    both_ways.logits([pair(1, 2)], reader)
    assert reader.reads == [[1]]
