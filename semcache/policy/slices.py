"""Searching a long text in slices, so that no single search keeps other threads waiting.

A search holds the interpreter's lock from its first character to its last. Over one slice that is a few milliseconds at
most, whatever the length of the text; between two slices other threads run.

No match is lost at a cut, and none is invented there: a slice is a window on the whole text, so what stands before it
(`^`, `\\b`, a look-behind) is seen as it is, and it reads `REACH` characters further than the matches it looks for may
begin. Only what reaches further than that differs from one search: such a match may be missed, and a repetition without
bound that runs so far (`!*$`) is taken to end where the window ends. This module knows no rules and no prompts.
"""

from __future__ import annotations

import re
from typing import Final

SLICE: Final = 10_000
"""Characters in which one search looks for the begin of a match."""
REACH: Final = 2_000
"""Characters beyond its slice that a search may read: several times what the longest pattern of the house spans."""


def found(pattern: re.Pattern[str], text: str) -> bool:
    """Whether the pattern is found anywhere in a text of any length."""
    size = len(text)
    if size <= SLICE + REACH:
        return pattern.search(text) is not None
    for start in range(0, size, SLICE):
        end = start + SLICE
        match = pattern.search(text, start, end + REACH)
        if match is not None and match.start() < end:  # one that begins later may be cut short: the next slice's
            return True
    return False


def all_of(pattern: re.Pattern[str], text: str) -> set[str]:
    """All that the pattern, which has no groups, matches in a text of any length; each once."""
    if len(text) <= SLICE + REACH:
        return set(pattern.findall(text))
    return {match[0] for match in pattern.finditer(text)}  # a step per match, not one for all
