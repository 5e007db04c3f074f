"""What labels said of one entry, and how it shifts the confidence of its candidates."""

from __future__ import annotations

from typing import Final

import msgspec

from semcache.policy.risk.scale import logit

SPREAD: Final = 2.0
"""Prior variance, in logits squared, of how much more or less an entry deserves trust than its confidence says."""


FARTHEST: Final = 6.0
"""Most logits that an entry's evidence shifts."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What labels said of one entry. The fields are counters of the entry's own hash."""

    right: float = 0.0
    wrong: float = 0.0
    surprise: float = 0.0
    """Sum over its labels of (1 if right else 0) less the probability of right that was expected."""
    information: float = 0.0
    """Sum over its labels of expected p (1 - p)."""

    @property
    def shift(self) -> float:
        """Logits to add to the confidence of its candidates: one Newton step to the mode of a random effect."""
        step = SPREAD * self.surprise / (1.0 + SPREAD * self.information)
        return min(max(step, -FARTHEST), FARTHEST)


def shifted(p: float, evidence: Evidence | None) -> float:
    """Confidence of a candidate with its entry's evidence, in logits. Of several candidates the highest is the best."""
    return logit(p) + (evidence.shift if evidence is not None else 0.0)


def witnessed(wrong: float, right: bool) -> dict[str, float]:
    """What to add to an entry's counters for a label on it; `wrong`: its expected probability.

    The label of an explored pair is evidence on both entries: the candidate's, and the one that the fresh answer makes.
    """
    return {
        "right" if right else "wrong": 1.0,
        "surprise": (1.0 if right else 0.0) - (1.0 - wrong),
        "information": wrong * (1.0 - wrong),
    }
