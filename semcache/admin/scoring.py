"""Labelled pairs scored as the service would judge them: cosine, guards, and the verifier where there is one.

For tuning from a file. Nothing of the store is touched: one prompt of a pair plays the asker, the other the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from semcache.policy import guards
from semcache.policy.confidence import features, probability
from semcache.policy.guards import Force, Rules
from semcache.policy.similarity import similarity
from semcache.policy.tuning import BARRED, Judged, Knob
from semcache.ports import Embedder, Verifier

BATCH: Final = 64


class Pair(msgspec.Struct, frozen=True):
    """Two prompts and whether one answer serves both."""

    a: str
    """The cached prompt."""
    b: str
    """The asking one."""
    same: bool
    weight: float = 1.0
    voice: str = ""
    """Whose word the label is; "" where nobody is named."""


class Scorer:
    """Scores pairs. With a verifier by probability, else by cosine; each time as the service decides."""

    def __init__(self, embedder: Embedder, verifier: Verifier | None, rules: Rules, *, floor: float = 0.0) -> None:
        """`floor`: the least cosine at which the verifier is asked."""
        self._embedder = embedder
        self._verifier = verifier
        self._rules = rules
        self._floor = floor

    @property
    def knob(self) -> Knob:
        """What the scores are of."""
        return Knob.THRESHOLD if self._verifier is None else Knob.CONFIDENCE

    async def score(self, pairs: Sequence[Pair], *, done: Callable[[int], None] = lambda count: None) -> list[Judged]:
        """The pairs in order, each with its score; BARRED where no cut would serve it.

        Raises EmbedderUnavailable, VerifierUnavailable.
        """
        found: list[Judged] = []
        for start in range(0, len(pairs), BATCH):
            part = pairs[start : start + BATCH]
            vectors = await self._embedder.embed([text for pair in part for text in (pair.b, pair.a)])
            for pair, asked, cached in zip(part, vectors[::2], vectors[1::2], strict=True):
                score = BARRED
                if asked is not None and cached is not None:
                    long = len(asked.vectors) > 1 and len(cached.vectors) > 1
                    score = await self._one(pair, similarity(asked, cached), asked.space, long=long)
                found.append(Judged(score, pair.same, pair.weight, pair.voice))
            done(len(found))
        return found

    async def _one(self, pair: Pair, alike: float, space: str, *, long: bool) -> float:
        if long and guards.edited_inside(pair.b, pair.a):
            return BARRED
        if self._verifier is None:
            return alike
        if alike < self._floor:
            return BARRED
        findings = guards.compare(guards.read(pair.b, self._rules), guards.read(pair.a, self._rules), self._rules)
        if any(one.force is Force.VETO for one in findings):
            return BARRED
        score = (await self._verifier.scores(pair.b, [pair.a]))[0]
        if score is None:
            return BARRED
        evidence = features(
            pair.b, pair.a, score=score, similarity=alike, findings=findings, known=self._verifier.known
        )
        return probability(evidence, self._verifier.calibration(space))
