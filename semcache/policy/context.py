"""Which of two words, a letter apart, was meant where they stand? Pure; English.

A slip may make another word ("the zip ode of Rome"), which no dictionary tells. Its neighbours do, where the one word
is met beside them all the time and the other never (the noisy channel of Kernighan, Church and Gale 1990; of slips that
make words, Mays, Damerau and Mercer 1991). So does a word that hardly anybody writes, a letter from one that everybody
does. Neither speaks for a slip where both words are at home: "how many counties are there" is a question of its own.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from semcache.policy.lexicon import Lexicon
from semcache.policy.slips import distance, have_a_stem

_LISTED: Final = """
a an the and or but nor not no if so as at by for from in into of off on onto out over per than then to too under up
upon via with i me my mine we us our ours you your yours he him his she her hers it its they them their theirs this that
these those who whom whose what which when where why how all any both each every few many more most much none one only
other same some such two three ten is are was were be been am do does did has have had can could may might must shall
should will would there here now never ever very just also
"""
_FUNCTION: Final = frozenset(_LISTED.split())
"""Of two of these each says something else wherever it stands."""
_LEAST_PAIR: Final = 6_000_000
"""A little below the rarest pair of the table: a pair that is not in it may be as frequent as that."""
_SMOOTH: Final = 20
"""Added to the counts of words: those below say little."""
_HARDLY_EVER: Final = 50
"""The least count of the dictionary."""
_SHORT: Final = 3
"""Letters up to which a rare word may be an abbreviation."""
_LEAST_WORDS: Final = 4
"""Of a prompt: in a shorter one ("what is sa") too little stands around a word."""
_LONG: Final = 8
"""Words of a prompt from which on another one seldom has all but one of them by chance."""

# Natural logarithms of how much more often the right word is met than the wrong one; 3 is twenty times.
_AT_HOME: Final = 3.0
"""Beside a neighbour that the wrong word is met beside as well: less, and it is at home there."""
_AGAINST: Final = -0.2
"""Beside either neighbour: less, and the neighbour speaks for the wrong word."""
_OVERWHELMING: Final = 5.0
_STRONG_FOR_TERMS: Final = 4.0
_STRONG: Final = 3.5
_FAIR: Final = 1.5
"""Beside both neighbours together: enough of another form of the word, of a term, of a word that is no rarer, and of
one that is RARER."""
_RARER: Final = 3.0
_MUCH_RARER: Final = 5.0
"""In any text."""


class _Evidence(msgspec.Struct, frozen=True):
    """What speaks for `right`, as logarithms; of `wrong` the same with the other sign."""

    right: str
    wrong: str
    before: float
    after: float
    rarer: float

    @property
    def beside(self) -> float:
        return self.before + self.after

    @property
    def balance(self) -> float:
        return self.beside + self.rarer / 2

    def turned(self) -> _Evidence:
        return _Evidence(self.wrong, self.right, -self.before, -self.after, -self.rarer)


def is_slip(one: str, other: str, before: str, after: str, words: int, lexicon: Lexicon) -> bool:
    """Whether one of two different words, which stand in the same place of two prompts, is the other with a slip.

    `before`, `after`: what they stand between, "" for nothing; `words`: how many the prompt has. Symmetric.
    """
    if not (one.isalpha() and other.isalpha()) or (one in _FUNCTION and other in _FUNCTION):
        return False
    if distance(one, other, 1) > 1:
        return False
    left = _ratio(_count(lexicon, before, one), _count(lexicon, before, other))
    right = _ratio(_count(lexicon, one, after), _count(lexicon, other, after))
    found = _Evidence(one, other, left, right, _rarer(one, other, lexicon))
    if found.balance < 0:
        found = found.turned()
    if not found.balance or len(found.right) < _SHORT or found.wrong in ("e" + found.right, "i" + found.right):
        return False
    if min(found.before, found.after) < _AGAINST:
        return False
    if found.before < _AT_HOME and _count(lexicon, before, found.wrong):
        return False
    if found.after < _AT_HOME and _count(lexicon, found.wrong, after):
        return False
    return _is_enough(found, words, lexicon)


def _is_enough(found: _Evidence, words: int, lexicon: Lexicon) -> bool:
    wrong, beside, rarer = found.wrong, found.beside, found.rarer
    met = lexicon.get(wrong)
    is_short = len(wrong) <= _SHORT
    is_term = wrong in lexicon.terms or (is_short and met is not None)
    if have_a_stem(found.right, wrong):
        unheard = met is None and words > _LEAST_WORDS and rarer >= _MUCH_RARER - 1
        return unheard or (beside >= _OVERWHELMING and not is_term)
    if is_term:
        return words >= _LEAST_WORDS and beside >= _STRONG_FOR_TERMS and rarer >= _RARER
    if words >= _LEAST_WORDS and beside >= _STRONG and rarer >= 0:
        return True
    if words >= _LEAST_WORDS and beside >= _FAIR and rarer >= _RARER:
        return True
    return _is_rare(wrong, met, rarer, words)


def _is_rare(wrong: str, met: int | None, rarer: float, words: int) -> bool:
    """Whether the word is too rare beside the right one, whatever stands around it."""
    if len(wrong) <= _SHORT:  # too like an abbreviation, unless nobody knows it
        return len(wrong) == _SHORT and met is None and words > _LEAST_WORDS and rarer >= _MUCH_RARER
    if (met or 0) <= _HARDLY_EVER and (rarer >= _MUCH_RARER or (words >= _LONG - 2 and rarer >= _RARER + 0.5)):
        return True
    return words >= _LONG and rarer >= _RARER and (met or 0) <= 10 * _HARDLY_EVER


def _count(lexicon: Lexicon, first: str, second: str) -> int:
    return lexicon.beside.count(first, second) if first and second else 0


def _ratio(one: int, other: int) -> float:
    return math.log((one + _LEAST_PAIR) / (other + _LEAST_PAIR))


def _rarer(one: str, other: str, lexicon: Lexicon) -> float:
    """Of two letters the lexicon has no words: what is one may be any."""
    if min(len(one), len(other)) < _SHORT:
        return float(len(one) - len(other))
    return math.log((lexicon.get(one, 0) + _SMOOTH) / (lexicon.get(other, 0) + _SMOOTH))
