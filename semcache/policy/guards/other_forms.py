"""Values that one prompt writes whole and the other in parts, or in another form, so that they are not seen as like.

`0176AB5521` and 0176 AB 5521, 1.93 m and one metre ninety-three, 150 minutes and 2 hours 30 minutes, 31 August and
8/31. What is settled here differs in nothing; what is only paired off may differ, but not for certain.
"""

from __future__ import annotations

import re
from string import ascii_letters
from typing import Final

import msgspec

from semcache.policy.guards.pair import Pair
from semcache.policy.guards.reading import Reading
from semcache.policy.guards.rules import NUMBER, Rules
from semcache.policy.guards.tokens import Tokens
from semcache.policy.guards.values import Value

_SIGNS: Final = re.compile(r"[\W_]+")
_LEADING: Final = re.compile(r"(\d+)\D{1,2}")
_FRACTION: Final = re.compile(r"(\d+)/(\d+)")
_LETTERED: Final = re.compile(r"-?(\d[\d,]*(?:\.\d+)?) ?([a-z])", re.IGNORECASE)
_LEAST: Final = 3
"""Letters and digits from which on a value is looked for in parts: 1 2 is not 12."""
_MANY: Final = 7
"""Digits from which on groups of them are one number, whatever their lengths."""
_WHOLE: Final = frozenset({"number", "identifier"})
"""Guards of values that may be written in parts."""
_MINOR: Final = {"ft": 0.0254, "hour": 60.0, "kg": 0.001, "stone": 0.453592, "lb": 0.0283495}
"""Unit to what a bare number behind its amount counts: six foot two, an hour ten."""
_HUNDREDTH: Final = 0.01
"""The same for other units, and for currencies: two metres ten, five euros fifty."""
_EXACT: Final = 1e-6
_TO_TWENTY: Final = "ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx"
_ROMAN: Final = {float(place): numeral for place, numeral in enumerate(_TO_TWENTY.split(), start=2)}
_SAID: Final = {2.0: ("twice",), 3.0: ("thrice",)}
_IMPERIAL: Final = frozenset({"inch", "ft", "yard", "mile", "oz", "lb", "stone"})
_CONVERTED: Final = 0.005
"""Share by which a sum of imperial amounts may differ from a metric one: 5 foot 9, 175 cm."""
_MOST: Final = 40
"""Values of a prompt among which the two of a sum are looked for."""

_BOUNDING: Final = frozenset({"least", "most", "more", "less", "fewer", "than", "over", "under", "above", "below"})
_BOUNDING_TIMES: Final = frozenset({"before", "after", "since"})
"""Words that make a bound of the number beside them: over 2, 3 or more, before 1971."""


class OtherForms(msgspec.Struct, frozen=True):
    """Values without a like that have one in another form."""

    settled: frozenset[Value] = frozenset()
    paired: frozenset[Value] = frozenset()


def other_forms(pair: Pair, left_a: list[Value], left_b: list[Value]) -> OtherForms:
    """Of the values without a like on either side, those that are settled, and those that are paired off."""
    settled = _settled(left_a, left_b, pair.b, pair.text_b, pair.rules)
    settled |= _settled(left_b, left_a, pair.a, pair.text_a, pair.rules)
    for one in left_a:
        for other in left_b:
            if _abbreviated(one, other, pair.rules) or _abbreviated(other, one, pair.rules):
                settled |= {one, other}
    near = [
        (one, other)
        for one in left_a
        if one not in settled
        for other in left_b
        if other not in settled and _near(one, other, pair)
    ]
    return OtherForms(frozenset(settled), frozenset(value for values in near for value in values))


def _settled(left: list[Value], others: list[Value], its: Reading, text: str, rules: Rules) -> set[Value]:
    """Those of `left` that the other prompt has in parts or in another form, and those of its `others` that are it."""
    settled: set[Value] = set()
    values = list(its.values.values())[:_MOST]
    pieces = [_piece(word, flag, rules) for word, flag in zip(its.tokens.low, its.tokens.flags, strict=True)]
    packed = "".join(pieces)
    for whole in left:
        found = _joined(whole, others, its.tokens.low, pieces, packed)
        found = _summed(whole, others, values, text) if found is None else found
        found = _dated(whole, others, values, text) if found is None else found
        if found is not None:
            settled.update((whole, *found))
        elif _is_said(whole, its):
            settled.add(whole)
    return settled


def _piece(word: str, flag: int, rules: Rules) -> str:
    """The letters and digits of a token; digits for a number in words."""
    if flag & NUMBER:
        return f"{rules.number_words[word]:g}"
    if word.isalnum():
        return word.lower()
    return "x" if word == "*" else _SIGNS.sub("", word).lower()


def _joined(whole: Value, others: list[Value], words: list[str], pieces: list[str], packed: str) -> list[Value] | None:
    """Those of `others` among the tokens that are the whole if written together; None without such tokens."""
    name = _SIGNS.sub("", whole.shown).lower()
    if whole.guard not in _WHOLE or len(name) < _LEAST or name not in packed or not any(map(str.isdigit, name)):
        return None
    for begin, piece in enumerate(pieces):
        if not piece or len(piece) == len(name) or not name.startswith(piece):
            continue
        at, end = begin, 0
        while at < len(pieces) and end < len(name) and pieces[at] and name.startswith(pieces[at], end):
            end += len(pieces[at])
            at += 1
        if end == len(name) and _is_one(words[begin:at], pieces[begin:at]):
            among = {word.lower() for word in words[begin:at]}
            return [value for value in others if among.issuperset(value.shown.lower().split())]
    return None


def _is_one(words: list[str], pieces: list[str]) -> bool:
    """Whether pieces are one value: by letters, by many digits, in thousands or digit by digit; 5 12 is not 512."""
    if not all(word.isdigit() for word in words) or sum(map(len, pieces)) >= _MANY:
        return True
    return all(len(piece) == 3 for piece in pieces[1:]) or all(len(piece) == 1 for piece in pieces)


def _summed(whole: Value, others: list[Value], values: list[Value], text: str) -> list[Value] | None:
    """Those of `others` that are one of the two amounts that the whole is the sum of; None without such amounts."""
    if whole.guard != "amount" or not isinstance(whole.value, float):
        return None
    for major in values:
        if major.unit != whole.unit or not isinstance(major.value, float):
            continue
        for minor in values:
            if minor is major or not isinstance(minor.value, float) or minor.family != "number":
                continue
            if minor.unit not in ("", whole.unit) or minor.names == major.names:
                continue
            counts = 1.0 if minor.unit else _MINOR.get(major.names, _HUNDREDTH)
            converted = (major.names in _IMPERIAL) != (whole.names in _IMPERIAL)
            apart = abs(major.value + minor.value * counts - whole.value)
            exact = apart <= (_CONVERTED if converted else _EXACT) * abs(whole.value)
            if exact and _together(major, minor, text):
                return [value for value in (major, minor) if value in others]
    return None


def _together(major: Value, minor: Value, text: str) -> bool:
    """Whether the one stands right behind the other."""
    return f"{major.shown} {minor.shown}" in text or f"{major.shown} and {minor.shown}" in text


def _dated(whole: Value, others: list[Value], values: list[Value], text: str) -> list[Value] | None:
    """Those of `others` that are the month, or the parts of what was read as a fraction; None without such values."""
    if whole.family == "month":  # February, 29/2
        found = [value for value in others if value.number == whole.number and not value.unit]
        found = [value for value in found if f"/ {value.shown}" in text or f"{value.shown} /" in text]
        return found or None
    parts = _FRACTION.fullmatch(whole.shown)
    if parts is None:
        return None
    numbers = {value.number: value for value in values if value.family == "number"}
    months = {value.number: value for value in values if value.family == "month"}
    first, second = float(parts[1]), float(parts[2])
    for one, other in ((numbers.get(first), months.get(second)), (numbers.get(second), months.get(first))):
        if one and other:
            return [value for value in (one, other) if value in others]
    both = numbers.get(first), numbers.get(second)  # forty or sixty
    return [value for value in both if value in others] if all(both) else None


def _is_said(value: Value, its: Reading) -> bool:
    """Whether the other prompt has the number in Roman numerals, or in a word for so many: Henry VIII, twice."""
    if value.unit or not isinstance(value.number, float):
        return False
    if value.names == "th":
        return _ROMAN.get(value.number) in its.words
    return not its.words.isdisjoint(_SAID.get(value.number, ()))


def _abbreviated(short: Value, full: Value, rules: Rules) -> bool:
    """Whether one has the first letter alone of what the other counts: 70B and 70 billion, 12g of heap and 12 GB."""
    lettered = _LETTERED.fullmatch(short.shown)
    if lettered is None or not isinstance(full.number, float):
        return False
    word = full.shown.lower()[len(full.shown.rstrip(ascii_letters)) :]
    if len(word) < 2 or word[0] != lettered[2].lower():
        return False
    if short.unit not in ("", "name") and full.unit not in ("", "data", "duration"):
        return False  # 5 m, 5 miles
    return float(lettered[1].replace(",", "")) == full.number / rules.multipliers.get(word, 1)


def _near(one: Value, other: Value, pair: Pair) -> bool:
    """Whether one value may stand for the other, though they are not the same."""
    if one.family != other.family or one.family not in ("number", "year"):
        return False
    if "name" in (one.unit, other.unit):
        name, plain = (one, other) if one.unit == "name" else (other, one)
        leading = _LEADING.fullmatch(name.shown)
        return leading is not None and plain.number == float(leading[1])  # 12E and 12 degrees
    if not isinstance(one.number, float) or not isinstance(other.number, float):
        return False
    if one.unit == other.unit and abs(one.number - other.number) == 1:
        return _bound(one, pair.a.tokens) != _bound(other, pair.b.tokens)  # 3 or more, more than 2
    told = any(not any(map(str.isdigit, value.shown)) for value in (one, other))
    return told and one.number == -other.number  # -3 days, three days ahead


def _bound(value: Value, tokens: Tokens) -> str:
    """The words or the sign beside a number that make a bound of it; "" for none."""
    words, shown = tokens.low, value.shown.split()
    if not shown or shown[0] not in words:
        return ""
    begin = words.index(shown[0])
    end = begin + len(shown)
    bounding = _BOUNDING | _BOUNDING_TIMES if value.family == "year" else _BOUNDING
    if begin and words[begin - 1] in bounding:
        return " ".join(words[max(begin - 2, 0) : begin]) if words[begin - 1] == "than" else words[begin - 1]
    if words[end : end + 1] == ["or"] and end + 1 < len(words) and words[end + 1] in bounding:
        return words[end + 1]
    more = words[end : end + 1] == ["+"] and tokens.glued[end] and tokens.kind[end + 1 : end + 2] != ["n"]
    return "+" if more else ""
