"""vCache's policy: when an entry is exploited."""

from __future__ import annotations

import numpy as np

from benchmarks import sweep, vcache
from benchmarks.sweep import Asked
from benchmarks.vcache import Entry


def _entry(*labels: tuple[float, bool]) -> Entry:
    entry = Entry()
    for cosine, right in labels:
        entry.learn(cosine, right)
    return entry


def test_an_entry_is_explored_until_its_fourth_label() -> None:
    labels = [(0.9, True), (0.5, False), (0.92, True), (0.4, False)]
    assert [_entry(*labels[:count]).explore(0.99, 0.2) for count in range(4)] == [1.0] * 4
    assert _entry(*labels).explore(0.99, 0.2) < 1.0


def test_the_less_error_is_allowed_and_the_farther_the_request_the_more_is_explored() -> None:
    entry = _entry(*[(0.9, True), (0.5, False), (0.92, True), (0.4, False)] * 4)
    by_delta = [entry.explore(0.99, delta) for delta in (0.001, 0.01, 0.1)]
    assert by_delta == sorted(by_delta, reverse=True)
    assert by_delta[0] > by_delta[-1]
    by_cosine = [entry.explore(cosine, 0.1) for cosine in (0.3, 0.7, 0.99)]
    assert by_cosine == sorted(by_cosine, reverse=True)
    assert by_cosine[0] > by_cosine[-1]


def test_wrong_answers_at_a_high_cosine_keep_an_entry_from_being_exploited() -> None:
    good = _entry(*[(0.95, True)] * 6, *[(0.5, False)] * 6)
    bad = _entry(*[(0.95, True)] * 6, *[(0.96, False)] * 6)
    assert bad.explore(0.97, 0.02) > good.explore(0.97, 0.02)


def test_labels_that_do_not_separate_use_the_spread_of_the_fit() -> None:
    mixed = [(0.6, False), (0.7, True), (0.65, True), (0.72, False), (0.9, True), (0.4, False)]
    few, many = _entry(*mixed), _entry(*mixed * 8)
    assert many.explore(0.97, 0.1) < few.explore(0.97, 0.1)


def test_a_stream_of_repeats_is_exploited_only_after_labels() -> None:
    angles = np.radians(np.linspace(0.0, 5.0, 40))
    vectors = {f"t{at}": np.array([np.cos(angle), np.sin(angle)], np.float32) for at, angle in enumerate(angles)}
    line = sweep.line([Asked(text, "x") for text in vectors], vectors.__getitem__, str)
    few, many = vcache.replay(line, [0.01, 0.5], insert_all=False, seed=1).semantic.tolist()
    assert few <= many
    assert 0 < many <= 35
