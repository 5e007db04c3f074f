"""What the operator wants: a bound on wrong answers."""

from __future__ import annotations

import msgspec


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's bound."""

    alpha: float
    """Most wrong answers, as a share of all requests of the namespace."""
    risk: float = 0.05
    """How probable it may be, by the model, that the bound does not hold."""

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0:
            raise ValueError(f"a bound is a share between 0 and 1, such as 0.01; not {self.alpha}")
        if not 0.0 < self.risk < 0.5:
            raise ValueError(f"a risk is a probability below one half, such as 0.05; not {self.risk}")
