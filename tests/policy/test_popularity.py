"""What is asked for more often is preferred, and old fame fades."""

from __future__ import annotations

from semcache.policy.popularity import Popularity


def told_apart(popularity: Popularity) -> tuple[str, str]:
    """Two names that share no counter."""
    return next(
        (f"a{n}", f"b{n}")
        for n in range(100)
        if not set(popularity._places(f"a{n}")) & set(popularity._places(f"b{n}"))
    )


def test_the_more_popular_is_preferred_and_a_draw_changes_nothing() -> None:
    popularity = Popularity(100)
    one, two = told_apart(popularity)
    assert not popularity.prefers(one, two)
    popularity.note(one)
    assert popularity.prefers(one, two)
    popularity.note(two)
    assert not popularity.prefers(one, two)
    assert not popularity.prefers(two, one)


def test_counters_end_where_a_byte_does() -> None:
    popularity = Popularity(100)
    one, two = told_apart(popularity)
    for _ in range(300):
        popularity.note(one)
    popularity.note(two)
    assert popularity.prefers(one, two)


def test_old_fame_fades() -> None:
    popularity = Popularity(10)
    one, two = told_apart(popularity)
    for _ in range(60):
        popularity.note(one)
    for _ in range(1000):
        popularity.note(two)
    assert popularity.prefers(two, one)
    assert popularity.count(one) < 60


def test_it_takes_a_few_bytes_each_and_never_none() -> None:
    assert len(Popularity(1000)._counts) == 16_000
    assert Popularity(0)._counts
