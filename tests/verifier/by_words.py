"""A judge without a model: two prompts deserve the same answer if they are made of the same words."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from semcache.errors import VerifierUnavailable
from semcache.policy.confidence import FEATURES
from semcache.ports import Calibration
from semcache.verifier.calibrations import ANY, Calibrations
from semcache.verifier.judge import Pair
from semcache.verifier.serving import OwnedVerifier
from tests.patience import LONG_S

FINGERPRINT: Final = "by-words-1"
LONGEST: Final = 1000
"""Characters of two prompts together; longer pairs are not judged."""


class WordJudge:
    """Implements `Judge`: 12 times the share of common words, less 6. While `gate` is clear, `run` waits at it.

    Prompts that hold the word `poison` raise; `dead` once set raises VerifierUnavailable once.
    """

    fingerprint = FINGERPRINT

    def __init__(self, known: Mapping[str, int] | None = None) -> None:
        self.known: Mapping[str, int] = known or {}
        self.batches: list[list[Pair]] = []
        self.loads = 0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.dead = False
        self.unloaded = False

    def load(self) -> None:
        self.loads += 1

    def size(self, pair: Pair) -> int:
        return 1

    def run(self, pairs: Sequence[Pair]) -> list[float | None]:
        self.batches.append(list(pairs))
        self.entered.set()
        self.gate.wait(30)
        if self.dead:
            self.dead = False
            raise VerifierUnavailable("the model died")
        if any("poison" in text for pair in pairs for text in pair):
            raise ValueError("cannot judge this")
        return [None if len(pair.asked) + len(pair.cached) > LONGEST else alike(*pair) for pair in pairs]

    def unload(self) -> None:
        self.unloaded = True

    def abort(self) -> None:
        self.gate.set()


def alike(asked: str, cached: str) -> float:
    """A logit."""
    one, other = (frozenset(re.findall(r"\w+|\S", text.lower())) for text in (asked, cached))
    return 12.0 * len(one & other) / max(1, len(one | other)) - 6.0


def word_verifier(
    *, queue: int = 256, deadline_s: float = LONG_S, known: Mapping[str, int] | None = None
) -> OwnedVerifier:
    """A verifier to put into a service or a cache under test, not started."""
    return OwnedVerifier(
        WordJudge(known), queue=queue, deadline_s=deadline_s, calibrations=lambda fingerprint: word_calibrations()
    )


def word_calibrations() -> Calibrations:
    """Its score as it is: 3.5 of 4 words in common make .99."""
    assert "score" in FEATURES
    return Calibrations({ANY: Calibration(fingerprint=FINGERPRINT, bias=0.0, weights={"score": 1.0})})
