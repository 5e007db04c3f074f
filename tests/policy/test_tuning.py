"""Tuning: the bound holds as often as it says, nothing is proposed that the labels do not vouch for."""

from __future__ import annotations

import random

import pytest

from semcache.policy.labels import Label, Source
from semcache.policy.tuning import BARRED, MOST_OF_ONE, Among, Judged, Knob, Pairs, Point, judged, propose


def drawn(rng: random.Random, count: int) -> list[Judged]:
    """Pairs whose chance to be the same is their score, most of them sure."""
    scores = [1 - rng.random() ** 4 for _ in range(count)]
    return [Judged(score, rng.random() < score) for score in scores]


def told(count: int, wrong: int, score: float = 0.9) -> list[Judged]:
    return [Judged(score, number >= wrong) for number in range(count)]


def of(pairs: list[Judged], target: float, among: Among = Among.REQUESTS, level: float = 0.95) -> Point | None:
    return propose("n", Pairs(pairs), knob=Knob.CONFIDENCE, target=target, among=among, level=level).proposed


def test_a_point_counts_what_a_cut_serves() -> None:
    pairs = [Judged(0.9, True), Judged(0.8, False), Judged(0.7, True), Judged(BARRED, True)]
    point = Pairs(pairs).at(0.8, 0.95)
    assert (point.served, point.wrong, point.hits) == (2, 1, 0.5)
    assert point.of_hits.value == 0.5
    assert point.of_requests.value == 0.25
    assert point.of_requests.low < 0.25 < point.of_requests.high
    assert [one.cut for one in Pairs(pairs).curve(0.95)] == [0.9, 0.8, 0.7]


@pytest.mark.parametrize("among", Among)
def test_the_target_is_missed_no_more_often_than_it_says(among: Among) -> None:
    target, level, runs = (0.02, 0.9, 60)
    rng = random.Random(11)
    truth = Pairs(drawn(rng, 20_000))
    missed = found = 0
    for _ in range(runs):
        point = of(drawn(rng, 1000), target, among, level=level)
        if point is not None:
            found += 1
            missed += truth.at(point.cut, level).error(among).value > target
    assert found > runs / 2
    assert missed / runs <= 1 - level + 0.05


def test_a_looser_target_serves_no_less() -> None:
    pairs = drawn(random.Random(5), 3000)
    shares = [point.hits if point else 0.0 for point in (of(pairs, t) for t in (0.005, 0.01, 0.02, 0.05))]
    assert shares == sorted(shares)
    assert shares[-1] > shares[0]


def test_too_few_labels_vouch_for_nothing_and_it_says_how_many_would() -> None:
    few = propose("n", Pairs(told(100, 0)), knob=Knob.THRESHOLD, target=0.01, among=Among.REQUESTS)
    assert (few.proposed, few.needed) == (None, 299)
    enough = propose("n", Pairs(told(299, 0)), knob=Knob.THRESHOLD, target=0.01, among=Among.REQUESTS)
    assert enough.proposed is not None
    assert enough.proposed.cut == 0.9
    assert enough.needed is None
    none = propose("n", Pairs([]), knob=Knob.THRESHOLD, target=0.01, among=Among.REQUESTS)
    assert (none.proposed, none.needed, none.current) == (None, 299, None)
    hopeless = propose("n", Pairs(told(100, 50)), knob=Knob.THRESHOLD, target=0.01, among=Among.HITS)
    assert (hopeless.proposed, hopeless.needed) == (None, None)


def test_wrong_pairs_at_the_top_stop_the_walk() -> None:
    assert of(told(50, 50, score=0.99) + told(2000, 0, score=0.5), 0.01) is None


def test_hits_are_vouched_for_from_further_down_though_the_top_proves_nothing() -> None:
    pairs = [Judged(1 - n / 10_000, n != 3) for n in range(4000)]
    point = of(pairs, 0.01, Among.HITS)
    assert point is not None
    assert point.hits == 1.0


def test_barred_pairs_are_requests_and_never_hits() -> None:
    pairs = told(400, 0) + [Judged(BARRED, False)] * 400
    point = of(pairs, 0.01)
    assert point is not None
    assert (point.hits, point.wrong) == (0.5, 0)


def test_what_is_in_force_is_told_beside_it() -> None:
    found = propose("n", Pairs(told(400, 4)), knob=Knob.THRESHOLD, target=0.01, among=Among.HITS, current=0.95)
    assert found.current is not None
    assert (found.current.served, found.labels, found.wrong) == (0, 400, 4)


def label(n: int, source: Source, *, principal: str | None = None, **more: object) -> Label:
    fixed = {"namespace": "n", "entry_id": f"{n:032x}", "asked": "a", "same": True, "similarity": 0.9}
    return Label(source=source, principal=principal, **{**fixed, **more})  # type: ignore[arg-type]


def test_comparisons_come_before_feedback() -> None:
    both = [label(1, Source.FEEDBACK, principal="p", same=False), label(2, Source.SHADOW, weight=3.0)]
    pairs, notes = judged(both, Knob.THRESHOLD)
    assert [(pair.same, pair.weight) for pair in pairs] == [(True, 3.0)]
    assert "feedback left out" in notes[0]
    pairs, notes = judged(both[:1], Knob.THRESHOLD)
    assert len(pairs) == 1
    assert "feedback alone" in notes[0]
    pairs, notes = judged(both, Knob.CONFIDENCE)
    assert pairs == []
    assert "2 labels without a confidence" in notes[0]


def test_the_last_word_counts_and_no_voice_drowns_the_others() -> None:
    again = [label(1, Source.FEEDBACK, principal="p", same=False), label(1, Source.FEEDBACK, principal="p")]
    assert [pair.same for pair in judged(again, Knob.THRESHOLD)[0]] == [True]
    loud = [label(n, Source.FEEDBACK, principal="loud", same=False) for n in range(90)]
    rest = [label(100 + n, Source.FEEDBACK, principal=f"p{n}") for n in range(10)]
    pairs, _ = judged(loud + rest, Knob.THRESHOLD)
    assert sum(pair.weight for pair in pairs if pair.voice == "loud") == pytest.approx(MOST_OF_ONE * 100)


def test_weights_make_the_bound_wider() -> None:
    even, uneven = told(600, 0), [Judged(0.9, True, 1.0 if n % 10 else 30.0) for n in range(600)]
    assert Pairs(uneven).at(0.9, 0.95).of_hits.high > 2 * Pairs(even).at(0.9, 0.95).of_hits.high
