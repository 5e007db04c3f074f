"""What a namespace's labels teach about confidence."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from semcache.policy import adaptation
from semcache.policy.adaptation import ALIKE, UNTAUGHT, Adaptation, Contrast, contrast

Fields = dict[str, float]


def chance(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))


def add(place: Fields, deltas: Fields) -> None:
    for name, delta in deltas.items():
        place[name] = place.get(name, 0.0) + delta


def draw(rng: random.Random) -> tuple[float, Contrast, bool]:
    """A candidate of a namespace where other words count for more, and the confidence for less, than was learned."""
    z, differing = rng.gauss(2.0, 2.0), (rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0))
    truth = -0.5 + 0.6 * z + 0.5 * differing[1] - 1.5 * differing[2]
    return z, differing, rng.random() < chance(truth)


def loss(judge: Adaptation, seed: int) -> float:
    """Mean logarithmic loss over 2,000 candidates."""
    rng = random.Random(seed)
    lost = 0.0
    for _ in range(2000):
        z, differing, right = draw(rng)
        believed = judge.log_odds(z, differing)
        lost += math.log1p(math.exp(-believed if right else believed))
    return lost / 2000


# --- how two prompts differ ------------------------------------------------------------------------------------------


def test_prompts_of_the_same_words_differ_in_none() -> None:
    near, share, number = contrast("Reset my password", "my PASSWORD, reset!", 0.95)
    assert share == 2.0
    assert number == pytest.approx(math.log(0.5) - 1.5)
    assert near == pytest.approx(-math.log(0.051) - 2.0)


def test_each_further_word_makes_them_differ_more() -> None:
    seen = [contrast("reset my password", "reset my password" + " now" * few + " please" * more, 0.9)[1:]
            for few, more in ((0, 0), (1, 0), (1, 1))]  # fmt: skip
    assert [share for share, _ in seen] == sorted({share for share, _ in seen}, reverse=True)
    assert [number for _, number in seen] == sorted({number for _, number in seen})


@pytest.mark.parametrize(
    ("asked", "cached", "cosine"), [("", "", 1.0), ("", "a b", -1.0), ("?!", "...", 1.001), ("好", "好的", 0.5)]
)
def test_any_two_prompts_can_be_learned_from(asked: str, cached: str, cosine: float) -> None:
    assert UNTAUGHT.learned(0.0, contrast(asked, cached, cosine), True)


def test_a_long_prompt_can_be_learned_from() -> None:
    words = " ".join(f"w{number}" for number in range(100_000))
    assert UNTAUGHT.learned(0.0, contrast("", words, 0.0), True)


# --- learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("z", [-7.0, 0.0, 3.5])
def test_before_the_first_label_confidence_is_what_it_says(z: float) -> None:
    assert UNTAUGHT.log_odds(z, (1.0, -2.0, 3.0)) == z
    assert adaptation.adaptation(adaptation.sums({})).log_odds(z, (1.0, -2.0, 3.0)) == pytest.approx(z)


def test_three_hundred_labels_teach_what_counts_here() -> None:
    rng, fields, judge = random.Random(1), Fields(), UNTAUGHT
    for number in range(300):
        z, differing, right = draw(rng)
        add(fields, judge.learned(z, differing, right))
        if number % 20 == 19:
            judge = adaptation.adaptation(adaptation.sums(fields))
    best = Adaptation((-0.5, 0.6, 0.0, 0.5, -1.5))
    assert loss(judge, 2) < loss(best, 2) + 0.1 * (loss(UNTAUGHT, 2) - loss(best, 2))


def test_labels_that_confirm_the_confidence_leave_it() -> None:
    rng, fields, judge = random.Random(3), Fields(), UNTAUGHT
    for number in range(1000):
        z, differing, _ = draw(rng)
        add(fields, judge.learned(z, differing, rng.random() < chance(z)))
        if number % 20 == 19:
            judge = adaptation.adaptation(adaptation.sums(fields))
    assert np.allclose(judge.weights, adaptation.START, atol=0.3)


def test_replicas_may_add_in_any_order() -> None:
    rng = random.Random(4)
    labels = [UNTAUGHT.learned(*draw(rng)) for _ in range(50)]
    one, two = Fields(), Fields()
    for deltas in labels:
        add(one, deltas)
    for deltas in reversed(labels):
        add(two, deltas)
    as_stored = {name: repr(value) for name, value in two.items()}
    weights = [adaptation.adaptation(adaptation.sums(fields)).weights for fields in (one, as_stored)]
    assert weights[0] == pytest.approx(weights[1])


def test_one_label_however_surprising_turns_nothing_over() -> None:
    taught = adaptation.adaptation(adaptation.sums(UNTAUGHT.learned(8.0, ALIKE, False)))
    assert 2.0 < taught.log_odds(8.0, ALIKE) < 8.0
    assert taught.log_odds(2.0, ALIKE) > 0.0


@pytest.mark.parametrize(
    ("z", "differing"),
    [(17.0, ALIKE), (math.nan, ALIKE), (math.inf, ALIKE), (0.0, (9.0, 0.0, 0.0)), (0.0, (0.0, -3.0, 0.0)),
     (0.0, (0.0, 0.0, math.nan))],
)  # fmt: skip
def test_what_no_candidate_can_have_teaches_nothing(z: float, differing: Contrast) -> None:
    assert UNTAUGHT.learned(z, differing, True) == {}
