"""Have candidates become wrong more often than was expected?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from semcache.policy.risk.counters import State, Sums, view

LASTING: Final = 1000.0
"""Epochs that pass on average between false alarms, at least."""


def alarm(state: State) -> bool:
    """Whether candidates have been wrong more often than expected since some epoch.

    An e-detector of Shiryaev and Roberts' kind over bets, placed with each label, that the odds of a wrong answer are
    some times those expected: on average no more than one false alarm in `LASTING` epochs, as long as the true odds
    stay below `TOLERANCE` times the expected.
    """
    return drifted_since(view(state)[1]) is not None


def drifted_since(epochs: Sequence[Sums]) -> int | None:
    """The epoch since when the bets have paid best, if they pay enough."""
    logs = np.array([one.bets for one in epochs[1:]])
    if not len(logs):
        return None
    since = np.cumsum(logs[::-1], axis=0)[::-1]
    if float(np.exp(np.minimum(since, 50.0)).mean(axis=1).sum()) < LASTING:
        return None
    return int(since.max(axis=1).argmax()) + 1
