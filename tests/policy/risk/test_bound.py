"""The bound."""

from __future__ import annotations

import pytest

from semcache.policy.risk import Bound


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 2.0])
def test_a_bound_is_a_share(alpha: float) -> None:
    with pytest.raises(ValueError, match="share between 0 and 1"):
        Bound(alpha=alpha)
