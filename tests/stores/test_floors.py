"""What a process remembers of epochs: of too many, those go that were new or raised the longest ago."""

from __future__ import annotations

import pytest

from semcache.stores import entries
from semcache.stores.entries import Floors


def test_the_highest_is_remembered() -> None:
    floors = Floors()
    assert [floors.saw("a", 0, epoch) for epoch in (3, 5, 4)] == [3, 5, 5]
    assert (floors.get("a", 0), floors.get("a", 1), floors.get("b", 0)) == (5, 0, 0)


def test_one_that_was_raised_just_now_outlives_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies hang on it until the change log has told of it, however long ago it was seen first."""
    monkeypatch.setattr(entries, "_FLOORS", 3)
    floors = Floors()
    for name in ("old", "second", "third"):
        floors.saw(name, 0, 1)
    floors.saw("old", 0, 2)
    for name in ("fourth", "fifth"):
        floors.saw(name, 0, 1)
    assert (floors.get("old", 0), floors.get("second", 0)) == (2, 0)
