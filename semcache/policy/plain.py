"""A prompt in plain words: lower-case, without courtesies, contractions written out, all in one spelling. Pure.

What asks the same looks more alike then. Near repeats are told from it, and the verifier reads it: a small model would
spend itself on spellings, courtesies and slips, which rules tell; what is left for it is what the words mean. Whoever
changes what is written here, or in what it uses, changes the verifier's input (`verifier.packaged`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from typing import Final

from semcache.policy.courtesy import bare
from semcache.policy.slips import Slip, slip
from semcache.policy.spelt import one_spelling

_THE_STATES: Final = re.compile(r"\bUS\b")
"""Lower-case it would be a pronoun."""
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_CONTRACTED: Final = (
    (re.compile(r"\bcan't\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"\b(what|how|who|where|when|why|that|it|there|here)'s\b"), r"\1 is"),
    (re.compile(r"\bi'm\b"), "i am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
)
_NEGATED: Final = "do does did is are was were has have had should could would must need"
_ASKING: Final = "what how who where when why that there here"
_UNMARKED: Final = (
    {"cannot": "can not", "cant": "can not", "wont": "will not", "youre": "you are", "theyre": "they are"}
    | {f"{verb}nt": f"{verb} not" for verb in _NEGATED.split()}
    | {f"{word}s": f"{word} is" for word in _ASKING.split()}
    | {f"{word}ve": f"{word} have" for word in ("i", "you", "we", "they")}
)
"""Contractions that lost their apostrophe; others would be words: well, were, ill."""
_AN_UNMARKED: Final = re.compile(rf"\b(?:{'|'.join(_UNMARKED)})\b(?!')")
_AND: Final = re.compile(r"\s&\s")
LONGEST: Final = 2000
"""Characters of a prompt that is put into plain words."""
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


@functools.lru_cache(maxsize=2048)  # an asked prompt is compared with several, and a popular one is stored
def plain(text: str) -> str:
    """The prompt in plain words; its marks and its order stay."""
    if "US" in text and not text.isupper():
        text = _THE_STATES.sub("USA", text)
    low = text.lower().replace("’", "'")
    low = bare(_THOUSANDS.sub("", low) if "," in low else low)
    if "'" in low:
        for pattern, whole in _CONTRACTED:
            low = pattern.sub(whole, low)
    low = _AN_UNMARKED.sub(lambda found: _UNMARKED[found[0]], low)
    if "&" in low:
        low = _AND.sub(" and ", low)
    return one_spelling(low)


def plainly(one: str, other: str, known: Collection[str]) -> tuple[str, str]:
    """Two prompts in plain words, each without those slips of which the right word stands in the other.

    Both as they are where one is longer than LONGEST. `known`: words that are spelt as they are meant, lower-case: the
    right word is one, the other none, and no second word may be meant.
    """
    if max(len(one), len(other)) > LONGEST:
        return one, other
    first, second = plain(one), plain(other)
    words, others = frozenset(_WORD.findall(first)), frozenset(_WORD.findall(second))
    only_first, only_second = words - others, others - words
    if not only_first or not only_second:
        return first, second
    return _respelt(first, only_first, only_second, known), _respelt(second, only_second, only_first, known)


def _respelt(text: str, own: Collection[str], its: Collection[str], known: Collection[str]) -> str:
    for word in own:
        if word not in known and len(right := [one for one in its if one in known and _slipped(word, one, known)]) == 1:
            text = re.sub(rf"\b{re.escape(word)}\b", right[0], text)
    return text


def _slipped(wrong: str, right: str, known: Collection[str]) -> bool:
    return slip(wrong, right, known) is not Slip.NO
