"""When not to ask: after failures in a row calls are skipped for a while, then one tries whether it works again.

Knows neither what a call is nor what failed. Thread-safe; the clock is an argument.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

FAILURES: Final = 3
"""In a row, after which calls are skipped."""
PAUSE_S: Final = 2.0
"""How long they are, before one tries again."""


class Breaker:
    """Counts failures in a row."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = 0.0

    def admit(self) -> bool:
        """Whether to make the call. Of those that come after a pause, one is let through at a time."""
        with self._lock:
            if self._failures < FAILURES:
                return True
            now = self._monotonic()
            if now < self._closed_until:
                return False
            self._closed_until = now + PAUSE_S
            return True

    def succeeded(self) -> None:
        """There was an answer, whatever it said."""
        self._failures = 0

    def failed(self) -> None:
        """There was none in time, or none that could be used."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES:
                self._closed_until = self._monotonic() + PAUSE_S
