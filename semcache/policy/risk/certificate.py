"""How many wrong answers were served at most, whatever the model believes."""

from __future__ import annotations

import math
from typing import Final

from semcache.policy.risk.counters import LEVELS, State, Sums

CONFIDENT: Final = 0.95
"""Probability with which what `report` calls certified holds, at all times together."""
_SPEEDS: Final = (0.2, 0.5, 0.8, 0.95, 0.99)


def certified(state: State, confident: float = CONFIDENT) -> float:
    """Most wrong answers served so far, with probability `confident` for all times at once, assuming only a fair coin.

    Of the servable candidates whose answer is wrong each is tested with the level's probability c. So for any t in
    (0, 1) the product over them of (1 - t)^[tested] / (1 - t c) is a martingale: Ville's inequality bounds how many
    there were, and all but the tested were served. A test without a label counts as wrong.
    """
    levels = Sums(state.total).levels
    fine = math.log(len(LEVELS) * len(_SPEEDS) / (1.0 - confident))
    most = 0.0
    for at, chance in enumerate(LEVELS):
        served = float(levels["S"][at])
        found = float(levels["V"][at] + max(levels["A"][at] - levels["T"][at], 0.0))
        bounds = [(fine - found * math.log1p(-speed)) / -math.log1p(-speed * chance) - found for speed in _SPEEDS]
        most += min(served, max(min(bounds), 0.0))
    return most
