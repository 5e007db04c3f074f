"""Rate limits in Redis: `ports.RateLimiter` by the sliding window counter of the `limits` library.

The library decides; the script keeps the two counts, by the store's clock, so replicas agree. Each caller and route
class is one small hash (`r:<hash>`) in a shard of its own hash, gone two windows after its last request. One take is
one round trip: `rate_turn.Turn` is the library's storage for that one take and remembers what the script said.

A sliding window counter takes the requests of the window before as evenly spread. So it never admits more than the
limit in a burst or in one of its windows, while a caller who times its bursts may see somewhat more pass in some
other stretch of the same length. Whether and whom to limit is for the caller to say. The library is imported at the
first take: most services do not limit.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from semcache.models import SHARDS
from semcache.ports import Allowance
from semcache.stores.lua import Link

if TYPE_CHECKING:
    from semcache.stores.rate_turn import Window

MINUTE_S: Final = 60


class RedisRates:
    """`ports.RateLimiter` on a `Link`."""

    def __init__(self, link: Link, *, window_s: int = MINUTE_S) -> None:
        """`window_s`: what stands for the minute, in whole seconds."""
        self._link = link
        self._window_s = window_s

    async def take(
        self, caller: str, route_class: str, *, per_minute: int, cost: int = 1, spend: bool = True
    ) -> Allowance:
        """See `RateLimiter.take`."""
        from semcache.stores.rate_turn import Turn, limit_of, strategy_on

        turn = Turn(self._run)
        strategy, item = strategy_on(turn), limit_of(per_minute, self._window_s)
        ask = strategy.hit if spend else strategy.test
        allowed = await ask(item, caller, route_class, cost=cost)
        stats = await strategy.get_window_stats(item, caller, route_class)
        wait_ms = _wait_ms(turn.window, per_minute, self._window_s * 1000.0, per_minute if allowed else cost)
        return Allowance(allowed=allowed, limit=per_minute, remaining=stats.remaining, reset_s=wait_ms / 1000)

    async def _run(self, key: str, limit: int, window_ms: float, cost: int) -> tuple[bool, Window]:
        from semcache.stores.rate_turn import Window

        hashed = sha256(b"rate\0" + key.encode("utf-8", "surrogatepass")).digest()[:16]
        base = self._link.keys.bases[hashed[0] % SHARDS]
        taken, *window = await self._link.run("rate_take", base, (b"r:" + hashed, limit, int(window_ms), cost))
        return bool(taken), Window(*window)


def _wait_ms(window: Window, limit: int, length: float, cost: int) -> float:
    """Milliseconds until a request of `cost` passes if nothing else is asked meanwhile. 0 for one that passes now.

    The counts fall as the window before slides out of reach; then this window becomes the one before. A cost beyond
    the limit never passes: then until the limit is whole.
    """
    room = limit - min(cost, limit)
    if window.current <= room:
        return _until(window.previous, window.previous_ms, room - window.current, length)
    return window.current_ms - length + _until(window.current, length, room, length)


def _until(count: int, left_ms: float, room: int, length: float) -> float:
    """When floor(count * left / length) is no more than `room`, which is so once count * left < (room + 1) * length."""
    if int(count * left_ms / length) <= room:
        return 0.0
    return left_ms - (room + 1) * length / count + 1
