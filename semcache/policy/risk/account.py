"""What is believed of the wrong answers that were served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from semcache.policy.risk.counters import Sums
from semcache.policy.risk.outlook import Outlook

TRUST: Final = 25.0
"""How many expected wrong answers the model's own account is worth against what tests find."""


class Account(msgspec.Struct, frozen=True):
    """What is believed of the wrong answers that were served, as of now."""

    mean: float
    """Expected number."""
    slope: Any
    """(BINS + epochs,) How it changes with the model's unknowns."""
    ratio: float
    """What tests found, over what the model expected of them; shrunk to 1."""
    doubt: float
    """Variance of the ratio."""


def account(now: Outlook, epochs: Sequence[Sums], which: slice = slice(None)) -> Account:
    """Of the served of some epochs; the ratio is of all."""
    then = now.wrong_then
    kept = np.zeros(len(epochs))
    kept[which] = 1.0
    served = np.array([one.bins["s"] for one in epochs]) * kept[:, None]
    tests = np.array([one.bins["q"] for one in epochs])
    found = float(sum(one.bins["v"].sum() for one in epochs))
    expected = float((tests * then).sum())
    steep = served * then * (1.0 - then)
    slope = np.concatenate([steep.sum(0), steep.sum(1)])
    ratio = (TRUST + found) / (TRUST + expected)
    return Account(float((served * then).sum()), slope, ratio, (TRUST + found) / (TRUST + expected) ** 2)
