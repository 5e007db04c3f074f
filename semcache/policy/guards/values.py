"""Numbers, amounts, dates, times, versions and identifiers of a prompt, in forms that compare.

`1,000`, `1000`, `1k` and `one thousand` are one value, as are `5 km` and `5000 m`, `$10` and `USD 10`, `Jan 5` and
`January 5th`, `3pm` and `15:00`.
"""

from __future__ import annotations

import math
import re
from typing import Final

import msgspec

from semcache.policy.guards.cardinals import THOUSAND, cardinal, decimals, denominator, halved, is_place, signed
from semcache.policy.guards.rules import (
    CLOCK,
    CURRENCY,
    DAY,
    MONTH,
    MULTIPLIER,
    NUMBER,
    ORDINAL,
    PERIOD,
    WEEKDAY,
    Rules,
)
from semcache.policy.guards.tokens import Tokens

_VALUE: Final = NUMBER | ORDINAL | MULTIPLIER | MONTH | WEEKDAY | DAY | PERIOD | CLOCK
_ORDINALS: Final = frozenset({"st", "nd", "rd", "th"})
_MIXED = re.compile(r"([^\W\d_]{2,})(\d{1,6})\Z")
_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d\d))?(?::\d\d)?\s?([ap])?", re.IGNORECASE)
_LONG: Final = 7
"""Digits from which on a number names a thing."""
_FIRST_YEAR, _LAST_YEAR = 1300, 2399
_DAYS: Final = 31
_NAMING: Final = 100
"""Number from which on `order 100` names an order."""
HALF_DAY: Final = 720
"""Minutes."""
_FREEZING: Final = frozenset({"zero", "freezing"})
_DEGREES: Final = frozenset({"angle", "celsius", "fahrenheit"})
_LISTED: Final = frozenset({"x", "*", "by", "to", "or", "and", "/"})
"""What stands between two numbers that share the unit behind the second: 60 x 90 cm, forty or sixty degrees."""
_POWERS: Final = {"square": "2", "sq": "2", "cubic": "3"}
_PARTS: Final = 16
"""Parts of a whole up to which something is measured by them: 1/2 cup."""
_CENTURIES: Final = {"nineteen": (10, 99), "twenty": (10, 29)}
"""Words that begin a year, to what may follow: nineteen eighty-four, twenty twelve."""


class Value(msgspec.Struct, frozen=True):
    """One value as it is compared."""

    family: str
    """number, year, month, weekday, day, clock: values of different families are hardly ever in each other's place."""
    value: float | str
    """In the base of its dimension; minutes after midnight; the month's number; text of what only looks like one."""
    unit: str = ""
    """Dimension or currency; what kind of clock."""
    guard: str = "number"
    number: float | str = 0.0
    """As written, without its unit."""
    names: str = ""
    """The unit as the lexicon calls it; `th` for a place in an order."""
    shown: str = ""
    weak: bool = False
    """Nothing to make of it if the other prompt has none: one, first, once."""

    @property
    def key(self) -> tuple[str, float | str, str]:
        """What makes two values equal."""
        return (self.family, self.value, self.unit)


def values(tokens: Tokens, rules: Rules) -> dict[tuple[str, float | str, str], Value]:
    """All values of a prompt."""
    found: list[Value] = []
    spans: list[tuple[int, int]] = []
    at = begin = 0
    low, kinds, flags = tokens.low, tokens.kind, tokens.flags
    size = len(low)
    while at < size:
        if len(found) != len(spans):
            spans += [(begin, at)] * (len(found) - len(spans))
        begin = at
        kind = kinds[at]
        if kind == "w":
            flag = flags[at]
            word = low[at]
            if flag & _VALUE:
                at = _word(tokens, at, flag, rules, found)
            elif not word.isalpha() and any(map(str.isdigit, word)):
                at = _mixed(tokens, at, rules, found)
            else:
                at += 1
        elif kind == "n":
            at = _number(tokens, at, rules, found)
        elif kind == "t":
            found.append(_clock(low[at]))
            at += 1
        elif kind == "v":
            found.append(_version(low[at]))
            at += 1
        elif kind == "i":
            year, month, day = low[at].split("-")
            found += [
                Value("year", float(year), "", "date", float(year), "", low[at]),
                Value("month", float(month), "", "date", float(month), "", low[at]),
                Value("number", float(day), "", "date", float(day), "", low[at]),
            ]
            at += 1
        else:
            at += 1
    if len(found) > 1:
        spans += [(begin, at)] * (len(found) - len(spans))
        _share_units(tokens, found, spans)
    return {value.key: value for value in found}


def _share_units(tokens: Tokens, found: list[Value], spans: list[tuple[int, int]]) -> None:
    """Give a bare number the unit of the next one, where the two are of one list: 60 x 90 cm, 5-10 km."""
    for place in range(len(found) - 2, -1, -1):
        value, other = found[place], found[place + 1]
        if other.guard != "amount" or other.number in (0.0, math.inf, -math.inf):
            continue
        if value.family != "number" or value.guard != "number" or value.unit or value.names:
            continue
        if not isinstance(value.number, float) or isinstance(other.value, str) or isinstance(other.number, str):
            continue
        end, begin = spans[place][1], spans[place + 1][0]
        if (end + 1 == begin and tokens.low[end] in _LISTED) or (end == begin and tokens.glued[begin]):
            factor = other.value / other.number
            found[place] = _measure(value.number, other.names, other.unit, factor, value.shown)


def _clock(text: str) -> Value:
    match = _CLOCK.match(text)
    assert match is not None  # the token is one
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    sure = bool(half) or hour > 12 or hour == 0
    return Value("clock", float(hour * 60 + minute), "" if sure else "half", "date", float(hour), "", text)


def _version(text: str) -> Value:
    text = text.lower().lstrip("v")
    parts = text.split(".")
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    return Value("number", ".".join(parts), "version", "version", text, "", text)


def _mixed(tokens: Tokens, at: int, rules: Rules, found: list[Value]) -> int:
    """A word with digits: gpt4 is gpt 4, mp3 is mp 3; anything else names a thing."""
    word = tokens.low[at]
    if word[0] == "v" and word[1:].replace(".", "").isdigit():
        found.append(_version(word))
        return at + 1
    match = _MIXED.match(word)
    if match is not None:
        number = float(match[2])
        found.append(Value("number", number, "", "number", number, "", word))
    else:
        found.append(Value("number", word.replace("_", ""), "name", "identifier", word, "", word))
    return at + 1


def _word(tokens: Tokens, at: int, flag: int, rules: Rules, found: list[Value]) -> int:
    word = tokens.low[at]
    if flag & MONTH and _is_date(tokens, at, rules):
        month = float(rules.months[word])
        found.append(Value("month", month, "", "date", month, "", word))
    elif flag & WEEKDAY and _is_date(tokens, at, rules):
        weekday = float(rules.weekdays[word])
        found.append(Value("weekday", weekday, "", "date", weekday, "", word))
    elif flag & DAY:
        found.append(Value("day", rules.days[word], "", "date", word, "", word, weak=word == "today"))
    elif flag & CLOCK:
        minutes = float(rules.clock_words[word])
        found.append(Value("clock", minutes, "", "date", minutes / 60, "", word))
    elif flag & PERIOD:
        following = tokens.low[at + 1] if at + 1 < len(tokens.low) else ""
        if following.removesuffix("s") in rules.period_names:  # last weeks, for last week's
            following = following.removesuffix("s")
        if following in rules.period_names:
            period = f"{rules.periods[word]} {following}"
            found.append(Value("day", period, "", "date", period, "", period, weak=period.startswith("this")))
            return at + 2
    elif flag & (NUMBER | MULTIPLIER):
        return _spelled(tokens, at, rules, found)
    elif flag & ORDINAL:
        before = tokens.kind[at - 1] if at else ""
        if not (word == "second" and (before == "n" or (at and tokens.low[at - 1] in ("per", "a", "each", "every")))):
            place = float(rules.ordinal_words[word])
            found.append(Value("number", place, "", "number", place, "th", word, weak=place == 1))
    return at + 1


def _is_date(tokens: Tokens, at: int, rules: Rules) -> bool:
    if tokens.low[at] not in rules.not_alone:
        return True
    size = len(tokens.low)
    for near in (at - 1, at + 1):
        if 0 <= near < size and tokens.kind[near] == "n" and tokens.low[near].rstrip("stndrh").isdigit():
            return True
    if at and tokens.low[at - 1] in rules.date_words and not tokens.first[at]:
        return tokens.raw[at][0].isupper() or tokens.low[at - 1] in ("in", "since", "until", "next", "last")
    return False


def _spelled(tokens: Tokens, at: int, rules: Rules, found: list[Value]) -> int:
    """A number in words, from its first one on: `twenty five`, `two hundred and six`, `a million`, `five point two`."""
    low, flags, size = tokens.low, tokens.flags, len(tokens.low)
    begin = at
    if low[at] == "half":
        return _half(tokens, at, rules, found)
    if low[at] in _CENTURIES and flags[at] & NUMBER and at + 1 < size and flags[at + 1] & NUMBER:
        least, most = _CENTURIES[low[at]]
        rest, end = cardinal(low, flags, at + 1, rules)
        if least <= rest <= most and not (
            end < size and (low[end] in rules.units or flags[end] & (MULTIPLIER | ORDINAL))
        ):
            year = rules.number_words[low[at]] * 100 + rest
            found.append(Value("year", year, "", "date", year, "", " ".join(low[begin:end])))
            return end
    if flags[at] & NUMBER and at + 1 < size and rules.number_words[low[at]] < 20:
        number, share = rules.number_words[low[at]], denominator(low[at + 1], rules)
        if share > number > 0:
            fraction = float(f"{number / share:.9g}")
            found.append(Value("number", fraction, "", "number", fraction, "", f"{low[at]} {low[at + 1]}"))
            return at + 2
    value, at = cardinal(low, flags, at, rules)
    if at == begin:  # 5 k is a number, a k is none
        return at + 1
    if at < size and flags[at] & ORDINAL and is_place(tokens, begin, at, value, rules):
        place = value + rules.ordinal_words[low[at]]
        found.append(Value("number", place, "", "number", place, "th", " ".join(low[begin : at + 1])))
        return at + 1
    if at + 1 < size and low[at] == "point" and flags[at + 1] & NUMBER and rules.number_words[low[at + 1]] < 10:
        value, at = decimals(tokens, at + 1, value, rules)
    elif at == begin + 1 and value in (0.0, 1.0) and not halved(low, at):  # words more often than numbers
        if value == 1.0 and at < size and low[at] in rules.units and len(low[at]) > 2:
            return _with_unit(tokens, at, value, "", rules, found, " ".join(low[begin:at]))
        return at
    return _with_unit(tokens, at, signed(tokens, begin, value), "", rules, found, " ".join(low[begin:at]))


def _half(tokens: Tokens, at: int, rules: Rules, found: list[Value]) -> int:
    """Half an hour, half a million; an hour and a half; a half of something."""
    low, size = tokens.low, len(tokens.low)
    if at + 2 < size and low[at + 1] == "past" and (hour := _hour(low[at + 2], rules)):
        found.append(Value("clock", hour * 60 + 30, "half", "date", hour, "", f"half past {low[at + 2]}"))
        return at + 3
    after = at + 2 if at + 2 < size and low[at + 1] in ("a", "an") else at + 1
    if after < size and (low[after] in rules.units or low[after] in rules.multipliers):
        return _with_unit(tokens, after, 0.5, "", rules, found, "half")
    if at > 3 and low[at - 2 : at] == ["and", "a"] and low[at - 3] in rules.units and len(low[at - 3]) > 2:
        unit, dimension, factor = rules.units[low[at - 3]]
        if low[at - 4] in ("a", "an"):
            whole = 1.0
        elif found and found[-1].unit == dimension:
            whole = float(found.pop().number)
        else:
            whole = 0.0
        if whole:
            found.append(_measure(whole + 0.5, unit, dimension, factor, f"{whole:g} {low[at - 3]} and a half"))
            return at + 1
    found.append(Value("number", 0.5, "", "number", 0.5, "", "half", weak=True))
    return at + 1


def _hour(word: str, rules: Rules) -> float:
    """The hour that a word or a number is; 0 for none."""
    hour = float(word) if word.isdecimal() else rules.number_words.get(word, 0.0)
    return hour if 1 <= hour <= HALF_DAY / 60 else 0.0


def _number(tokens: Tokens, at: int, rules: Rules, found: list[Value]) -> int:
    text = tokens.low[at]
    if text[0] == "'":
        found.append(Value("year", text, "short", "date", float(text[1:]), "", text))
        return at + 1
    text = text if text.isalnum() else text.replace("_", "")
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµ_")
    if len(digits) != len(text) and not digits[-1:].isdigit():
        digits = digits.rstrip(".,")
    suffix = text[len(digits) :].lower()
    before = tokens.low[at - 1] if at else ""
    fraction = _fraction(tokens, at)
    if fraction:
        shown = "".join(tokens.low[at : at + 3])
        if int(tokens.low[at + 2]) <= _PARTS:
            return _with_unit(tokens, at + 3, fraction, "", rules, found, shown)
        found.append(Value("number", fraction, "", "number", fraction, "", shown))
        return at + 3
    currency = _currency_before(tokens, at, rules)
    try:
        value = float(digits.replace(",", ""))
    except ValueError:  # digits of another script, or letters amid them
        found.append(Value("number", text.lower(), "name", "identifier", text, "", text))
        return at + 1
    if suffix in _ORDINALS:
        guard = "date" if _by_month(tokens, at) else "number"
        found.append(Value("number", value, "", guard, value, "th", text, weak=value == 1))
        return at + 1
    if suffix == "k" and text[-1] == "K" and value >= THOUSAND and "kelvin" in rules.units:
        suffix = "kelvin"
    if suffix and not (suffix in rules.multipliers or suffix in rules.units or suffix in ("m", "b", "x", "s")):
        if suffix in rules.currencies:
            found.append(_amount(value, rules.currencies[suffix], text))
        else:
            found.append(Value("number", text.lower(), "name", "identifier", value, "", text))
        return at + 1
    if suffix in ("m", "b") and currency:
        value *= 1e6 if suffix == "m" else 1e9
    elif suffix in rules.multipliers:
        value *= rules.multipliers[suffix]
    elif suffix == "s" and value >= _FIRST_YEAR / 100:  # the 1990s
        found.append(Value("year", value, "decade", "date", value, "", text))
        return at + 1
    elif suffix and suffix in rules.units:
        return _measured(tokens, at + 1, value, rules.units[suffix], rules, found, text)
    if not suffix and "." in digits and not currency and (before in rules.versioned or before == "v"):
        found.append(_version(digits))
        return at + 1
    if not suffix and "," not in digits and "." not in digits:
        bare = digits.lstrip("-")
        if len(bare) >= _LONG or (bare[0] == "0" and len(bare) > 2):
            found.append(Value("number", bare.lstrip("0") or "0", "name", "identifier", value, "", text))
            return at + 1
        fraction = 0.0 if currency or tokens.glued[at + 1 : at + 2] == [True] else _fraction(tokens, at + 1)
        if fraction and int(tokens.low[at + 3]) <= _PARTS:  # 1 1/2
            return _with_unit(tokens, at + 4, value + fraction, "", rules, found, " ".join(tokens.low[at : at + 4]))
    return _with_unit(tokens, at + 1, signed(tokens, at, value), currency, rules, found, text)


def _fraction(tokens: Tokens, at: int) -> float:
    """The value of `3/4`, written without blanks; 0 for anything else, a date among it."""
    low = tokens.low[at : at + 4]
    if len(low) < 3 or low[1] != "/" or max(len(low[0]), len(low[2])) >= _LONG:
        return 0.0
    if not (tokens.glued[at + 1] and tokens.glued[at + 2]) or low[3:] == ["/"]:
        return 0.0
    if not (low[0].isdecimal() and low[2].isdecimal() and 0 < int(low[0]) < int(low[2])) or (
        at and tokens.low[at - 1] == "/"
    ):
        return 0.0
    return float(f"{int(low[0]) / int(low[2]):.9g}")


def _currency_before(tokens: Tokens, at: int, rules: Rules) -> str:
    if not at:
        return ""
    before = tokens.low[at - 1]
    if tokens.kind[at - 1] == "c":
        if at > 1 and tokens.glued[at - 1] and tokens.low[at - 2] + before in rules.currencies:
            return rules.currencies[tokens.low[at - 2] + before]
        return rules.currencies.get(before, "")
    if tokens.flags[at - 1] & CURRENCY and len(before) <= 3 and not (at > 1 and tokens.kind[at - 2] == "n"):
        return rules.currencies[before]
    return ""


def _with_unit(
    tokens: Tokens, at: int, value: float, currency: str, rules: Rules, found: list[Value], shown: str
) -> int:
    """A number's value with the multiplier and unit that follow at `at`; returns the place behind them."""
    low, size = tokens.low, len(tokens.low)
    if halved(low, at):
        value += 0.5
        shown = f"{shown} and a half"
        at += 3 if low[at] == "and" else 2
    if at < size and low[at] == "k" and tokens.raw[at] == "K" and value >= THOUSAND and "kelvin" in rules.units:
        return _measured(tokens, at + 1, value, rules.units["kelvin"], rules, found, f"{shown} kelvin")
    if at + 1 < size and low[at] == "+" and tokens.glued[at] and low[at + 1] in rules.units:
        at += 1  # 5+ hours
    if at < size and tokens.flags[at] & MULTIPLIER:
        value *= rules.multipliers[low[at]]
        shown = f"{shown} {low[at]}"
        at += 1
    word = low[at] if at < size else ""
    if currency:
        found.append(_amount(value, currency, f"{currency} {shown}"))
        return at + 1 if rules.currencies.get(word) == currency else at
    if word == "°" and at + 1 < size and low[at + 1] in ("c", "f"):
        word = "°" + low[at + 1]
        at += 1
    elif word in ("degree", "degrees") and at + 1 < size and low[at + 1] in ("celsius", "c", "fahrenheit", "f"):
        word = "°" + low[at + 1][0]
        at += 1
    elif word == "per" and at + 1 < size and low[at + 1] == "cent":
        word = "%"
        at += 1
    elif word in _POWERS and at + 1 < size and low[at + 1] in rules.units:
        power = rules.units[low[at + 1]][0] + _POWERS[word]
        if power in rules.units:
            word = power
            at += 1
    if word in rules.units and (len(word) > 1 or _is_unit(tokens, at, word)):
        return _measured(tokens, at + 1, value, rules.units[word], rules, found, f"{shown} {word}")
    if word in rules.currencies:
        found.append(_amount(value, rules.currencies[word], f"{shown} {word}"))
        return at + 1
    if word in rules.ambiguous_units:
        rate = _rate(tokens, at + 1, "lb", rules)
        if rate:
            return _measured(tokens, at + 1, value, ("lb", "", 1.0), rules, found, f"{shown} {word}")
        name = rules.ambiguous_units[word][0]
        found.append(Value("number", value, name, "amount", value, name, f"{shown} {word}"))
        return at + 1
    if word == "o" and at + 1 < size and low[at + 1] == "clock":
        found.append(Value("clock", value * 60, "half", "date", value, "", f"{shown} o'clock"))
        return at + 2
    if value.is_integer() and _FIRST_YEAR <= value <= _LAST_YEAR and len(shown) == 4:
        found.append(Value("year", value, "", "date", value, "", shown))
    else:
        guard = "number"
        if value.is_integer() and 0 < value <= _DAYS and _by_month(tokens, at - 1):
            guard = "date"
        elif at > 1 and value.is_integer() and value >= _NAMING and tokens.low[at - 2] in rules.numbered:
            guard = "identifier"
        found.append(Value("number", value, "", guard, value, "", shown, weak=value == 1))
    return at


def _is_unit(tokens: Tokens, at: int, word: str) -> bool:
    """Whether the one letter at `at` is the unit of the number before it."""
    return tokens.glued[at] or word in "%°mgl" or (tokens.raw[at] in ("h", "s") and tokens.kind[at - 1] == "n")


def _measured(
    tokens: Tokens, at: int, value: float, known: tuple[str, str, float], rules: Rules, found: list[Value], shown: str
) -> int:
    """A number with a unit, and what it is measured by at `at`: km per hour; returns the place behind it."""
    unit, dimension, factor = known
    if rate := _rate(tokens, at, unit, rules):
        name, at = rate
        unit, dimension, factor = rules.units[name]
        shown = f"{shown} / {name.partition('/')[2]}"
    elif dimension in _DEGREES and len(tokens.low) > at + 1 and tokens.low[at + 1] in _FREEZING:
        if tokens.low[at] == "below":
            value = -abs(value)
            at += 2
        elif tokens.low[at] == "above":
            at += 2
    found.append(_measure(value, unit, dimension, factor, shown))
    return at


def _rate(tokens: Tokens, at: int, unit: str, rules: Rules) -> tuple[str, int] | None:
    """The name of a unit by another at `at`, and the place behind it: miles per hour, km/h, pounds per square inch."""
    low, size = tokens.low, len(tokens.low)
    if at + 1 >= size or low[at] not in ("/", "per", "a", "an"):
        return None
    at += 1
    power = _POWERS.get(low[at], "")
    if power:
        at += 1
    known = rules.units.get(low[at]) if at < size else None
    name = f"{unit}/{known[0]}{power}" if known else ""
    return (name, at + 1) if name in rules.units else None


def _by_month(tokens: Tokens, at: int) -> bool:
    """Whether a month's name stands next to the number, or next but one: 5th of January."""
    flags = tokens.flags
    return any(flag & MONTH for flag in flags[max(0, at - 1) : at] + flags[at + 1 : at + 3])


def _measure(value: float, unit: str, dimension: str, factor: float, shown: str) -> Value:
    return Value("number", float(f"{value * factor:.9g}"), dimension, "amount", value, unit, shown)


def _amount(value: float, currency: str, shown: str) -> Value:
    return Value("number", value, currency, "amount", value, currency, shown)
