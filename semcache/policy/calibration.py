"""Which cosine threshold a vector space starts with, where the operator set none.

Thresholds mean something only inside one vector space: each is measured with `benchmarks/hit_rate.py` on labelled
question pairs and stands here with its measurement. A space that was never measured gets the cautious default.
"""

from __future__ import annotations

from typing import Final

CAUTIOUS: Final = 0.95
"""For spaces without a measurement."""

MEASURED: Final[dict[str, float]] = {
    # 97,244 requests of 48,622 labelled Quora pairs, stored on miss: the lowest threshold with at most 1 % wrong
    # answers over all requests (0.86 %; hit rate 21 %, precision of all hits 96 %).
    "minilm-3b348a509be6": 0.97,
}
"""Vector space fingerprint -> threshold."""


def default_threshold(space: str) -> float:
    """Cosine threshold in [0, 1] for a vector space."""
    return MEASURED.get(space, CAUTIOUS)
