"""Popularity: which of two things was asked for more often lately, in a few bytes for each that is remembered.

Two rows of small counters, shared by whatever falls on the same one; the lower of a name's two counts (it is at least
the true one). All are halved every so often, so that old fame fades. After TinyLFU (Einziger, Friedman, Manes, 2017):
what is new displaces what would have to go only if it was asked for more often. One pass over many things that are
asked for once then displaces next to nothing.
"""

from __future__ import annotations

from typing import Final

_MOST: Final = 255
_LEAST: Final = 64
"""Things for which there is room in any case: a few names would otherwise often share their counts."""
_HALVES: Final = bytes(count // 2 for count in range(256))


class Popularity:
    """Counts of how often names were asked for. `size`: about how many things are told apart."""

    def __init__(self, size: int) -> None:
        self._width = 8 * max(_LEAST, size)
        self._counts = bytearray(2 * self._width)
        self._until = self._every = 10 * max(1, size)

    def note(self, name: str) -> None:
        """It was asked for."""
        counts = self._counts
        for at in self._places(name):
            if counts[at] < _MOST:
                counts[at] += 1
        self._until -= 1
        if not self._until:
            self._counts = counts.translate(_HALVES)
            self._until = self._every

    def count(self, name: str) -> int:
        """How often lately, or a little more."""
        first, second = self._places(name)
        return min(self._counts[first], self._counts[second])

    def prefers(self, newcomer: str, victim: str) -> bool:
        """Whether the newcomer deserves the victim's place."""
        return self.count(newcomer) > self.count(victim)

    def _places(self, name: str) -> tuple[int, int]:
        known = hash(name)
        return known % self._width, self._width + (known >> 24) % self._width
