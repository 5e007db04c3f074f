"""Which requests a shortened stream keeps."""

from __future__ import annotations

import pytest

from benchmarks.sweep import Asked

unseen = pytest.importorskip("benchmarks.unseen", reason="needs what training needs")

REQUESTS = [Asked(f"t{at}", str(at % 10)) for at in range(100)]


def test_whole_labels_are_kept_in_order() -> None:
    kept = unseen.shortened(REQUESTS, 35, 1, by_label=True)
    assert len(kept) == 30
    assert len({one.label for one in kept}) == 3
    assert kept == [one for one in REQUESTS if one in kept]
    assert kept != unseen.shortened(REQUESTS, 35, 2, by_label=True)


def test_or_the_first_ones() -> None:
    assert unseen.shortened(REQUESTS, 35, 1, by_label=False) == REQUESTS[:35]
    assert unseen.shortened(REQUESTS, 100, 1, by_label=True) == REQUESTS
