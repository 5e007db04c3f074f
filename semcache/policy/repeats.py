"""Is one prompt the other but for its surface: case, marks, politeness, contractions, equal spellings, slips? Pure.

What is left after that are near repeats, which people and programs send most of all, and which a small model finds
harder to tell from a changed word than a rule that knows what a slip of the keyboard is: a word that is none, at a
small distance (Damerau 1964) from one that is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Sequence
from enum import Enum
from typing import Final

from semcache.policy.spelt import one_spelling

_TOKEN: Final = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?|[^\s\w.,;:!?'\"()…]")
_THE_STATES: Final = re.compile(r"\bUS\b")
"""Lower-case it would be a pronoun."""
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_POLITE: Final = re.compile(
    r"\b(?:please|kindly|pls|plz|hi there|hi|hello there|hello|hey there|hey|good (?:morning|evening|afternoon)|"
    r"many thanks|thanks(?: a lot| in advance| so much)?|thank you(?: very much| so much| in advance)?|thx|"
    r"(?:can|could|would|will) you (?:please |kindly )?(?:tell|explain to|help) me(?: understand)?|"
    r"i (?:was|am|'m) (?:just )?wondering(?: if you (?:can|could) tell me)?|i(?:'d| would) like to know|i want to know|"
    r"do you know|any idea|just (?:a )?quick question|quick question|a question|tell me|just wondering|"
    r"if you don't mind|if possible|(?:um|uh|well|so|ok|okay|btw|by the way))\b"
)
_CONTRACTED: Final = (
    (re.compile(r"\bcan't\b|\bcannot\b|\bcant\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"\b(what|how|who|where|when|why|that|it|there|here)'?s\b"), r"\1 is"),
    (re.compile(r"\b(i)'m\b|\bi am\b"), "i am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"\s&\s"), " and "),
)
_HOW_TO: Final = re.compile(r"\bhow (?:do|can|could|would) (?:i|we|one)\b")
_ARTICLES: Final = frozenset({"a", "an", "the"})
_LONGEST: Final = 2000
"""Characters; longer prompts are left to the others."""
_SHORTEST_SLIP: Final = 4
_SHORTEST_TERM: Final = 6
_TELLING: Final = re.compile(r"(?:ates?|ites?|ides?|ines?|[aey]nes?|ols?|als?|ous|ic|ose|ase|ism|ist)$")
"""Endings of chemistry and other trades: nitrate and nitrite, ferrous and ferric, hexane and hexene."""
_SHORTEST_STEM: Final = 3
_BEFORE: Final = """un in im il ir de dis re non mis anti ante pre pro post sub super over under out inter intra macro
micro hyper hypo exo endo mono bi tri poly uni multi semi co ex em en"""
_AFTER: Final = """s es ed d er r or ers ing ings ly ist ists ism ize izes ized ise able ible ful less ness ment ion
ions ive al ic y ies en est th"""
_PREFIXES: Final = tuple(_BEFORE.split())
_SUFFIXES: Final = tuple(_AFTER.split())
_TWO_SLIPS: Final = 8
"""Letters from which on two slips in a word may be taken for slips."""


class Repeat(Enum):
    """How surely one prompt is the other but for its surface."""

    NO = "no"
    LIKELY = "likely"
    """But for a letter in a long word that is known in neither spelling, or two in one that is: seldom two words."""
    SURE = "sure"
    """But for slips in known words; a name that is missing among the known may pass for one."""
    SAME = "same"
    """Word for word, each in one spelling."""


def repeat(a: str, b: str, known: Collection[str]) -> Repeat:
    """Whether the prompts are one but for their surface. `known`: words that are spelt as they are meant, lower-case.

    Symmetric. Words in another order, another number, or one known word for another are no surface.
    """
    if max(len(a), len(b)) > _LONGEST:
        return Repeat.NO
    one, other = words(a), words(b)
    if len(one) != len(other) or not one:
        return Repeat.NO
    if one == other:
        return Repeat.SAME
    found = Repeat.SURE
    for left, right in zip(one, other, strict=True):
        if left == right or is_slip(left, right, known):
            continue
        if not _is_slip_in_a_term(left, right, known):
            return Repeat.NO
        found = Repeat.LIKELY
    return found


@functools.lru_cache(maxsize=512)  # an asked prompt is compared with several
def words(text: str) -> tuple[str, ...]:
    """The words and signs that carry a prompt's meaning, in order, each in one spelling."""
    if not text.isupper():
        text = _THE_STATES.sub("USA", text)
    plain = _THOUSANDS.sub("", text.lower().replace("’", "'"))
    for pattern, whole in _CONTRACTED:
        plain = pattern.sub(whole, plain)
    plain = _HOW_TO.sub("how to", one_spelling(_POLITE.sub(" ", plain)))
    return tuple(word for word in _TOKEN.findall(plain) if word not in _ARTICLES)


def is_slip(one: str, other: str, known: Collection[str]) -> bool:
    """Whether one of two words is the other with one slip: exactly one of them is known."""
    if min(len(one), len(other)) < _SHORTEST_SLIP - 1 or max(len(one), len(other)) < _SHORTEST_SLIP:
        return False
    if not (one.isalpha() and other.isalpha()) or (one in known) == (other in known):
        return False
    return not _are_two_forms(one, other) and distance(one, other, 1) <= 1


def _is_slip_in_a_term(one: str, other: str, known: Collection[str]) -> bool:
    """A slip in a word that is known in no spelling, or two in a long one that is: after the first letter, and before
    an ending that tells terms apart."""
    if min(len(one), len(other)) < _SHORTEST_TERM or not (one.isalpha() and other.isalpha()):
        return False
    if one in known and other in known:
        return False
    if one[0] != other[0] or (one[-4:] != other[-4:] and _TELLING.search(one)) or _are_two_forms(one, other):
        return False
    twice = (one in known or other in known) and min(len(one), len(other)) >= _TWO_SLIPS and one[-2:] == other[-2:]
    most = 2 if twice else 1
    return distance(one, other, most) <= most


def _are_two_forms(one: str, other: str) -> bool:
    """Whether the words have one stem and differ in what stands before or after it: inflation and deflation."""
    return bool(_stems(one, _PREFIXES, str.removeprefix) & _stems(other, _PREFIXES, str.removeprefix)) or bool(
        _stems(one, _SUFFIXES, str.removesuffix) & _stems(other, _SUFFIXES, str.removesuffix)
    )


def _stems(word: str, affixes: Sequence[str], without: Callable[[str, str], str]) -> set[str]:
    """The word, and what is left of it without each affix."""
    return {stem for affix in ("", *affixes) if len(stem := without(word, affix)) >= _SHORTEST_STEM}


def distance(one: str, other: str, most: int) -> int:
    """Damerau-Levenshtein distance (optimal string alignment), or anything above `most` once it is that."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for column, against in enumerate(other, 1):
            cost = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != against))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == against:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        if min(line) > most:
            return most + 1
        before, last = last, line
    return last[-1]
