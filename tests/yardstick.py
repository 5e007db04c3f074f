"""What a thing costs in a unit that is the same on every machine: the CPU time of a fixed piece of Python.

A bound in seconds would measure the machine and what else runs on it; CPU time leaves the others out, the unit
the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable

_LOOPS = 2_000


def units(call: Callable[[], object], *, times: int = 1, tries: int = 7) -> float:
    """CPU time of this thread in `call()`, in units; one unit was 0.22 ms where the bounds were set.

    The least of several tries, each of `times` calls in a row; the unit is measured between them.
    """
    call()
    cost, unit = float("inf"), float("inf")
    for _ in range(tries):
        unit = min(unit, _seconds(_unit))
        cost = min(cost, _seconds(lambda: [call() for _ in range(times)]) / times)
    return cost / unit


def once(call: Callable[[], object]) -> float:
    """The same for what can be done but once in a process, such as an import."""
    cost = _seconds(call)
    return cost / min(_seconds(_unit) for _ in range(20))


def _seconds(call: Callable[[], object]) -> float:
    began = time.thread_time()
    call()
    return time.thread_time() - began


def _unit() -> int:
    total, words = 0, {}
    for number in range(_LOOPS):
        words[number & 63] = str(number)
        total += len(words[number & 31]) if number & 31 in words else number
    return total
