"""A semantic hit that was not served, to learn whether it would have been right."""

from __future__ import annotations

import msgspec


class Grounds(msgspec.Struct, frozen=True, array_like=True):
    """What verified mode takes a candidate's confidence from, beside the labels of its entry."""

    chance: float
    """The decision's own probability."""
    differing: tuple[float, float, float]
    """How the two prompts differ (`policy.adaptation.contrast`)."""


class Drawn(msgspec.Struct, frozen=True, array_like=True):
    """What verified mode knew when it explored a candidate (`policy.risk.Decision`); its label is counted by it."""

    bin: int
    level: int
    """-1: it was not servable."""
    wrong: float
    settled: bool = False
    grounds: Grounds | None = None
    """None in a token of before they were kept."""


class Withheld(msgspec.Struct, frozen=True, array_like=True):
    """A semantic hit that was not served, so that its answer is compared with the fresh one."""

    entry_id: str
    similarity: float
    confidence: float | None = None
    drawn: Drawn | None = None
    """Where verified mode withheld it, to learn; None for shadow mode, which serves none."""
    weight: float = 1.0
    """1 / the probability with which it was withheld."""
