"""Which cosine threshold a vector space starts with in a mode, where the operator set none.

Thresholds mean something only inside one vector space: each is measured with `benchmarks/hit_rate.py` on labelled
question pairs and stands here with its measurement. A space that was never measured gets the cautious default.
"""

from __future__ import annotations

from typing import Final

from semcache.settings import Settings

CAUTIOUS: Final = 0.95
"""For spaces without a measurement."""

MEASURED: Final[dict[tuple[str, str], float]] = {
    # 97,244 requests of 48,622 labelled Quora pairs, stored on miss: the lowest threshold with at most 1 % wrong
    # answers over all requests (0.86 %; hit rate 21 %, precision of all hits 96 %).
    ("minilm-3b348a509be6", "threshold"): 0.97,
}
"""(vector space fingerprint, mode) -> threshold."""


def default_threshold(space: str, mode: str) -> float:
    """Cosine threshold in [0, 1] for a vector space in a mode of deciding (`settings.mode`)."""
    return MEASURED.get((space, mode), CAUTIOUS)


def threshold_of(settings: Settings, namespace: str, space: str, *, requested: float | None = None) -> float:
    """The cosine threshold in force: namespace over setting over calibration; a request may only tighten it."""
    configured = settings.namespace(namespace).threshold
    if configured is None:
        configured = settings.threshold
    if configured is None:
        configured = default_threshold(space, settings.mode)
    return configured if requested is None else max(configured, requested)
