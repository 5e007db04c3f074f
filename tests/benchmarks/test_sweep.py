"""Streams against many caches at once: what each stores, and what it serves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import sweep
from benchmarks.sweep import Asked, Curve, Line, Replay


def _vector(degrees: float) -> NDArray[np.float32]:
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], np.float32)


def _line(*asked: tuple[str, float, str], places: Sequence[str] = ()) -> Line:
    """Requests as (text, angle of its vector, label)."""
    angles = {text: angle for text, angle, _ in asked}
    spread = places or [""] * len(asked)
    requests = [Asked(text, label, place) for (text, _, label), place in zip(asked, spread, strict=True)]
    return sweep.line(requests, lambda text: _vector(angles[text]), str.lower)


def _cosine(degrees: float) -> float:
    return float(np.cos(np.radians(degrees)))


STREAM = (("a", 0.0, "x"), ("b", 10.0, "x"), ("c", 20.0, "y"))


def test_a_hit_is_not_stored_so_the_next_request_meets_what_was() -> None:
    curve = Replay(_line(*STREAM), [_cosine(15), _cosine(5)], insert_all=False).run()
    # At 15 degrees b is served a's answer and not stored, so nothing is near enough to c.
    assert curve.semantic.tolist() == [1, 0]
    assert curve.wrong.tolist() == [0, 0]


def test_where_all_is_stored_the_nearest_answers() -> None:
    curve = Replay(_line(*STREAM), [_cosine(15), _cosine(5)], insert_all=True).run()
    assert curve.semantic.tolist() == [2, 0]
    assert curve.wrong_semantic.tolist() == [1, 0]  # c was served b's


def test_identical_texts_and_spellings_hit_directly_at_any_threshold() -> None:
    stream = _line(("A", 0.0, "x"), ("A", 0.0, "x"), ("a", 90.0, "y"))
    curve = Replay(stream, [1.0], insert_all=False).run()
    assert curve.direct.tolist() == [2]
    assert curve.semantic.tolist() == [0]
    assert curve.wrong.tolist() == [1]
    assert curve.wrong_semantic.tolist() == [0]


def test_places_are_kept_apart() -> None:
    stream = _line(("a", 0.0, "x"), ("a", 0.0, "x"), places=["one", "two"])
    assert Replay(stream, [0.5], insert_all=True).run().hits.tolist() == [0]
    assert stream.possible == 0


def test_the_most_probable_candidate_answers_not_the_nearest() -> None:
    stream = _line(("a", 0.0, "x"), ("b", 30.0, "y"), ("c", 20.0, "x"))
    chances = {(2, 0): 0.9, (2, 1): 0.4, (1, 0): 0.1}
    curve = Replay(stream, [0.3, 0.95], insert_all=True, chance=lambda a, b, _: chances[a, b], watch=0).run()
    assert curve.semantic.tolist() == [1, 0]
    assert curve.wrong.tolist() == [0, 0]


def test_refused_pairs_and_those_below_the_floor_are_never_served() -> None:
    stream = _line(("a", 0.0, "x"), ("b", 10.0, "x"), ("c", 60.0, "x"))
    replay = Replay(
        stream, [0.0], insert_all=True, chance=lambda a, b, _: 1.0, refused=lambda a, b, _: b == 0, floor=_cosine(20)
    )
    assert replay.run().semantic.tolist() == [0]


def test_more_neighbours_are_read_only_while_all_are_vetoed() -> None:
    far = [(f"t{at}", 10.0 + at, "y") for at in range(5)]
    stream = _line(("right", 16.0, "x"), *far, ("asked", 10.0, "x"))
    judged = []

    def served(vetoed: set[int]) -> int:
        def chance(asked: int, cached: int, _: float) -> float:
            judged.append((asked, cached))
            return 1.0 if (asked, cached) == (6, 0) else 0.1

        def refused(asked: int, cached: int, _: float) -> bool:
            return asked < 6 or cached in vetoed

        return int(Replay(stream, [0.5], insert_all=True, chance=chance, refused=refused).run().semantic[0])

    assert served({1, 2, 3, 4}) == 1
    assert judged == [(6, 5), (6, 0)]
    judged.clear()
    assert served({2, 3, 4}) == 0
    assert judged == [(6, 1)]


def test_wrong_hits_are_listed_at_the_watched_threshold() -> None:
    stream = _line(("a", 0.0, "x"), ("b", 10.0, "y"))
    curve = Replay(stream, [0.2, 0.9], insert_all=False, chance=lambda a, b, _: 0.5, watch=0).run()
    assert [(one.asked, one.cached, one.value) for one in curve.watched] == [(1, 0, 0.5)]


def test_all_pairs_are_announced_before_they_are_asked_for() -> None:
    stream = _line(*((f"t{at}", float(at), str(at // 3)) for at in range(60)))
    told: set[tuple[int, int]] = set()

    def chance(asked: int, cached: int, _: float) -> float:
        assert (asked, cached) in told
        return 0.5

    Replay(stream, [0.2, 0.9], insert_all=False, chance=chance, prepare=told.update, floor=0.9).run()
    assert told


@pytest.mark.parametrize(("error", "expected"), [(0.0, None), (0.1, 1), (0.5, 2)])
def test_the_best_threshold_has_the_most_hits_within_the_error(error: float, expected: int | None) -> None:
    curve = Curve(
        thresholds=np.array([0.9, 0.8, 0.7]),
        requests=10,
        direct=np.array([1, 1, 1]),
        semantic=np.array([0, 2, 5]),
        wrong=np.array([1, 1, 4]),
        wrong_semantic=np.array([1, 1, 4]),
    )
    assert curve.best(error) == expected


def test_shuffling_keeps_each_requests_label() -> None:
    stream = _line(*((f"t{at}", float(at), str(at % 7)) for at in range(30)))
    mixed = stream.shuffled(3)
    assert mixed.text.tolist() != stream.text.tolist()
    assert sorted(zip(mixed.text.tolist(), mixed.label.tolist(), strict=True)) == sorted(
        zip(stream.text.tolist(), stream.label.tolist(), strict=True)
    )
    assert mixed.possible == stream.possible == 23
