"""The pace of work beside lookups, by a clock that the test sets."""

from __future__ import annotations

import asyncio

import pytest

from semcache.follower.pace import Pace


class Work:
    """A step takes as long as the test says; so many lookups were made."""

    def __init__(self) -> None:
        self.now = 100.0
        self.searches = 0
        self.pace = Pace(lambda: self.searches, lambda: self.now)

    async def paused_s(self, monkeypatch: pytest.MonkeyPatch, *, step_s: float) -> float:
        """How long a step of this length is followed by a pause."""
        pauses: list[float] = []

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)
            self.now += seconds

        self.now += step_s
        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "sleep", sleep)
            await self.pace.give_way()
        return sum(pauses)


async def test_work_pauses_in_proportion_while_lookups_come_and_not_where_none_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = Work()
    assert await work.paused_s(monkeypatch, step_s=0.1) == 0.0
    work.searches += 1
    assert await work.paused_s(monkeypatch, step_s=0.1) == pytest.approx(0.3)
    assert await work.paused_s(monkeypatch, step_s=0.2) == pytest.approx(0.6)  # the last one is not long ago
    assert await work.paused_s(monkeypatch, step_s=0.2) == 0.0
    work.searches += 1
    assert await work.paused_s(monkeypatch, step_s=0.05) == pytest.approx(0.15)
