"""Is one word the other but for a slip of the keyboard? Pure; the endings and short words are English.

A slip makes a word that is none out of one that is, at a small distance (Damerau 1964). What is a word, a dictionary
says; of two that are, neither is a slip.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from enum import IntEnum
from typing import Final

_SHORTEST: Final = 4
_SHORTEST_TERM: Final = 6
_THREE: Final = """
the and are was for you how who why has had did does get got let put say see ask buy eat pay try use run win but
now yet yes die cut fix fly hit lie mix sit old new big bad hot dry wet low red far day age car job dog
cat eye ear leg arm boy man men kid guy mom dad son law way war tax lot sun sky sea tea egg oil bed bus key bag
box cup pet any all our out off its his her him she due own met ate ago two one end rid
"""
_SHORT: Final = frozenset(_THREE.split())
"""Words of which even a non-word of three letters is a slip; others are too like abbreviations (zip, map, net)."""
_TELLING: Final = "ate ates ite ites ide ides ine ines ane ene yne anes enes ynes ol ols al als ous ic ose ase ism ist"
_ENDINGS: Final = tuple(_TELLING.split())
"""Endings of chemistry and other trades: nitrate and nitrite, ferrous and ferric, hexane and hexene."""
_SHORTEST_STEM: Final = 3
_BEFORE: Final = """un in im il ir de dis re non mis anti ante pre pro post sub super over under out inter intra macro
micro hyper hypo exo endo mono bi tri poly uni multi semi co ex em en"""
_AFTER: Final = """s es d ed r er or ers ing ings ly ist ists ism ize izes ized ise able ible ful less ness ment ion
ions ive al ic y ies en est th"""
_AFTER_E: Final = frozenset({"d", "r"})
_PREFIXES: Final = tuple(_BEFORE.split())
_SUFFIXES: Final = tuple(_AFTER.split())
_ALIKE: Final = ("s es ies", "d ed", "r er or", "ize ise", "able ible")
"""Endings that say the same, of which one is often written for the other."""
_LIKENED: Final = {ending: group.split()[0] for group in _ALIKE for ending in group.split()}
_TWO_SLIPS: Final = 8
"""Letters from which on two slips in a word may be taken for slips."""


class Slip(IntEnum):
    """How surely one word is the other but for slips."""

    NO = 0
    LIKELY = 1
    """A letter in a long word that is known in neither spelling, or two in one that is: seldom two words."""
    CLOSE = 2
    """Two letters of such a word have changed places, or a word has become three letters: seldom two words."""
    SURE = 3
    """One letter, and exactly one of the spellings is a word."""


def slip(one: str, other: str, known: Collection[str]) -> Slip:
    """How surely one of two different words is the other with a slip. Symmetric. `known`: all that are words."""
    if not (one.isalpha() and other.isalpha()):
        return Slip.NO
    if (one in known) != (other in known):
        right, wrong = (one, other) if one in known else (other, one)
        found = _slip_of(right, wrong, known)
        if found is not Slip.NO:
            return found
    return _slip_in_a_term(one, other, known)


def _slip_of(right: str, wrong: str, known: Collection[str]) -> Slip:
    """`wrong` is no word."""
    shorter, longer = sorted((len(right), len(wrong)))
    if shorter < _SHORTEST - 1 or longer - shorter > 1 or distance(right, wrong, 1) > 1:
        return Slip.NO
    if longer < _SHORTEST:
        return Slip.CLOSE if right in _SHORT else Slip.NO
    if _is_a_form(wrong, right, known):
        return Slip.NO
    return Slip.SURE if len(wrong) >= _SHORTEST else Slip.CLOSE


def _slip_in_a_term(one: str, other: str, known: Collection[str]) -> Slip:
    """In a word that is known in no spelling, or two slips in a long one that is: before an ending that tells terms
    apart, and after the first letter unless that has changed places."""
    if min(len(one), len(other)) < _SHORTEST_TERM or (one in known and other in known):
        return Slip.NO
    if _have_changed_places(one, other):
        return Slip.CLOSE
    if one[0] != other[0] or (one[-4:] != other[-4:] and one.endswith(_ENDINGS)) or have_a_stem(one, other):
        return Slip.NO
    twice = (one in known or other in known) and min(len(one), len(other)) >= _TWO_SLIPS and one[-2:] == other[-2:]
    most = 2 if twice else 1
    return Slip.LIKELY if distance(one, other, most) <= most else Slip.NO


def _have_changed_places(one: str, other: str) -> bool:
    """Whether the words differ in two neighbouring letters that have changed places."""
    if len(one) != len(other):
        return False
    differ = [at for at, letter in enumerate(one) if letter != other[at]]
    if len(differ) != 2 or differ[1] != differ[0] + 1:
        return False
    return one[differ[0]] == other[differ[1]] and one[differ[1]] == other[differ[0]]


def _is_a_form(wrong: str, right: str, known: Collection[str]) -> bool:
    """Whether `wrong`, which no dictionary has, may yet be meant: a known stem with another ending, or another prefix.

    "weathers" of "weather", but not "realto" of "realtor" (which is no stem), nor "bodyy" of "body".
    """
    if len(wrong) == len(right) + 1 and _doubles(wrong, right):
        return False
    if _stems(wrong, _PREFIXES, str.removeprefix) & _stems(right, _PREFIXES, str.removeprefix):
        return True
    for ending in _SUFFIXES:
        stem = wrong.removesuffix(ending)
        if stem == wrong or len(stem) < _SHORTEST_STEM or stem not in known or not right.startswith(stem):
            continue
        if ending in _AFTER_E and stem[-1] != "e":
            continue  # "costd" is no form of "cost"
        its = right[len(stem) :]
        if its != ending and (not its or its in _SUFFIXES) and _LIKENED.get(its, its) != _LIKENED.get(ending, ending):
            return True
    return False


def _doubles(longer: str, word: str) -> bool:
    """Whether the longer word is the other with a letter twice."""
    at = next((at for at, letter in enumerate(word) if longer[at] != letter), len(word))
    return at > 0 and longer[at] == longer[at - 1] and longer[at + 1 :] == word[at:]


def have_a_stem(one: str, other: str) -> bool:
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
