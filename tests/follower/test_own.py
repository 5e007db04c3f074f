"""What a process leaves out of the changes that the log tells, because it made them."""

from __future__ import annotations

import numpy as np
import pytest

from semcache.follower import own
from semcache.follower.own import Own
from semcache.ports import Position, Row, ShardChanges


def rows(*names: str) -> list[Row]:
    return [Row(name, b"p" * 16, b"c" * 16, np.ones(2, np.float32)) for name in names]


def change(*told: tuple[str, int], gap: bool = False) -> ShardChanges:
    return ShardChanges(
        shard=0, position=Position(), entry_ids=tuple(one for one, _ in told), seqs=tuple(at for _, at in told), gap=gap
    )


def test_its_own_changes_are_left_out_once() -> None:
    mine = Own()
    mine.note(rows("a", "b"), [1, 2])
    assert mine.others(change(("a", 1), ("b", 3), ("c", 4))).entry_ids == ("b", "c")  # somebody has changed b since
    assert mine.others(change(("a", 1))).entry_ids == ("a",)


def test_what_it_is_not_sure_of_is_read() -> None:
    mine = Own()
    mine.note(rows("a", "b", "c"), [1, 2])  # c: written by nobody knows which change
    mine.disown(["a"])
    assert mine.others(change(("a", 1), ("b", 2), ("c", 3))).entry_ids == ("a", "c")


def test_a_gap_leaves_nothing_out() -> None:
    mine = Own()
    mine.note(rows("a"), [1])
    assert mine.others(change(("a", 1), gap=True)).entry_ids == ("a",)


def test_the_oldest_are_given_up_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "_OWN", 2)
    mine = Own()
    mine.note(rows("a", "b", "c"), [1, 2, 3])
    assert mine.others(change(("a", 1), ("b", 2), ("c", 3))).entry_ids == ("a",)
