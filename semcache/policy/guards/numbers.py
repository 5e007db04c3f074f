"""Values that differ: numbers, amounts, dates, versions, identifiers."""

from __future__ import annotations

import re
from typing import Final

from semcache.policy.guards.forms import stem
from semcache.policy.guards.other_forms import OtherForms, other_forms
from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.rules import COMMON, MULTIPLIER, NUMBER, Rules
from semcache.policy.guards.tokens import Tokens
from semcache.policy.guards.values import HALF_DAY, Value

_MOST: Final = 40
"""Values without a like that are looked at on each side."""
_RANK: Final = {"number": 0, "amount": 1, "date": 2, "version": 3, "identifier": 4}
_NO_UNIT: Final[tuple[str, frozenset[str]]] = ("", frozenset())
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_TODAY: Final = {"today", "tonight"}
_ALIKE: Final = 4
"""Stems that prompts may differ in for a bare number to stand in the place of an amount."""
_PLURALS: Final = {"people": "person", "children": "child", "men": "man", "women": "woman"}
_UNCOUNTED: Final = COMMON | NUMBER | MULTIPLIER
_EXCEPT: Final = frozenset({"but", "except", "excluding", "besides"})
_CALENDAR: Final = frozenset({"month", "year"})
_CONVERTED: Final = 0.02
"""Share by which an amount may differ from one in another unit: 5 miles, 8 km."""
_CALENDAR_ROUNDED: Final = 0.09
"""The same for months and years: one month, four weeks."""
_DIGIT_RUN: Final = re.compile(r"\d+")
_LETTER_RUN: Final = re.compile(r"[^\W\d]+")
_SCALES: Final = frozenset({"angle", "celsius", "fahrenheit"})
_ROUNDED: Final = 0.01
"""Share by which a number that is said to be approximate may differ."""


def differences(pair: Pair) -> dict[str, Difference]:
    """By the guard's name. A value on each side without its like, of one family, is certain to matter."""
    values_a, values_b = pair.a.values, pair.b.values
    if values_a.keys() == values_b.keys():
        return _same_numbers(pair) if values_a else {}
    only_a = [value for key, value in values_a.items() if key not in values_b][:_MOST]
    only_b = [value for key, value in values_b.items() if key not in values_a][:_MOST]
    left_a = [value for value in only_a if not any(_like(value, other, pair.rules) for other in values_b.values())]
    left_b = [value for value in only_b if not any(_like(value, other, pair.rules) for other in values_a.values())]
    left_a = [value for value in left_a if not _written(value, pair.b.words)]
    left_b = [value for value in left_b if not _written(value, pair.a.words)]
    if not left_a and not left_b:
        return _same_numbers(pair)
    forms = other_forms(pair, left_a, left_b) if left_a and left_b else OtherForms()
    if forms.settled:
        left_a = [value for value in left_a if value not in forms.settled]
        left_b = [value for value in left_b if value not in forms.settled]
        if not left_a and not left_b:
            return _same_numbers(pair)
    found: dict[str, Difference] = {}
    approximate = not pair.rules.approximately.isdisjoint(pair.a.words | pair.b.words)
    for family in {value.family for value in (*left_a, *left_b)}:
        of_a = [value for value in left_a if value.family == family]
        of_b = [value for value in left_b if value.family == family]
        if of_a and of_b:
            guard = max((value.guard for value in (*of_a, *of_b)), key=lambda name: _RANK[name])
            near = approximate and any(_rounded(one, other) for one in of_a for other in of_b)
            open_a, open_b = (
                [value for value in of if value not in forms.paired and not _excepted(value, pair)]
                for of in (of_a, of_b)
            )
            alike = pair.close(_ALIKE)
            sure = not near and any(
                _clash(one, other, alike) and (alike or not _of_another(one, other, pair))
                for one in open_a
                for other in open_b
            )
        elif pair.a.counted == pair.b.counted and family == "number" and pair.close(0) and _changed(pair):
            guard, sure = (of_a or of_b)[0].guard, True
        else:
            lone = [value for value in (*of_a, *of_b) if not value.weak]
            if not lone:
                continue
            guard, sure = lone[0].guard, False
        if found.get(guard, (False, ""))[0]:
            continue
        found[guard] = (sure, f"{_shown(of_a)} / {_shown(of_b)}")
    return found


def _same_numbers(pair: Pair) -> dict[str, Difference]:
    """What differs where no value does: which of the numbers is of what."""
    told = _traded(pair)
    return {"number": (True, told)} if told else {}


def _traded(pair: Pair) -> str:
    """What is counted, if the counts have changed places: 2 eggs and 3 apples, 3 eggs and 2 apples; "" if not."""
    counts_a, counts_b = _counts(pair.a.tokens, pair.rules), _counts(pair.b.tokens, pair.rules)
    if counts_a == counts_b or counts_a.keys() != counts_b.keys() or not pair.close(_ALIKE):
        return ""
    if sorted(counts_a.values()) != sorted(counts_b.values()):
        return ""
    one, other = (
        ", ".join(f"{number:g} {counted}" for counted, number in side.items()) for side in (counts_a, counts_b)
    )
    return f"{one} / {other}"


def _counts(tokens: Tokens, rules: Rules) -> dict[str, float]:
    """Stem of what is counted to its number; empty where one thing is counted twice."""
    found: dict[str, float] = {}
    low = tokens.low
    for at in range(len(low) - 1):
        word, counted = low[at], low[at + 1]
        number = float(word) if tokens.kind[at] == "n" and word.isdecimal() else rules.number_words.get(word)
        if number is None or tokens.flags[at + 1] & _UNCOUNTED or tokens.kind[at + 1] != "w":
            continue
        counted = _PLURALS.get(counted) or stem(counted)
        if counted in found:
            return {}
        found[counted] = number
    return found


def _changed(pair: Pair) -> bool:
    """Whether the prompts are the same words, but for some of their numbers."""
    low_a, low_b = pair.a.tokens.low, pair.b.tokens.low
    if len(low_a) != len(low_b):
        return False
    kinds_a, kinds_b = pair.a.tokens.kind, pair.b.tokens.kind
    return all(
        one == other or kinds_a[at] == kinds_b[at] == "n"
        for at, (one, other) in enumerate(zip(low_a, low_b, strict=True))
    )


def _shown(values: list[Value]) -> str:
    return ", ".join(value.shown for value in values[:3]) or "none"


def _written(value: Value, words: frozenset[str]) -> bool:
    """Whether the other prompt has the very token, though it was read otherwise there."""
    return value.shown.lower() in words


def _like(one: Value, other: Value, rules: Rules) -> bool:
    """Whether two values may be one, though not written alike enough to be equal."""
    if one.family == other.family:
        match one.family:
            case "number":
                if one.number != other.number:
                    if "version" in (one.unit, other.unit) and "" in (one.unit, other.unit):
                        version, plain = (one, other) if one.unit == "version" else (other, one)
                        return plain.shown in (version.value, version.number)
                    if "name" in (one.unit, other.unit) and "" in (one.unit, other.unit):
                        name, plain = (one, other) if one.unit == "name" else (other, one)
                        if str(name.value).lstrip(_LETTERS) == plain.shown:  # B12, B 12
                            return True
                        return _any_digits(str(name.value), plain.shown)
                    if "share" in (one.unit, other.unit) and "" in (one.unit, other.unit):
                        share, number = (one, other) if one.unit == "share" else (other, one)
                        return isinstance(number.number, float) and share.number == number.number * 100
                    return one.value == other.value and "" in (one.unit, other.unit)
                if "name" in (one.unit, other.unit) or "version" in (one.unit, other.unit):
                    return one.value == other.value
                return (
                    not one.unit
                    or not other.unit
                    or other.names in rules.ambiguous_units.get(one.unit, _NO_UNIT)[1]
                    or one.names in rules.ambiguous_units.get(other.unit, _NO_UNIT)[1]
                    or (one.unit in _SCALES and other.unit in _SCALES and "angle" in (one.unit, other.unit))
                )
            case "year":
                if "short" not in (one.unit, other.unit):
                    return False
                return (float(one.number) - float(other.number)) % 100 == 0 and "decade" not in (one.unit, other.unit)
            case "clock":
                minutes = (float(one.value) - float(other.value)) % HALF_DAY
                return minutes == 0 and "half" in (one.unit, other.unit)
            case _:
                return False
    families = {one.family, other.family}
    if families == {"number", "year"}:
        return one.number == other.number and not (one.unit and other.unit)
    if families == {"number", "clock"}:
        clock, number = (one, other) if one.family == "clock" else (other, one)
        if number.unit or not isinstance(number.number, float):
            return False
        return (float(clock.value) - number.number * 60) % HALF_DAY == 0
    return False


def _any_digits(name: str, number: str) -> bool:
    """Whether the number is one of those that a name like 4xx stands for."""
    known = name.rstrip("x")
    return known.isdigit() and len(known) < len(name) == len(number) and number.startswith(known)


def _rounded(one: Value, other: Value) -> bool:
    if not isinstance(one.number, float) or not isinstance(other.number, float):
        return False
    return abs(one.number - other.number) <= _ROUNDED * max(abs(one.number), abs(other.number))


def _of_another(one: Value, other: Value, pair: Pair) -> bool:
    """Whether a single thing is counted on one side, and something else on the other: 1 page, 28 beds."""
    if one.family != "number" or not (one.weak or other.weak) or "th" in (one.names, other.names):
        return False
    counted_a, counted_b = _counted(one, pair.a.tokens), _counted(other, pair.b.tokens)
    return bool(counted_a and counted_b) and counted_a != counted_b


def _counted(value: Value, tokens: Tokens) -> str:
    """Stem of the word of content right behind a number; "" without one."""
    last = value.shown.rpartition(" ")[2]
    at = tokens.low.index(last) + 1 if last in tokens.low else len(tokens.low)
    if at >= len(tokens.low) or tokens.kind[at] != "w" or tokens.flags[at] & _UNCOUNTED:
        return ""
    return _PLURALS.get(tokens.low[at]) or stem(tokens.low[at])


def _excepted(value: Value, pair: Pair) -> bool:
    """Whether it is a weekday that one of the prompts leaves out: Monday to Saturday, all days but Sunday."""
    if value.family != "weekday" or _EXCEPT.isdisjoint(pair.a.words ^ pair.b.words):
        return False
    return any(f"{word} {value.shown}" in text for word in _EXCEPT for text in (pair.text_a, pair.text_b))


def _clash(one: Value, other: Value, alike: bool) -> bool:
    """Whether two values of one family, which are not alike, cannot stand for each other."""
    if one.family == "day":
        one_days, other_days = str(one.value).split(), str(other.value).split()
        return one_days[1:] == other_days[1:] and {one.names or one.shown, other.shown} != _TODAY
    if one.family != "number":
        return True
    if (one.weak or other.weak) and one.unit != other.unit:
        return False  # one day
    if (one.names == "th") != (other.names == "th"):
        return False
    if "name" in (one.unit, other.unit):
        if one.unit == other.unit:  # a letter more may be a slip
            if not alike and len(str(one.value)) != len(str(other.value)) and _shape(one) != _shape(other):
                return False  # 25p, 1920x1080
            return _digits(one) != _digits(other) or len(str(one.value)) == len(str(other.value))
        name = one if one.unit == "name" else other
        return one.number != other.number and str(name.value).rstrip(_LETTERS).isdigit()
    if "version" in (one.unit, other.unit):
        first, second = (str(value.number).removesuffix(".0") for value in (one, other))
        return not (first.startswith(second + ".") or second.startswith(first + "."))  # python 3 and python 3.10
    if one.value != other.value and "" in (one.unit, other.unit) and _part(one) != _part(other):
        return False  # two, half of it
    if one.unit == other.unit and one.names != other.names and _about(one, other):
        return False  # three months, 90 days
    if one.unit == other.unit:
        first, second = one.shown, other.shown
        return bool(one.unit) or not (first.startswith(second + ".") or second.startswith(first + "."))  # 8, 8.1
    return one.number == other.number or (alike and "" in (one.unit, other.unit))


def _part(value: Value) -> bool:
    """Whether it says how much of something."""
    return isinstance(value.number, float) and 0 < value.number < 1


def _about(one: Value, other: Value) -> bool:
    """Whether amounts in two units are the same but for rounding; months and years have no fixed count of days."""
    if not isinstance(one.value, float) or not isinstance(other.value, float):
        return False
    calendar = not _CALENDAR.isdisjoint((one.names, other.names))
    share = _CALENDAR_ROUNDED if calendar else _CONVERTED
    return abs(one.value - other.value) <= share * max(abs(one.value), abs(other.value))


def _shape(value: Value) -> str:
    """`9a9` for 1920x1080: which of letters and digits stand in a name, in turn."""
    return _LETTER_RUN.sub("a", _DIGIT_RUN.sub("9", str(value.value)))


def _digits(value: Value) -> str:
    return "".join(filter(str.isdigit, str(value.value)))
