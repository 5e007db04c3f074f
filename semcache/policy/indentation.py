"""How the lines of a text are set in: in code that is meaning, and to embedder, guards and verifier it is blanks. Pure.

The rule. Where two texts both have lines set in, and the same two lines one behind the other, the second must stand as
much deeper than the first in both. How wide a step is, and whether of blanks or tabs, is surface; so is all of it where
one text has none, as a copy may lose it.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

_SET_IN: Final = re.compile(r"\n[ \t]+\S")


def is_indented(text: str) -> bool:
    """Whether a line but the first is set in."""
    return "\n" in text and _SET_IN.search(text) is not None


def levels(text: str) -> list[int]:
    """How deep each line stands that is not empty; 1 for the outermost."""
    return [level for _, level in _lines(text)]


def indented_otherwise(one: str, other: str) -> bool:
    """Whether lines that both texts have are set in otherwise. Symmetric."""
    if one == other or not (is_indented(one) and is_indented(other)):
        return False
    steps, its = _steps(one), _steps(other)
    return any(a != b for pair in steps.keys() & its.keys() for a, b in zip(steps[pair], its[pair], strict=False))


def _steps(text: str) -> dict[tuple[str, str], list[int]]:
    """Two lines, one behind the other, to how much deeper the second stands, each time that they do."""
    found: dict[tuple[str, str], list[int]] = {}
    for (before, outer), (line, level) in pairwise(_lines(text)):
        found.setdefault((before, line), []).append(level - outer)
    return found


def _lines(text: str) -> list[tuple[str, int]]:
    found = []
    open_at: list[int] = []
    for line in text.expandtabs().split("\n"):
        told = line.strip()
        if not told:
            continue
        width = len(line) - len(line.lstrip())
        while open_at and width < open_at[-1]:
            open_at.pop()
        if not open_at or width > open_at[-1]:
            open_at.append(width)
        found.append((told, len(open_at)))
    return found
