"""How sure is it that one answer serves two prompts: the verifier's score and all further evidence, as a probability.

A logistic function of a handful of features (Platt 1999, "Probabilistic outputs for support vector machines", with more
than one input), summed by weight and by a few bends that let them count together: a cosine says much of short questions
that the verifier hesitates over, and little of two long ones that differ in a word. Fitted by `semcache.verifier.train`
on pairs that training never saw, and never falling in what speaks for a pair nor rising in a doubt. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from semcache.policy.guards import GUARDS, Finding
from semcache.policy.plain import plainly
from semcache.policy.repeats import Repeat, repeat
from semcache.ports import Calibration

_WORD: Final = re.compile(r"\w+")

FEATURES: Final = (
    "score",
    "similarity",
    "shared",
    "short",
    "same",
    "repeat",
    "slip",
    *(f"doubt:{guard}" for guard in GUARDS),
)
"""Names of all features, in order."""
FOR: Final = frozenset({"score", "similarity", "same", "repeat", "slip"})
"""Those that only ever speak for a pair. Doubts only speak against it; the others may do either."""

REPEATED: Final = 0.99
"""Least probability where the words are the same and no guard doubts. Of 998 such pairs in the labelled sets 22 are
labelled different; read, each asks the same."""
SLIPPED: Final = 0.97
"""The same where there are slips as well (`Repeat.SURE`). Of 2,955 such pairs in the labelled sets 2 are labelled
different; read, both ask the same. Less sure than the same words: a name may be missing among the known ones."""

CLOSE: Final = "close"
"""Evidence beside the features: `Repeat.CLOSE`."""
_OF_WORDS: Final = frozenset(
    {"number", "date", "negation", "entity", "direction", "quantifier", "scope", "question", "tense", "modality"}
)
"""Guards that read words: where two prompts are word for word the same but for slips, what they doubt is the slip."""
_EXPLAINED: Final = {
    Repeat.SAME: _OF_WORDS,
    Repeat.SURE: _OF_WORDS,
    Repeat.SHORT: frozenset({"entity", "date", "direction"}),
    Repeat.CLOSE: frozenset({"entity", "date", "direction", "question"}),
}
"""Doubts that a repeat explains, and that are no evidence then. Of 202 such pairs in the labelled sets one is labelled
different; read, it asks the same."""
LIKED: Final = 2.0
"""Least score, a logit, from which such a pair is as sure as one with slips in known words. Of 235 such pairs in the
labelled sets one is labelled different; read, it asks the same."""


def features(
    a: str,
    b: str,
    *,
    score: float,
    similarity: float,
    findings: Iterable[Finding],
    known: Collection[str] = frozenset(),
) -> dict[str, float]:
    """The evidence of a pair, by feature name; those that are 0 may be missing.

    `score`: the verifier's, a logit; `similarity`: cosine; `findings`: the guards' (a veto counts as its doubt);
    `known`: see `repeats.repeat`.
    """
    words_a, words_b = map(_words, plainly(a, b, known))
    again = repeat(a, b, known)
    found = {
        "score": score,
        "similarity": similarity,
        "shared": len(words_a & words_b) / max(1, len(words_a | words_b)),
        "short": 1.0 / (1.0 + min(len(words_a), len(words_b))),
        "same": float(again is Repeat.SAME),
        "repeat": float(again in (Repeat.SURE, Repeat.SAME)),
        "slip": float(again in (Repeat.LIKELY, Repeat.SHORT, Repeat.CLOSE)),
        CLOSE: float(again in (Repeat.SHORT, Repeat.CLOSE)),
    }
    explained = _EXPLAINED.get(again, frozenset())
    found.update((f"doubt:{finding.guard}", 1.0) for finding in findings if finding.guard not in explained)
    return found


def probability(evidence: Mapping[str, float], calibration: Calibration) -> float:
    """Calibrated probability, in (0, 1), that one answer serves both.

    Where no guard doubts, at least REPEATED for prompts that are word for word the same, and SLIPPED for those that are
    but for slips; where the slips are less sure, if the score is LIKED.
    """
    logit = calibration.bias + _weighed(evidence, calibration.weights)
    for bend in calibration.bends:
        logit += bend.gain * math.tanh(bend.bias + _weighed(evidence, bend.weights))
    found = 1.0 / (1.0 + math.exp(-logit)) if logit > -700 else 0.0
    if any(value and name.startswith("doubt:") for name, value in evidence.items()):
        return found
    slipped = evidence.get("repeat") or (evidence.get(CLOSE) and evidence["score"] >= LIKED)
    return max(found, REPEATED if evidence.get("same") else SLIPPED if slipped else 0.0)


def _weighed(evidence: Mapping[str, float], weights: Mapping[str, float]) -> float:
    return sum(weights.get(name, 0.0) * value for name, value in evidence.items() if value)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))
