"""The log of broken dependencies: at once, then seldom, and nothing is left out uncounted."""

from __future__ import annotations

import pytest

from semcache.models import MissReason
from semcache.quiet import EVERY_S, QuietLog


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_flood_is_one_line_every_five_seconds_with_the_number_left_out(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    quiet = QuietLog(monotonic=clock)
    for at in range(10_000):
        clock.now = at / 1000
        quiet.degraded("store", "store_timeout", "no answer in 0.25 s")
    assert caplog.messages == [
        "degraded part=store reason=store_timeout left_out=0 detail=no answer in 0.25 s",
        "degraded part=store reason=store_timeout left_out=4999 detail=no answer in 0.25 s",
    ]


def test_another_part_or_reason_is_told_at_once_and_taking_turns_floods_no_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    quiet = QuietLog(monotonic=clock)
    for _ in range(100):
        quiet.degraded("store", "store_timeout")
        quiet.degraded("store", "store_unavailable")
        quiet.degraded("lookup", MissReason.DEADLINE)
    assert caplog.messages == [
        "degraded part=store reason=store_timeout left_out=0 detail=-",
        "degraded part=store reason=store_unavailable left_out=0 detail=-",
        "degraded part=lookup reason=deadline left_out=0 detail=-",
    ]
    clock.now = EVERY_S
    quiet.degraded("store", "store_timeout")
    assert caplog.messages[-1] == "degraded part=store reason=store_timeout left_out=99 detail=-"
