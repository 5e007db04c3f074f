"""Which cosine threshold a vector space starts with in a mode, where the operator set none.

Thresholds mean something only inside one vector space: each is measured with `benchmarks/hit_rate.py` on labelled
question pairs and stands here with its measurement. A space that was never measured gets the cautious default.
"""

from __future__ import annotations

from typing import Final

from semcache.settings import Mode, Settings

CAUTIOUS: Final = 0.95
"""For spaces without a measurement."""

MEASURED: Final[dict[tuple[str, str], float]] = {
    # 97,244 requests of 48,622 labelled Quora pairs, stored on miss: the lowest threshold with at most 1 % wrong
    # answers over all requests (0.86 %; hit rate 21 %, precision of all hits 96 %).
    ("minilm-3b348a509be6", "threshold"): 0.97,
    # Where the verifier decides, the cosine only spares it work: of 3,911 labelled Quora positives (test fold) 1.3 %
    # lie below .60, and of prompts with a slip many more: of 656 of MS MARCO 71 % are served with .60, 79 % with .50.
    ("minilm-3b348a509be6", "judged"): 0.50,
}
"""(vector space fingerprint, mode) -> threshold."""


JUDGED_CAUTIOUS: Final = 0.80
"""Least cosine in a judged mode, for spaces without a measurement: what is below is not worth the verifier's time."""

CONFIDENCE_CAUTIOUS: Final = 0.97
"""Least probability of a hit for verifiers without a measurement."""

MEASURED_CONFIDENCE: Final[dict[str, float]] = {
    # By everyday pairs of the half at which rules are looked: 60 % of what should be is served, and 0.6 % of the traps;
    # with .96 55 and .6 %, with .94 66 and 1.8 % (`docs/verifier.md` tells of pairs that nobody looked at).
    "cross-ccfcde03aa9d": 0.95,
}
"""Verifier's fingerprint -> least probability of a hit."""


def default_threshold(space: str, mode: str) -> float:
    """Cosine threshold in [0, 1] for a vector space: `threshold` where it decides alone, `judged` where others do."""
    return MEASURED.get((space, mode), CAUTIOUS if mode == "threshold" else JUDGED_CAUTIOUS)


def mode_of(settings: Settings, namespace: str) -> Mode:
    """How semantic hits of a namespace are decided."""
    return settings.namespace(namespace).mode or settings.mode


def may_reword(settings: Settings, namespace: str, *, asked: bool = False) -> bool:
    """Whether earlier turns of a conversation may be worded otherwise: where the operator says so, or says nothing and
    the request asks for it (`asked`), and more than a cosine decides, in which one turn among many is hardly seen.
    """
    context = settings.namespace(namespace).context or settings.context
    judged = settings.verifier != "off" and mode_of(settings, namespace) != "threshold"
    return judged and (asked if context is None else context == "semantic")


def threshold_of(
    settings: Settings, namespace: str, space: str, *, judged: bool = False, requested: float | None = None
) -> float:
    """The cosine threshold in force: namespace over setting over calibration; a request may only tighten it.

    `judged`: the verifier decides among what is above it.
    """
    configured = settings.namespace(namespace).threshold
    if configured is None:
        configured = settings.threshold
    if configured is None:
        configured = default_threshold(space, "judged" if judged else "threshold")
    return configured if requested is None else max(configured, requested)


def confidence_of(settings: Settings, namespace: str, fingerprint: str) -> float:
    """The least probability of a hit in force: namespace over setting over calibration of the verifier."""
    configured = settings.namespace(namespace).confidence
    if configured is None:
        configured = settings.confidence
    return MEASURED_CONFIDENCE.get(fingerprint, CONFIDENCE_CAUTIOUS) if configured is None else configured
