"""Cutting a whole text into the pieces in which a replayed stream brings it.

A piece is about what a token is: a word with the blanks before it. A long run without blanks (Chinese, code, JSON) is
cut after every few characters, and never inside what a reader sees as one character (Unicode UAX 29, approximated by
character categories on the safe side: a run of emoji stays whole).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_WORD: Final = re.compile(r"\s*\S+|\s+")
_LONG: Final = 16
"""Characters from which a word is cut."""
_PIECE: Final = 8
"""Least characters of its pieces."""

_JOINS_LEFT: Final = re.compile("[\u0e33\u0eb3\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]")
"""Letters that belong to the character before them: Thai and Lao AM, and the jamo of which Hangul is composed."""


def pieces(text: str) -> Iterator[str]:
    """Pieces of a text, none of them empty; joined they are the text."""
    for match in _WORD.finditer(text):
        word = match.group()
        if len(word) <= _LONG:
            yield word
        else:
            yield from _cut(word)


def _cut(word: str) -> Iterator[str]:
    start = 0
    for place in range(_PIECE, len(word)):
        if place - start >= _PIECE and _apart(word[place - 1], word[place]):
            yield word[start:place]
            start = place
    yield word[start:]


def _apart(before: str, after: str) -> bool:
    """Whether two neighbours are surely two characters to a reader: no mark, joiner, modifier, flag or jamo."""
    return (
        unicodedata.category(after)[0] in "LNP"
        and unicodedata.category(before)[0] not in "MC"
        and not _JOINS_LEFT.match(after)
    )
