"""A mistyped prompt as it was probably meant, to look it up once more: its vector may lie far from the right one's.

Whatever is found so is still judged by the words that were typed (`policy.repeats`), so a wrong guess costs a search,
never a wrong answer. Pure; for languages of the letters a to z.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

_WORD: Final = re.compile(r"(?<![\w@#/.$'-])[A-Za-z]{3,20}(?![\w@/$-]|[.'][A-Za-z])")
_MOST: Final = 2
"""Words that are none, beyond which a prompt is of another language or of a trade rather than mistyped."""
_LONGEST: Final = 300
"""Characters: in a longer prompt a slip does not move the vector far."""
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def respelt(text: str, known: Mapping[str, int]) -> str | None:
    """The prompt with each word that is none replaced by the most common one that is a letter away; None where there is
    nothing to replace.

    `known`: words that are spelt as they are meant, lower-case, with how common they are.
    """
    if len(text) > _LONGEST:
        return None
    wrong = [found for found in _WORD.finditer(text) if found[0].lower() not in known]
    if not 0 < len(wrong) <= _MOST:
        return None
    parts, at = [], 0
    for found in wrong:
        right = _nearest(found[0].lower(), known)
        if right is not None and not found[0][1:].isupper():
            parts += [text[at : found.start()], right]
            at = found.end()
    return "".join([*parts, text[at:]]) if parts else None


def _nearest(word: str, known: Mapping[str, int]) -> str | None:
    near = {other for other in _a_letter_away(word) if other in known}
    return max(near, key=lambda other: (known[other], other), default=None)


def _a_letter_away(word: str) -> Iterator[str]:
    """Every word that a letter more, less or other makes of it, or two neighbours that change places."""
    for at in range(len(word) + 1):
        head, tail = word[:at], word[at:]
        if tail:
            yield head + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in _LETTERS:
            yield head + letter + tail
            if tail:
                yield head + letter + tail[1:]
