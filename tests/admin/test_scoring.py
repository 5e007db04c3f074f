"""Pairs scored as the service judges them: by cosine, or by guards and verifier above the floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from semcache.admin.scoring import Pair, Scorer
from semcache.models import Embedding
from semcache.policy.confidence import Calibration
from semcache.policy.guards import Rules
from semcache.policy.tuning import BARRED, Knob
from semcache.ports import EmbedderState

DEGREES = {"a": 0, "b": 60, "open the door": 0, "please open the door": 1, "the door, open it": 60}


class Angles:
    """Texts lie at their angles, others at 0; `none` has no vectors."""

    space, dimension = "angles", 2

    async def embed(self, texts: Sequence[str], *, deadline_s: float | None = None) -> list[Embedding | None]:
        return [self._of(text) for text in texts]

    def _of(self, text: str) -> Embedding | None:
        if text == "none":
            return None
        turn = np.deg2rad(float(DEGREES.get(text, 0)))
        return Embedding("angles", np.array([[np.cos(turn), np.sin(turn)]], np.float32), np.ones(1, np.float32))

    def state(self) -> EmbedderState:
        return EmbedderState(ready=True)

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...


class Lengths(Angles):
    """A verifier whose score is the number of cached characters; long ones it cannot judge."""

    fingerprint = "lengths"
    known: Mapping[str, int] = {}

    def calibration(self, space: str) -> Calibration:
        return Calibration(fingerprint="lengths", bias=-5.0, weights={"score": 1.0})

    async def scores(self, asked: str, cached: Sequence[str], *, deadline_s: float | None = None) -> list[float | None]:
        return [None if len(text) > 20 else 5.0 for text in cached]


async def test_by_cosine() -> None:
    scorer = Scorer(Angles(), None, Rules.default())
    done: list[int] = []
    pairs = [Pair("a", "b", True), Pair("a", "none", False, 2.0)] * 40
    found = await scorer.score(pairs, done=done.append)
    assert scorer.knob is Knob.THRESHOLD
    assert found[0].score == pytest.approx(0.5, abs=1e-3)
    assert (found[1].score, found[1].same, found[1].weight) == (BARRED, False, 2.0)
    assert done == [64, 80]


async def test_by_guards_and_verifier_above_the_floor() -> None:
    scorer = Scorer(Angles(), Lengths(), Rules.default(), floor=0.9)
    found = await scorer.score(
        [
            Pair("open the door", "open the door now", True),
            Pair("open the door", "the door, open it", True),
            Pair("wait 15 minutes", "wait 50 minutes", False),
            Pair("open the door and wait for me", "please open the door and wait for me", True),
        ]
    )
    assert scorer.knob is Knob.CONFIDENCE
    assert [one.score for one in found] == [pytest.approx(0.5), BARRED, BARRED, BARRED]
