"""Is one prompt the other but for its surface: case, marks, courtesies, contractions, equal spellings, slips, initials
in the place of words, a phrase put first? Pure.

What is left after that are near repeats, which people and programs send most of all, and which a small model finds
harder to tell from a changed word than a rule that knows what a slip of the keyboard is (`policy.slips`): a word that
is none, at a small distance from one that is; a blank too many, or one that is missing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Sequence
from enum import Enum
from typing import Final

from semcache.policy.context import is_slip
from semcache.policy.initials import spelt_out
from semcache.policy.lexicon import Lexicon
from semcache.policy.plain import LONGEST, plain
from semcache.policy.slips import Slip, slip
from semcache.policy.word_order import asked_indirectly, settled

_TOKEN: Final = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?|[^\s\w.,;:!?'\"()…]")
_ITS: Final = re.compile(r"\bits\b")
"""Often written for "it's"; the two are told apart by what stands around them, not by their spelling."""
_HOW_TO: Final = re.compile(r"\bhow (?:do|can|could|would) (?:i|we|one)\b")
_ARTICLES: Final = frozenset({"a", "an", "the", "teh", "hte"})
_IS_SHORTENED: Final = frozenset({"what", "how", "who", "where", "when", "why", "that"})
_MOST_BLANKS: Final = 2
"""Blanks that may be too many or missing."""
_SHORTEST_RUN: Final = 5
"""Letters of two words that lost the blank between them."""


class Repeat(Enum):
    """How surely one prompt is the other but for its surface."""

    NO = "no"
    LIKELY = "likely"
    """But for a letter in a long word that is known in neither spelling, or two in one that is: seldom two words."""
    SHORT = "short"
    """But for an abbreviation that is made of the very initials of what stands in its place: a repeat where the
    verifier does not object, too. What it stands for may be a name."""
    CLOSE = "close"
    """But for letters that have changed places in such a word, a slip in a short word or what may be a name, or a blank
    between two words: a repeat where the verifier does not object."""
    SURE = "sure"
    """But for slips in known words; a name that is missing among the known may pass for one."""
    SAME = "same"
    """Word for word, each in one spelling."""


_MOST_SHORTENED: Final = 8
"""Words that one prompt may have more than the other, of those that it abbreviates."""
_OF_SLIP: Final = {Slip.NO: Repeat.NO, Slip.LIKELY: Repeat.LIKELY, Slip.CLOSE: Repeat.CLOSE, Slip.SURE: Repeat.SURE}
_RANK: Final = {level: rank for rank, level in enumerate(Repeat)}


def repeat(a: str, b: str, known: Collection[str]) -> Repeat:
    """Whether the prompts are one but for their surface. `known`: words that are spelt as they are meant, lower-case.

    Symmetric. Words in another order, another number, or one known word for another are no surface; but a phrase may be
    put first, and a question asked indirectly.
    """
    if max(len(a), len(b)) > LONGEST:
        return Repeat.NO
    one, other = words(a), words(b)
    if abs(len(one) - len(other)) > _MOST_SHORTENED or not one or not other:
        return Repeat.NO
    if one == other:
        return Repeat.SAME
    if _is_led(b, other) and asked_indirectly(one, other):
        return Repeat.CLOSE
    if _is_led(a, one) and asked_indirectly(other, one):
        return Repeat.CLOSE
    if _settled_words(a) == _settled_words(b):
        return Repeat.CLOSE
    found = Repeat.SURE
    guessed = False
    at = its = blanks = 0
    while at < len(one) or its < len(other):
        left, right = one[at : at + 1], other[its : its + 1]
        if left == right:
            at, its = at + 1, its + 1
            continue
        if not left or not right:
            return Repeat.NO
        level, steps = _parted(one[at : at + 2], other[its : its + 2], known)
        blanks += steps[0] + steps[1] - 2
        if blanks > _MOST_BLANKS:
            return Repeat.NO
        if level is Repeat.NO:
            level, steps = _shortened(one[at:], other[its:], a, b)
        if level is Repeat.NO:
            level = _compared(left[0], right[0], a, b, known)
        if level is Repeat.NO and not guessed and isinstance(known, Lexicon):
            guessed = True
            level = _meant(one, at, other, its, a, b, known)
        if level is Repeat.NO:
            return Repeat.NO
        found = min(found, level, key=_RANK.__getitem__)
        at, its = at + steps[0], its + steps[1]
    return found


def _is_led(text: str, told: Sequence[str]) -> bool:
    """Whether something stood before the question: I'd like to know, tell me."""
    return text.lstrip()[: len(told[0])].lower() != told[0]


def _settled_words(text: str) -> tuple[str, ...]:
    return words(settled(text.lower())) if ", " in text else words(text)


@functools.lru_cache(maxsize=512)  # an asked prompt is compared with several
def words(text: str) -> tuple[str, ...]:
    """The words and signs that carry a prompt's meaning, in order, each in one spelling."""
    told = _HOW_TO.sub("how to", _ITS.sub("it is", plain(text)))
    return tuple(word for word in _TOKEN.findall(told) if word not in _ARTICLES)


def _compared(one: str, other: str, a: str, b: str, known: Collection[str]) -> Repeat:
    """Of two different words: less sure where what is no word is written as a name, not at all as an abbreviation."""
    if "'" in one or "'" in other:
        if one.replace("'", "") == other.replace("'", ""):
            return Repeat.SURE
        one, other = one.removesuffix("'s"), other.removesuffix("'s")
    found = slip(one, other, known)
    if found < Slip.CLOSE:
        return _OF_SLIP[found]
    for word, text in ((one, a), (other, b)):
        if word in known or text.islower() or text.isupper():
            continue
        if f" {word.upper()}" in text:
            return Repeat.NO
        if f" {word.capitalize()}" in text:
            return Repeat.CLOSE
    return _OF_SLIP[found]


def _meant(one: Sequence[str], at: int, other: Sequence[str], its: int, a: str, b: str, known: Lexicon) -> Repeat:
    """Of two words of which neither need be wrong: what their neighbours say (`policy.context`)."""
    left, right = one[at], other[its]
    if _is_written_as_a_name(left, a) or _is_written_as_a_name(right, b):
        return Repeat.NO
    before = one[at - 1] if at and its and one[at - 1] == other[its - 1] else ""
    after = one[at + 1] if at + 1 < len(one) and one[at + 1 : at + 2] == other[its + 1 : its + 2] else ""
    slipped = is_slip(left, right, before, after, min(len(one), len(other)), known)
    return Repeat.CLOSE if slipped else Repeat.NO


def _is_written_as_a_name(word: str, text: str) -> bool:
    """Whether an otherwise plain text has the word with a capital inside, or as an abbreviation is written."""
    if text.islower() or text.isupper():
        return False
    return word.upper() in text or f" {word.capitalize()}" in text


def _parted(one: Sequence[str], other: Sequence[str], known: Collection[str]) -> tuple[Repeat, tuple[int, int]]:
    """Whether two words stand written as one on the other side, and how many words were read on either."""
    if len(one) == 2 and (level := _joined(one, other[0], known)) is not Repeat.NO:
        return level, (2, 1)
    if len(other) == 2 and (level := _joined(other, one[0], known)) is not Repeat.NO:
        return level, (1, 2)
    return Repeat.NO, (1, 1)


def _shortened(one: Sequence[str], other: Sequence[str], a: str, b: str) -> tuple[Repeat, tuple[int, int]]:
    """Whether the next word of one side abbreviates what comes next on the other, and how many words were read."""
    if (count := spelt_out(one[0], other)) and (len(one[0]) > 2 or one[0].upper() in a):
        return Repeat.SHORT, (1, count)
    if (count := spelt_out(other[0], one)) and (len(other[0]) > 2 or other[0].upper() in b):
        return Repeat.SHORT, (count, 1)
    return Repeat.NO, (1, 1)


def _joined(two: Sequence[str], whole: str, known: Collection[str]) -> Repeat:
    first, second = two
    if second == "is" and first in _IS_SHORTENED and whole.endswith("s"):  # wht's
        return _OF_SLIP[slip(first, whole.removesuffix("s").removesuffix("'"), known)]
    if len(whole) < _SHORTEST_RUN or not whole.isalpha():
        return Repeat.NO
    if first + second != whole:
        return Repeat.CLOSE if first == "can" and second == "not" and slip("cannot", whole, known) else Repeat.NO
    both = all(part in known or len(part) == 2 for part in two)
    if whole in known:
        long = min(map(len, two)) > 2  # "is land" is no island
        return (Repeat.CLOSE if long else Repeat.NO) if both else Repeat.SURE
    return Repeat.SURE if both else Repeat.NO
