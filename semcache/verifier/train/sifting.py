"""Which pairs are worth seeing again: those that a network is unsure of, and a few of the others.

Of what was made most is soon known; what decides how many traps are served are those few that look right (after
Shrivastava et al. 2016, "Training region-based object detectors with online hard example mining"). For pairs whose
labels hold by construction: of labels given by people the least likely ones are often wrong.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from typing import Final

from tqdm import tqdm

from semcache.verifier.judge import Judge, Pair
from semcache.verifier.train.pairs import LabelledPair

log = logging.getLogger(__name__)

SURE: Final = 3.0
"""A logit on the right side, from which on a pair is known."""
KNOWN_AGAIN: Final = 0.2
"""Share of the known pairs that are seen all the same, so that they stay known."""
_BATCH: Final = 256


def sift(pairs: Sequence[LabelledPair], judge: Judge, rng: random.Random) -> list[LabelledPair]:
    """The pairs, most of those left out that the loaded `judge` is right about and sure of."""
    order = sorted(range(len(pairs)), key=lambda at: len(pairs[at].a) + len(pairs[at].b))  # alike lengths run together
    kept = []
    for start in tqdm(range(0, len(order), _BATCH), desc="sift", mininterval=10):
        chosen = order[start : start + _BATCH]
        scores = judge.run([Pair(pairs[at].a, pairs[at].b) for at in chosen])
        kept += [at for at, score in zip(chosen, scores, strict=True) if _is_worth_it(pairs[at].same, score, rng)]
    log.info("%d of %d pairs are worth seeing", len(kept), len(pairs))
    return [pairs[at] for at in sorted(kept)]


def _is_worth_it(same: bool, score: float | None, rng: random.Random) -> bool:
    if score is None:
        return False
    margin = score if same else -score
    return margin < SURE or rng.random() < KNOWN_AGAIN
