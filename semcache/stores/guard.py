"""The one way to call the store: inside a deadline, with its errors translated, and not at all while it is dead.

Every call of this room goes through `Guard.run`. Redis's exceptions become `semcache.errors` here, by one table.
After several incidents in a row (timeouts, connections) the guard refuses calls at once for a pause, then lets one
call through as a probe: a dead store costs a caller microseconds, not a deadline. It knows no command and no key.

One silence fails all calls that are under way, and is one incident, however many they were: a call that was asked
before the last one that counted failed tells nothing new. So one slow moment under load is no outage, and a store
that stays silent is asked for (incidents x deadline) before calls stop, in which each caller waits for its own
deadline at most.

A callable that can mend an error itself (`NOSCRIPT`: load the script and call again) does so inside, under the same
deadline.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from redis import exceptions as foreign

from semcache.errors import StoreFull, StoreTimeout, StoreUnavailable
from semcache.settings import StoreSettings

T = TypeVar("T")

_log = logging.getLogger(__name__)

_TABLE: Final[tuple[tuple[type[Exception], type[StoreUnavailable], str, bool], ...]] = (
    # foreign class, ours, what to say, whether it speaks of a dead store; the first line that fits counts
    (TimeoutError, StoreTimeout, "no answer in time", True),
    (foreign.TimeoutError, StoreTimeout, "no answer in time", True),
    (foreign.OutOfMemoryError, StoreFull, "at its memory bound, nothing to evict", False),
    (foreign.AuthenticationError, StoreUnavailable, "credentials refused", True),
    (foreign.AuthorizationError, StoreUnavailable, "credentials refused", True),
    (foreign.BusyLoadingError, StoreUnavailable, "still loading its data", True),
    (foreign.MaxConnectionsError, StoreUnavailable, "all connections in use", False),
    (foreign.ConnectionError, StoreUnavailable, "no connection", True),
    (foreign.ClusterDownError, StoreUnavailable, "cluster down", True),
    (foreign.ReadOnlyError, StoreUnavailable, "a replica, not the primary", True),
    (foreign.RedisClusterException, StoreUnavailable, "cluster not usable", True),
    (foreign.ResponseError, StoreUnavailable, "answered with an error", False),
    (foreign.RedisError, StoreUnavailable, "client error", False),
    (OSError, StoreUnavailable, "no connection", True),
)


def translate(error: Exception) -> tuple[StoreUnavailable, bool]:
    """Our error for one of Redis's, and whether it counts as a sign of a dead store.

    Raises the error itself where it is not of the store: a bug is not an outage.
    """
    for theirs, ours, meaning, dead in _TABLE:
        if isinstance(error, theirs):
            detail = str(error)
            return ours(f"store: {meaning}" + (f" ({detail})" if detail else "")), dead
    raise error


class Guard:
    """Deadline, translation and circuit breaker for all calls of one process to one store.

    `clock` is monotonic, in seconds. Not thread-safe: one guard a loop.
    """

    def __init__(self, settings: StoreSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._deadline_s = settings.deadline_s
        self._threshold = settings.breaker_failures
        self._pause_s = settings.breaker_pause_s
        self._clock = clock
        self._failures = 0
        self._failed_s = -math.inf
        """When the last failure that counted came."""
        self._open_until: float | None = None
        self._probing = False

    @property
    def deadline_s(self) -> float:
        """Seconds that the data plane's calls have."""
        return self._deadline_s

    @property
    def steady(self) -> bool:
        """Whether calls succeed, or none was made: there is no sign of trouble."""
        return self._failures == 0

    @property
    def open(self) -> bool:
        """Whether calls are refused at present (but for a probe)."""
        return self._open_until is not None

    async def run(self, call: Callable[[], Awaitable[T]], *, deadline_s: float | None = None) -> T:
        """Await `call()` within `deadline_s` (the data plane's by default; admin work passes a longer one).

        Who passes a shorter one has waited for the store before, another way: it counts as asked when that began.
        Raises StoreUnavailable or one of its kinds; at once, without calling, while the breaker is open.
        """
        probe = self._open_until is not None and self._admit_probe()
        limit_s = self._deadline_s if deadline_s is None else deadline_s
        asked_s = self._clock() - max(0.0, self._deadline_s - limit_s)
        try:
            async with asyncio.timeout(limit_s):
                result = await call()
        except Exception as error:  # `translate` raises again what is not the store's
            ours, dead = translate(error)
            if dead:
                self._failed(probe, asked_s, ours)
            elif isinstance(error, foreign.ResponseError):
                self._alive()  # an error reply is a reply; of what failed on this side the store knows nothing
            raise ours from error
        finally:
            if probe:  # also where the caller was cancelled: the next call may probe
                self._probing = False
        if self._failures:
            self._alive()
        return result

    def _admit_probe(self) -> bool:
        assert self._open_until is not None
        wait_s = self._open_until - self._clock()
        if wait_s > 0 or self._probing:
            raise StoreUnavailable(f"store: not asked, {self._failures} failures in a row")
        self._probing = True
        return True

    def _failed(self, probe: bool, asked_s: float, error: StoreUnavailable) -> None:
        if not probe and (self._open_until is not None or asked_s < self._failed_s):
            return  # was under way at the last failure
        self._failed_s = self._clock()
        self._failures += 1
        if probe or self._failures >= self._threshold:
            if self._open_until is None:
                _log.warning("store calls stop after %d failures in a row: %s", self._failures, error)
            self._open_until = self._failed_s + self._pause_s

    def _alive(self) -> None:
        if self._open_until is not None:
            _log.warning("the store answers again")
        self._failures = 0
        self._open_until = None
