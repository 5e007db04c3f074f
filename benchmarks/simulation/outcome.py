"""What a policy did with a stream."""

from __future__ import annotations

from typing import Final, NamedTuple

LABELS: Final = 200
"""Labels after which `verified` should serve nearly what it will."""
WINDOW: Final = 400
"""Requests after these labels that are looked at."""


class Early(NamedTuple):
    """How `verified` began: of the WINDOW requests that followed its first LABELS labels."""

    before: int
    """Requests up to then."""
    hits: int
    steady: float
    """Hits that the run's last plan would have had of the same requests, with the same candidates and evidence."""
    late: int
    """Hits of the last half of the run, when more is stored."""


class Outcome(NamedTuple):
    """What a policy did with a stream."""

    requests: int
    hits: int
    wrong: int
    worst: float
    """Highest share of wrong answers at any time after the first `replaying.AFTER` requests."""
    explored: int
    """Candidates that might have been served but were explored."""
    early: Early | None = None
    """None: another policy, or too few labels."""
