"""A mistyped prompt as it was probably meant, to look it up once more: its vector may lie far from the right one's.

Whatever is found so is still judged by the words that were typed (`policy.repeats`), so a wrong guess costs a search,
never a wrong answer. Pure; for languages of the letters a to z.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

_WORD: Final = re.compile(r"(?<![\w@#/.$'-])[A-Za-z]{3,20}(?![\w@/$-]|[.'][A-Za-z])")
MOST: Final = 3
"""Readings of a prompt."""
_MOST_SLIPS: Final = 2
"""Words that are none, beyond which a prompt is of another language or of a trade rather than mistyped."""
_LONGEST: Final = 300
"""Characters: in a longer prompt a slip does not move the vector far."""
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def respelt(text: str, known: Mapping[str, int]) -> list[str]:
    """The prompt with words that are none replaced by common ones that are a letter away: at most MOST readings, the
    likeliest first; none where there is nothing to replace.

    `known`: words that are spelt as they are meant, lower-case, with how common they are.
    """
    if len(text) > _LONGEST:
        return []
    wrong = [found for found in _WORD.finditer(text) if found[0].lower() not in known]
    if not 0 < len(wrong) <= _MOST_SLIPS:
        return []
    wrong = [found for found in wrong if not found[0][1:].isupper()]
    if not wrong:
        return []
    near = [_nearest(found[0].lower(), known) for found in wrong]
    if len(wrong) == 1:
        return [_replaced(text, wrong, [word]) for word in near[0]]
    first, second = ([*words, None][0] for words in near)  # one of them may be a name
    readings = [_replaced(text, wrong, right) for right in ((first, second), (first, None), (None, second))]
    return [reading for reading in dict.fromkeys(readings) if reading != text]


def _replaced(text: str, wrong: Sequence[re.Match[str]], right: Sequence[str | None]) -> str:
    parts, at = [], 0
    for found, word in zip(wrong, right, strict=True):
        if word is not None:
            parts += [text[at : found.start()], word]
            at = found.end()
    return "".join([*parts, text[at:]])


def _nearest(word: str, known: Mapping[str, int]) -> list[str]:
    near = {other for other in _a_letter_away(word) if other in known}
    return heapq.nlargest(MOST, near, key=lambda other: (known[other], other))


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
