"""Identical calls at the same time in one process: one makes the call, the others get what came of it.

For threads and for tasks of any event loop alike. The one that leads does so in its own thread or task, so a
cancelled leader stops its call; those who waited then start over. Knows neither the cache nor what is called.
"""

from __future__ import annotations

import concurrent.futures
import threading
from enum import Enum
from typing import Final


class Landing(Enum):
    """What came of a flight, where it is no answer."""

    ABANDONED = "abandoned"
    """Its leader was cancelled: whoever waited starts over."""
    UNSHARED = "unshared"
    """Its answer is for its leader alone: whoever waited makes a call of its own."""


Landed = bytes | Landing
Flight = concurrent.futures.Future[Landed]


class Flights:
    """The calls under way."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._flights: dict[bytes, Flight] = {}

    def board(self, key: bytes) -> tuple[bool, Flight]:
        """(True, a new flight) for who must make the call and then `land` it, (False, the flight) for who may wait."""
        with self._lock:
            found = self._flights.get(key)
            if found is not None:
                return False, found
            flight: Flight = concurrent.futures.Future()
            flight.set_running_or_notify_cancel()  # a task that stops waiting must not cancel it for others
            self._flights[key] = flight
            return True, flight

    def land(self, key: bytes, flight: Flight, landed: Landed | Exception) -> None:
        """Tell everyone who waits; the next one to come leads again."""
        with self._lock:
            self._flights.pop(key, None)
        if isinstance(landed, Exception):
            flight.set_exception(landed)
        else:
            flight.set_result(landed)
