"""QuietLog: the observer that tells the operator's log of broken dependencies, without a line for each request.

It counts nothing for anybody else and decides nothing: metrics and statistics hear of every single failure.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from semcache.ports import CallEvent, LookupEvent, StaleEvent, StoreEvent

log = logging.getLogger(__name__)

EVERY_S: Final = 5.0
"""Seconds between two lines on the same part and reason: a store that is down fails a thousand lookups a second."""


class QuietLog:
    """Warns of each (part, reason) at once when it is new, then at most every `EVERY_S`, with the number left out."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._said: dict[tuple[str, str], tuple[float, int]] = {}
        """(part, reason) -> when it was last logged, and how many were left out since. Reasons are codes, so few."""

    def looked_up(self, event: LookupEvent) -> None:
        """Nothing to say: a lookup that suffered was told of as `degraded`."""

    def stored(self, event: StoreEvent) -> None:
        """Nothing to say."""

    def called(self, event: CallEvent) -> None:
        """Nothing to say: a call that failed was told of as `degraded`."""

    def served_stale(self, event: StaleEvent) -> None:
        """Nothing to say: what failed before it was told of as `degraded`."""

    def degraded(self, part: str, reason: str, detail: str = "") -> None:
        """Log a failed call to a dependency, or count it as left out."""
        key, now = (part, reason), self._monotonic()
        said, left_out = self._said.get(key, (float("-inf"), 0))
        if now - said < EVERY_S:
            self._said[key] = (said, left_out + 1)
            return
        self._said[key] = (now, 0)
        log.warning("degraded part=%s reason=%s left_out=%d detail=%s", part, reason, left_out, detail or "-")
