"""What every RateLimiter keeps to: never past the limit, whoever asks, and true about what is left and when."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from semcache.errors import StoreUnavailable
from semcache.ports import Allowance
from semcache.settings import Settings, StoreSettings
from semcache.stores.rate_turn import Window
from semcache.stores.rates import RedisRates, _wait_ms
from semcache.stores.store import RedisStore
from tests.contract.conftest import MakeStore
from tests.patience import LONG_S


def rates_of(store: RedisStore, window_s: int = 60) -> RedisRates:
    """Rates over a store, with a window that a test can wait for."""
    return RedisRates(store._link, window_s=window_s)


async def test_what_is_left_counts_down(store: RedisStore) -> None:
    rates = store.rates
    for left in (2, 1, 0):
        taken = await rates.take("key:a", "generation", per_minute=3)
        assert (taken.allowed, taken.limit, taken.remaining) == (True, 3, left)
        assert 0 < taken.reset_s <= 120
    refused = await rates.take("key:a", "generation", per_minute=3)
    assert (refused.allowed, refused.remaining) == (False, 0)
    assert 55 < refused.reset_s <= 61
    again = await rates.take("key:a", "generation", per_minute=3)  # to be refused costs nothing
    assert again.reset_s <= refused.reset_s


async def test_callers_and_classes_do_not_share(store: RedisStore) -> None:
    for caller, route_class in (("key:a", "data"), ("key:b", "data"), ("key:a", "generation"), ("key:a/data", "x")):
        taken = await store.rates.take(caller, route_class, per_minute=1)
        assert (taken.allowed, taken.remaining) == (True, 0)
    assert not (await store.rates.take("key:b", "data", per_minute=1)).allowed


async def test_a_look_spends_nothing(store: RedisStore) -> None:
    for _ in range(3):
        look = await store.rates.take("key:a", "generation", per_minute=1, spend=False)
        assert look == Allowance(allowed=True, limit=1, remaining=1, reset_s=0.0)
    assert (await store.rates.take("key:a", "generation", per_minute=1)).allowed
    look = await store.rates.take("key:a", "generation", per_minute=1, spend=False)
    assert (look.allowed, look.remaining) == (False, 0)
    assert 55 < look.reset_s <= 61


async def test_a_batch_is_taken_whole_or_not_at_all(store: RedisStore) -> None:
    rates = store.rates
    assert (await rates.take("key:a", "data", per_minute=10, cost=7)).remaining == 3
    refused = await rates.take("key:a", "data", per_minute=10, cost=4)
    assert (refused.allowed, refused.remaining) == (False, 3)
    assert (await rates.take("key:a", "data", per_minute=10, cost=3)).allowed
    beyond = await rates.take("key:b", "data", per_minute=10, cost=11)
    assert (beyond.allowed, beyond.remaining, beyond.reset_s) == (False, 10, 0.0)


async def test_replicas_share_a_limit_under_a_rush(store: RedisStore, make_store: MakeStore) -> None:
    other = await make_store()
    asked = [replica.rates.take("key:a", "generation", per_minute=20) for replica in (store, other) for _ in range(60)]
    taken = await asyncio.gather(*asked)
    assert sum(one.allowed for one in taken) == 20
    assert sorted(one.remaining for one in taken if one.allowed) == list(range(20))
    assert {one.remaining for one in taken if not one.allowed} == {0}


async def test_in_no_window_more_than_the_limit_and_what_is_promised_comes_true(
    store: RedisStore, make_store: MakeStore
) -> None:
    """Two replicas ask as fast as they can for several windows of a second."""
    both = [rates_of(store, 1), rates_of(await make_store(), 1)]
    started, passed, broken = time.monotonic(), 0, 0
    while time.monotonic() - started < 1.6 or passed <= 5:
        taken = await asyncio.gather(*(rates.take("key:a", "data", per_minute=5) for rates in both))
        passed += sum(one.allowed for one in taken)
        if not any(one.allowed for one in taken):
            wait_s = min(one.reset_s for one in taken)
            assert 0 < wait_s <= 1.1
            await asyncio.sleep(wait_s + 0.02)
            broken += not (await both[0].take("key:a", "data", per_minute=5)).allowed
            passed += 1
    assert broken == 0
    assert passed <= 5 * (time.monotonic() - started + 1)


async def test_a_caller_who_pauses_is_forgotten(store: RedisStore, raw: Any, key_prefix: str) -> None:
    rates = rates_of(store, 1)

    async def kept() -> list[bytes]:
        return [key async for key in raw.scan_iter(match=f"{key_prefix}:*:r:*", count=1000)]

    for _ in range(2):
        await rates.take("key:a", "data", per_minute=2)
    assert len(await kept()) == 1
    assert await store.audit.check(repair=False, progress=lambda done, total: None) == []
    deadline = time.monotonic() + LONG_S
    while (look := await rates.take("key:a", "data", per_minute=2, spend=False)).remaining < 2:
        assert time.monotonic() < deadline
        assert look.reset_s > 0
        await asyncio.sleep(min(0.05, look.reset_s))
    while await kept():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_dead_store_is_told(key_prefix: str) -> None:
    dead = RedisStore(Settings(store=StoreSettings(key_prefix=key_prefix)), None)
    with pytest.raises(StoreUnavailable):
        await dead.rates.take("key:a", "data", per_minute=2)


@pytest.mark.parametrize(
    ("window", "cost", "expected"),
    [
        (Window(0, 60_000, 0, 120_000), 1, 0),
        (Window(0, 60_000, 1, 120_000), 10, 60_001),  # whole again: one request slides out over the next window
        (Window(0, 10_000, 10, 70_000), 1, 10_001),  # full: room as soon as this window is the one before
        (Window(10, 45_000, 3, 105_000), 1, 3_001),  # 7 + 3: one of the seven is out of reach soon
        (Window(10, 45_000, 3, 105_000), 99, 45_000 + 60_000 - 20_000 + 1),
    ],
)
def test_how_long_to_wait(window: Window, cost: int, expected: float) -> None:
    assert _wait_ms(window, 10, 60_000.0, cost) == pytest.approx(expected)


def test_waiting_as_told_is_enough_and_not_too_long() -> None:
    """Against the script's own rule, over many windows."""

    def allowed(window: Window, after: float, cost: int) -> bool:
        previous, left, current = window.previous, window.previous_ms - after, window.current
        if left <= 0:
            previous, left, current = current, left + 1000, 0
        return int(previous * max(0.0, left) / 1000) + current + cost <= 7

    for previous in range(8):
        for current in range(8):
            for left in (1, 250, 999, 1000):
                window = Window(previous, left, current, left + 1000)
                for cost in (1, 3, 7):
                    wait = _wait_ms(window, 7, 1000.0, cost)
                    assert allowed(window, wait, cost)
                    assert wait == 0 or not allowed(window, wait - 3, cost)
