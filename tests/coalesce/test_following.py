"""A flight of another process: left where nobody reads it."""

from __future__ import annotations

import asyncio

import pytest

from semcache.coalesce import following
from tests.coalesce.replicas import FOLLOW, FRAMES, Kitchen, Start, read, until


async def test_a_flight_of_another_process_that_nobody_reads_is_left(
    replica: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_ABANDONED_S", 0.1)
    one, two = await replica(), await replica()
    kitchen = Kitchen()
    await one.board(kitchen.work)
    passage = await two.board(kitchen.work)
    reader = asyncio.create_task(read(passage))
    await asyncio.sleep(0.3)
    flight = passage.flight
    assert flight is not None
    assert not flight.ended  # somebody listens
    reader.cancel()
    await until(lambda: flight.ended)
    again = await two.board(kitchen.work)  # and may be boarded anew
    assert again.boarding is FOLLOW
    kitchen.go.set()
    assert await read(again) == FRAMES
