"""What is known of words: which are spelt as they are meant, how common each is, and which two stand side by side.

Pure: the tables are read by `engines.package`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NONE: Final = b""


class Beside:
    """How often two words were met side by side, by a sorted table that is searched where it lies.

    A dictionary of the same pairs would take seven times the memory.
    """

    __slots__ = ("_lines",)

    def __init__(self, lines: bytes = _NONE) -> None:
        """`lines`: `first second count`, sorted by bytes, each ended by a line feed."""
        self._lines = lines

    def count(self, first: str, second: str) -> int:
        """0 for two words that are not in the table: it holds the most frequent pairs only."""
        lines, wanted = self._lines, f"{first} {second} ".encode()
        low, high = 0, len(lines)  # both at the beginning of a line
        while low < high:
            at = lines.rfind(b"\n", low, (low + high) // 2) + 1 or low
            if lines[at : at + len(wanted)] < wanted:
                low = lines.find(b"\n", at) + 1
            else:
                high = at
        if not lines.startswith(wanted, low):
            return 0
        return int(lines[low + len(wanted) : lines.find(b"\n", low)])


class Lexicon(dict[str, int]):
    """Known words, lower-case, each with how often it was met; 0 for those that no counted text had."""

    __slots__ = ("beside", "terms")

    def __init__(
        self, words: Mapping[str, int], *, terms: frozenset[str] = frozenset(), beside: Beside | None = None
    ) -> None:
        """`terms`: words of trades, names and abbreviations that are meant, however rare they are."""
        super().__init__(words)
        self.terms = terms
        self.beside = Beside() if beside is None else beside
