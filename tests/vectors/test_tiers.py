"""Which segments are merged: never many, and no row rewritten often."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from semcache.vectors import tiers

SEAL = tiers.SMALLEST


def test_waits_for_company_of_about_its_own_size() -> None:
    assert tiers.choose([]) == []
    assert tiers.choose([SEAL] * 3) == []
    assert sorted(tiers.choose([SEAL] * 4)) == [0, 1, 2, 3]
    assert sorted(tiers.choose([100 * SEAL, SEAL, SEAL, 3, SEAL])) == [1, 2, 3, 4]


@given(st.lists(st.integers(0, 10_000_000), max_size=20))
def test_ends_with_few_segments(sizes: list[int]) -> None:
    steps = 0
    while chosen := tiers.choose(sizes):
        assert len(chosen) > 1
        sizes = [size for at, size in enumerate(sizes) if at not in chosen] + [sum(sizes[at] for at in chosen)]
        steps += 1
    assert len(sizes) <= tiers.MOST
    assert steps <= 20


def test_a_million_rows_are_rewritten_a_few_times_each() -> None:
    sizes: list[int] = []
    rewritten = most = 0
    for _ in range(500):
        sizes.append(SEAL)
        while chosen := tiers.choose(sizes):
            total = sum(sizes[at] for at in chosen)
            rewritten += total
            sizes = [size for at, size in enumerate(sizes) if at not in chosen] + [total]
        most = max(most, len(sizes))
    assert rewritten / sum(sizes) < 10
    assert most <= tiers.MOST
