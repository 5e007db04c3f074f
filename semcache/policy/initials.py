"""Abbreviations by initials: whether one word is made of the first letters of several. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_LEAST: Final = 2
_MOST: Final = 6
"""Letters of such an abbreviation."""
_PASSED: Final = frozenset({"of", "and", "for", "in", "to", "on", "the", "by"})
"""Words whose initials are left out now and then."""


def spelt_out(short: str, words: Sequence[str]) -> int:
    """How many of the first of these lower-case words the abbreviation stands for; 0: it stands for none.

    A plural stands for the plural: `apis`, "application programming interfaces".
    """
    for letters, plural in ((short, False), (short.removesuffix("s"), True)):
        if not (_LEAST <= len(letters) <= _MOST and letters.isalpha()) or (plural and letters == short):
            continue
        count = _count(letters, words)
        if count and words[count - 1].endswith("s") >= plural:
            return count
    return 0


def _count(letters: str, words: Sequence[str]) -> int:
    at = 0
    for count, word in enumerate(words, 1):
        if word[0] == letters[at] and len(word) > 1:
            at += 1
        elif not at or word not in _PASSED:
            return 0
        if at == len(letters):
            return count
    return 0
