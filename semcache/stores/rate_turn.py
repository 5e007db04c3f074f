"""One take of a rate as the `limits` library sees it: a storage that asks the store once and remembers the answer.

The only module that imports the library. It knows no key names and no Redis.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import Storage
from limits.aio.storage.base import SlidingWindowCounterSupport
from limits.aio.strategies import SlidingWindowCounterRateLimiter


class Window(msgspec.Struct, frozen=True):
    """What the store knows of one caller's rate, in milliseconds. `current_ms` counts down from twice the window."""

    previous: int
    previous_ms: float
    current: int
    current_ms: float


Ask = Callable[[str, int, float, int], Awaitable[tuple[bool, Window]]]
"""(key, limit, window in ms, cost; 0 only looks) -> whether the cost was taken, and what is known now."""


def limit_of(amount: int, window_s: int) -> RateLimitItem:
    """So many in so many seconds."""
    return RateLimitItemPerSecond(amount, window_s, namespace="rate")


def strategy_on(turn: Turn) -> SlidingWindowCounterRateLimiter:
    """The library's strategy for one take."""
    return SlidingWindowCounterRateLimiter(turn)


class Turn(Storage, SlidingWindowCounterSupport):
    """The library's storage for one take, in its units (seconds). What other strategies would need is not served."""

    STORAGE_SCHEME = None

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._ask = ask
        self._window: Window | None = None

    @property
    def window(self) -> Window:
        """What the store said."""
        assert self._window is not None, "ask the strategy first"
        return self._window

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Errors to be wrapped: none, ours are translated already."""
        return ()

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Take `amount` if the limit allows."""
        taken, self._window = await self._ask(key, limit, expiry * 1000.0, amount)
        return taken

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Counts of the window before and of this one, with their seconds to live."""
        if self._window is None:
            _, self._window = await self._ask(key, 0, expiry * 1000.0, 0)
        found = self._window
        return found.previous, found.previous_ms / 1000, found.current, found.current_ms / 1000

    async def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Not served."""
        raise NotImplementedError("nobody takes a limit back")

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Not served."""
        raise NotImplementedError("fixed windows are not counted")

    async def get(self, key: str) -> int:
        """Not served."""
        raise NotImplementedError("fixed windows are not counted")

    async def get_expiry(self, key: str) -> float:
        """Not served."""
        raise NotImplementedError("fixed windows are not counted")

    async def check(self) -> bool:
        """Not served."""
        raise NotImplementedError("the store itself says how it is")

    async def reset(self) -> int | None:
        """Not served."""
        raise NotImplementedError("nobody takes all limits back")

    async def clear(self, key: str) -> None:
        """Not served."""
        raise NotImplementedError("nobody takes a limit back")
