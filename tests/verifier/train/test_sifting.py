"""Which pairs are worth seeing again."""

from __future__ import annotations

import random
from collections.abc import Sequence

from semcache.verifier.judge import PackagedJudge, Pair
from semcache.verifier.train.pairs import LabelledPair
from semcache.verifier.train.sifting import KNOWN_AGAIN, sift


class _Scripted(PackagedJudge):
    """Scores as told by the asked prompt."""

    def __init__(self) -> None:
        pass

    def run(self, pairs: Sequence[Pair]) -> list[float | None]:
        return [None if pair.asked == "long" else float(pair.asked) for pair in pairs]


def _pairs(told: str, *, same: bool, count: int = 1) -> list[LabelledPair]:
    return [LabelledPair(told, "other", same, "kind", "families", "group")] * count


def test_what_is_unsure_or_wrong_stays_and_what_cannot_be_judged_goes() -> None:
    worth = [*_pairs("2.5", same=True), *_pairs("-6", same=True), *_pairs("1", same=False), *_pairs("7", same=False)]
    assert sift([*worth, *_pairs("long", same=True)], _Scripted(), random.Random(1)) == worth


def test_of_what_is_known_a_few_stay() -> None:
    known = _pairs("5", same=True, count=500) + _pairs("-5", same=False, count=500)
    kept = sift(known, _Scripted(), random.Random(1))
    assert abs(len(kept) / len(known) - KNOWN_AGAIN) < 0.05
    assert {pair.same for pair in kept} == {True, False}
