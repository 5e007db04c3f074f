"""The bins of confidence."""

from __future__ import annotations

from semcache.policy import risk
from semcache.policy.risk.scale import CENTRES


def test_bins_cover_every_confidence() -> None:
    assert risk.bin_of(-1e9) == 0
    assert risk.bin_of(1e9) == risk.BINS - 1
    assert risk.bin_of(risk.logit(0.0)) == 0
    assert risk.bin_of(risk.logit(1.0)) == risk.BINS - 1
    for at in range(1, risk.BINS - 1):
        assert risk.bin_of(float(CENTRES[at])) == at
