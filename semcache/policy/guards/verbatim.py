"""Whether one of two long texts is an edit of the other, inside, where no vector looks.

`edited_inside` is for long texts. A dozen words changed amid hundreds move no vector enough to be seen, so two texts
that are the same nearly to the letter are compared by their words: if words differ that stand inside, away from both
ends, one text is an edit of the other, and its answer another one. What differs at the ends is left to the vectors,
which look at the ends by themselves: there the question stands that may be worded anew behind the same document. Texts
that are worded anew throughout share too few words to be judged here.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_WORD: Final = re.compile(r"\w+|[^\w\s]")

VERBATIM: Final = 0.85
"""Share of common words from which on two texts are versions of one text; rewordings of labelled pairs stay below."""
END: Final = 60
"""Words (marks included) at each end that the vectors judge."""


def edited_inside(a: str, b: str) -> bool:
    """Whether two long texts are one text but for an edit that is not at an end. Symmetric; linear in their length."""
    words_a, words_b = _WORD.findall(a.lower()), _WORD.findall(b.lower())
    count_a, count_b = Counter(words_a), Counter(words_b)
    common = (count_a & count_b).total()
    if 2 * common < VERBATIM * (len(words_a) + len(words_b)):
        return False
    return _differs_between(words_a, words_b) or _has_more(words_a, count_b) or _has_more(words_b, count_a)


def _has_more(words: list[str], other: Counter[str]) -> bool:
    """Whether the inside has a word more often than all of the other text."""
    return bool(Counter(words[END : len(words) - END]) - other)


def _differs_between(a: list[str], b: list[str]) -> bool:
    """Whether the texts begin alike and end alike, beyond the ends, and differ between."""
    shorter = min(len(a), len(b))
    head = next((at for at in range(shorter) if a[at] != b[at]), shorter)
    if head == len(a) == len(b):
        return False
    tail = next((at for at in range(shorter - head) if a[-1 - at] != b[-1 - at]), shorter - head)
    return head >= END and tail >= END
