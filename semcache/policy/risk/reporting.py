"""What the operator sees: how the bound stands, and how many labels it still needs."""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from semcache.policy.risk.account import account
from semcache.policy.risk.belief import Belief
from semcache.policy.risk.bound import Bound
from semcache.policy.risk.certificate import certified
from semcache.policy.risk.counters import LEVELS, State, view
from semcache.policy.risk.drift import drifted_since
from semcache.policy.risk.outlook import outlook_of
from semcache.policy.risk.planning import EARLY, levels_of, reading

STEADY: Final = 0.8
"""Share of the steady hit rate that `labels_needed` counts up to."""
NEVER: Final = 1_000_000
"""Labels beyond which nobody waits."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How the bound stands."""

    requests: float
    served: float
    labels: float
    wrong: float
    """Share of wrong answers among all requests, as expected."""
    wrong_upper: float
    """What it is below by the model, with probability 1 - `Bound.risk`."""
    wrong_of_served: float
    """The share among the served, as expected."""
    certified: float
    """What the share among all requests is below whatever the model, the stream or the drift; far above `wrong_upper`
    until there were many tests."""
    holds: bool
    """Whether `wrong_upper` is within the bound (that of 500 requests before so many). False though `wrong` is within:
    not shown yet, not broken."""
    alarm: bool
    labels_needed: int | None


def report(state: State, bound: Bound) -> Report:
    """How the bound stands, of all time."""
    total, epochs = view(state)
    now = outlook_of(np.array([one.bins["r"] for one in epochs]), np.array([one.bins["x"] for one in epochs]))
    past = account(now, epochs)
    served = float(total.bins["s"].sum())
    requests = max(total.requests, 1.0)
    mean = past.ratio * past.mean
    upper = 0.0
    if past.mean > 0.0:
        spread = float(past.slope @ now.covariance @ past.slope) / past.mean**2 + math.log1p(past.doubt / past.ratio**2)
        most = Belief(mean, spread, 1.0 - bound.risk).upper()
        upper = min(max(most, mean), served)
    return Report(
        requests=total.requests,
        served=served,
        labels=float(total.bins["r"].sum() + total.bins["x"].sum()),
        wrong=min(mean, served) / requests,
        wrong_upper=upper / requests,
        wrong_of_served=min(mean / served, 1.0) if served else 0.0,
        certified=certified(state) / requests,
        holds=upper <= bound.alpha * max(requests, EARLY),
        alarm=drifted_since(epochs) is not None,
        labels_needed=labels_needed(state, bound),
    )


def labels_needed(state: State, bound: Bound) -> int | None:
    """How many more labels until `STEADY` of the steady hit rate may be served; None: more than anybody waits for.

    Steady is what could be served if the wrongness at each confidence were known to be as now expected. Supposes that
    further requests and labels are like those so far; before the first label, that all will be right.
    """
    seen = reading(state, bound)
    if seen.labels < 1.0:
        return math.ceil(-math.log(bound.risk) / bound.alpha)
    risky = np.cumsum((seen.share * seen.chance)[::-1])[::-1]
    steady = float(seen.share[risky <= bound.alpha].sum())
    further = 0.0
    while further <= NEVER:
        trial = seen if further == 0.0 else reading(state, bound, 1.0 + further / seen.labels)
        levels = levels_of(trial, bound)
        served = sum(
            float(share) * (1.0 - LEVELS[level])
            for share, level in zip(trial.share, levels, strict=True)
            if level is not None
        )
        if served >= STEADY * steady:
            return math.ceil(further)
        further = max(further * 1.25, 25.0)
    return None
