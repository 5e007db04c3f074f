"""Whole numbers in words, and what adds to them: two hundred and fifty-six, five point two, one and a half."""

from __future__ import annotations

import math
from typing import Final

from semcache.policy.guards.rules import COMMON, MULTIPLIER, NUMBER, Rules
from semcache.policy.guards.tokens import Tokens

THOUSAND: Final = 1000
_HALVES: Final = (["and", "a", "half"], ["a", "half"])
"""What adds a half to the number before it; `&` is no token."""
_DEFINITE: Final = frozenset({"the", "my", "your", "our", "his", "her", "its", "their", "this", "that"})
"""Words behind which `twenty second` is a place, not a time."""
_MINUS: Final = frozenset({"minus", "negative"})


def cardinal(low: list[str], flags: list[int], at: int, rules: Rules, *, below: float = math.inf) -> tuple[float, int]:
    """The whole number in words below `below` that begins at `at`, and the place behind it; else 0 and `at`."""
    size = len(low)
    begin = at
    total, part, least = 0.0, 0.0, 0.0
    while at < size:
        word = low[at]
        if flags[at] & MULTIPLIER:
            factor = rules.multipliers[word]
            if at == begin and len(word) <= 2:
                break
            part = max(part, 1.0) * factor
            least = factor
            if factor >= THOUSAND:
                total, part = total + part, 0.0
        elif flags[at] & NUMBER:
            number = rules.number_words[word]
            if number == 0.5:
                break
            after_tens = part % 100 >= 20 and part % 10 == 0 and 0 < number < 10
            if part and not after_tens and not (part % 100 == 0 and number < 100):
                break
            part += number
        elif word == "and" and least and at + 1 < size and flags[at + 1] & NUMBER:
            rest, end = cardinal(low, flags, at + 1, rules, below=least)
            if not rest:  # one hundred and two hundred
                break
            return total + part + rest, end
        else:
            break
        if total + part >= below:
            return 0.0, begin
        at += 1
    return total + part, at


def is_place(tokens: Tokens, begin: int, at: int, value: float, rules: Rules) -> bool:
    """Whether the ordinal at `at` ends the number before it: forty-eighth, two hundred and first."""
    place = rules.ordinal_words[tokens.low[at]]
    if not (value % 100 >= 20 and value % 10 == 0 and place < 10):
        return False
    definite = begin > 0 and tokens.low[begin - 1] in _DEFINITE
    return definite or (tokens.glued[at] and tokens.low[at] != "second")


def decimals(tokens: Tokens, at: int, value: float, rules: Rules) -> tuple[float, int]:
    """The number whose digits behind the point begin at `at`, and the place behind them."""
    digits = ""
    while at < len(tokens.low) and tokens.flags[at] & NUMBER and 0.5 != rules.number_words[tokens.low[at]] < 10:
        digits += f"{rules.number_words[tokens.low[at]]:g}"
        at += 1
    return float(f"{value:.0f}.{digits}"), at


def halved(low: list[str], at: int) -> bool:
    """Whether `and a half` follows the number before `at`."""
    return low[at : at + 3] == _HALVES[0] or low[at : at + 2] == _HALVES[1]


def signed(tokens: Tokens, at: int, value: float) -> float:
    """Less than zero behind `minus`, unless that stands behind what it is taken from."""
    if not at or tokens.low[at - 1] not in _MINUS:
        return value
    return -value if at == 1 or (tokens.flags[at - 2] & COMMON and tokens.low[at - 2] != "or") else value


def denominator(word: str, rules: Rules) -> int:
    """What `thirds`, `quarter`, `fifths` divide into; 0 for other words."""
    if word in ("quarter", "quarters"):
        return 4
    return rules.ordinal_words.get(word[:-1] if word.endswith("s") else word, 0) if word != "second" else 0
