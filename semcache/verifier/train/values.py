"""What slots are filled with: values, their equal spellings, and values that look alike and are not the same.

Most types are listed in `values.toml`. Amounts, numbers, dates, times, durations, measures, ages, versions, order ids,
ports and addresses follow a rule here, because what matters about them is how they are spelled and what they are
mistaken for (15 and 50, 1.5 and 15, two weeks and two months), not which of them there are.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Final, Protocol

import msgspec

Key = tuple[int | str, ...]
"""What a value is, however it is spelled."""

VALUES: Final = Path(__file__).with_name("values.toml")
"""The listed types."""

NEAR: Final = 0.5
"""How often another value is one that looks like the first, where there is such a one."""

TRIES: Final = 40
"""Draws before a type counts as used up."""


class Value(msgspec.Struct, frozen=True):
    """One value and how it may be spelled."""

    key: Key
    spellings: tuple[str, ...]
    """All mean the same; the first is the usual one."""
    before_noun: tuple[str, ...] = ()
    """Spellings between an article and a noun ("a 2-hour flight"); empty: as everywhere."""

    @property
    def folded(self) -> frozenset[str]:
        """The spellings in lower case, for comparing values of different types."""
        return frozenset(each.lower() for each in self.spellings)


class Kind(Protocol):
    """A type of values."""

    trap: str
    """What a trap is called that changes a value of this type."""
    article: str
    """Stands before the value unless the sentence has it."""
    noun: str
    """Stands after the value unless the sentence has it."""
    mass: bool
    """Whether no "a" or "an" stands before."""

    def draw(self, rng: Random, taken: Collection[Value] = ()) -> Value | None:
        """Any value that shares no spelling with those taken; None where there is none."""

    def other(self, value: Value, rng: Random, taken: Collection[Value] = ()) -> Value | None:
        """Another value than this one, often one that looks like it."""


def listed(text: str) -> list[str]:
    """The words of a text: long lists of them are read more easily without quotes."""
    return text.split()


def _free(value: Value, taken: Collection[Value]) -> bool:
    return all(value.folded.isdisjoint(each.folded) for each in taken)


class Listed:
    """A type whose values are written down."""

    def __init__(
        self,
        values: Sequence[str | Sequence[str]],
        *,
        near: Sequence[Sequence[str]] = (),
        trap: str = "object",
        article: str = "",
        noun: str = "",
        mass: bool = False,
    ) -> None:
        self.trap, self.article, self.noun, self.mass = trap, article, noun, mass
        self.values = tuple(
            Value((each,), (each,)) if isinstance(each, str) else Value((each[0],), tuple(each)) for each in values
        )
        by_name = {value.spellings[0]: value for value in self.values}
        seen: dict[str, str] = {}
        for value in self.values:
            for spelling in value.folded:
                if spelling in seen:
                    raise ValueError(f"{spelling!r} is listed twice")
                seen[spelling] = value.spellings[0]
        self._near: dict[Key, list[Value]] = {}
        for alike in near:
            for name in alike:
                if name not in by_name:
                    raise ValueError(f"near: {name!r} is no value's usual spelling")
                others = [by_name[each] for each in alike if each != name]
                self._near.setdefault(by_name[name].key, []).extend(others)

    def draw(self, rng: Random, taken: Collection[Value] = ()) -> Value | None:
        """Any value that is free."""
        for _ in range(TRIES):
            value = rng.choice(self.values)
            if _free(value, taken):
                return value
        return None

    def other(self, value: Value, rng: Random, taken: Collection[Value] = ()) -> Value | None:
        """One that looks alike, or any other."""
        alike = [each for each in self._near.get(value.key, ()) if _free(each, taken)]
        if alike and rng.random() < NEAR:
            return rng.choice(alike)
        return self.draw(rng, (value, *taken))


class Ruled:
    """A type whose values follow a rule."""

    article = noun = ""
    mass = False

    def __init__(
        self,
        make: Callable[[Random], Key],
        near: Callable[[Key, Random], Key],
        spell: Callable[[Key], Value],
        trap: str,
    ) -> None:
        self._make, self._near, self._spell, self.trap = make, near, lru_cache(maxsize=20_000)(spell), trap

    def draw(self, rng: Random, taken: Collection[Value] = ()) -> Value | None:
        """Any value that is free."""
        for _ in range(TRIES):
            value = self._spell(self._make(rng))
            if _free(value, taken):
                return value
        return None

    def other(self, value: Value, rng: Random, taken: Collection[Value] = ()) -> Value | None:
        """One a slip away, or any other that is not the same said differently."""
        for _ in range(TRIES):
            key = self._near(value.key, rng) if rng.random() < NEAR else self._make(rng)
            if key != value.key and not _about_equal(key, value.key):
                found = self._spell(key)
                if _free(found, (value, *taken)):
                    return found
        return None


# --- numbers ---------------------------------------------------------------------------------------------------------

_ONES: Final = listed("""
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen
""")
_TENS: Final = listed("""
    zero ten twenty thirty forty fifty sixty seventy eighty ninety
""")


def words(number: int) -> str:
    """A number from 0 to 9,999 in words."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if number >= size:
            head, rest = divmod(number, size)
            return f"{words(head)} {name}" + (f" {words(rest)}" if rest else "")
    raise AssertionError(number)


def slip(number: int, rng: Random, low: int, high: int) -> int:
    """A number that is easily taken for this one: a digit more, less, other or elsewhere, the next, -teen for -ty."""
    text = str(number)
    found: list[int] = [number + 1, number - 1, number * 10]
    if number % 10 == 0:
        found.append(number // 10)
    if 13 <= number <= 19:
        found += [(number - 10) * 10] * 2
    if 30 <= number <= 90 and number % 10 == 0:
        found += [number // 10 + 10] * 2
    for at in range(len(text) - 1):
        if text[at] != text[at + 1] and (at or text[1] != "0"):
            found.append(int(text[:at] + text[at + 1] + text[at] + text[at + 2 :]))
    at = rng.randrange(len(text))
    digit = rng.choice("123456789")
    found.append(int(text[:at] + digit + text[at + 1 :]))
    fitting = [each for each in found if low <= each <= high and each != number]
    return rng.choice(fitting) if fitting else number


def _int(key: Key, at: int = 0) -> int:
    value = key[at]
    assert isinstance(value, int)
    return value


def _str(key: Key, at: int) -> str:
    value = key[at]
    assert isinstance(value, str)
    return value


def _grouped(number: int) -> tuple[str, ...]:
    return (f"{number:,}", str(number)) if number >= 1000 else (str(number),)


_ROUND: Final = (30, 40, 50, 60, 75, 80, 90, 100, 120, 150, 200, 250, 300, 400, 500, 600, 750, 800, 1000, 1200, 1500)


def _count(rng: Random) -> Key:
    return (rng.choice(_ROUND) if rng.random() < 0.5 else rng.randint(21, 99 if rng.random() < 0.5 else 5000),)


def _spell_count(key: Key) -> Value:
    number = _int(key)
    spelled = _grouped(number)
    if number < 100 or number % 100 == 0:
        spelled = (*spelled, words(number))
    return Value(key, spelled)


_CURRENCIES: Final = {"USD": ("$", "dollars"), "EUR": ("€", "euros"), "GBP": ("£", "pounds")}


def _amount(rng: Random) -> Key:
    draw = rng.random()
    if draw < 0.35:
        whole = rng.choice((5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 150, 200, 250, 300, 400, 500, 750))
    elif draw < 0.6:
        whole = rng.choice((1000, 1200, 1500, 2000, 2500, 3000, 5000, 7500, 10_000, 12_000, 15_000, 20_000, 50_000))
    elif draw < 0.85:
        whole = rng.randint(6, 990)
    else:
        return (rng.randint(2, 99) * 100 + rng.choice((50, 99, 95, 25)), rng.choice(tuple(_CURRENCIES)))
    return (whole * 100, rng.choices(tuple(_CURRENCIES), (6, 2, 2))[0])


def _near_amount(key: Key, rng: Random) -> Key:
    cents, currency = _int(key), _str(key, 1)
    if rng.random() < 0.2:
        return (cents, rng.choice([each for each in _CURRENCIES if each != currency]))
    if cents % 100:
        return (rng.choice((cents * 10, cents + 100, cents // 100 * 100)), currency)
    return (slip(cents // 100, rng, 2, 99_999) * 100, currency)


def _spell_amount(key: Key) -> Value:
    cents, currency = _int(key), _str(key, 1)
    sign, name = _CURRENCIES[currency]
    numbers = _grouped(cents // 100) if cents % 100 == 0 else (f"{cents / 100:,.2f}",)
    signed = tuple(f"{sign}{each}" for each in numbers)
    if cents % 100 == 0 and cents < 1_000_00:
        signed = (*signed, f"{signed[0]}.00")
    spelled = [*signed, *(f"{each} {name}" for each in numbers)]
    spelled += [f"{numbers[-1]} {currency}", f"{currency} {numbers[0]}"]
    if currency == "EUR":
        spelled.append(f"{numbers[0]}€")
    return Value(key, tuple(spelled), (*signed, f"{numbers[0]} {currency}"))


def _percent(rng: Random) -> Key:
    tenths = rng.choice((5, 15, 25, 35, 45, 75)) if rng.random() < 0.15 else 10 * rng.randint(1, 95)
    return (tenths if rng.random() < 0.5 else 50 * rng.randint(1, 19) if rng.random() < 0.9 else 1000,)


def _near_percent(key: Key, rng: Random) -> Key:
    tenths = _int(key)
    if tenths % 10:
        return (tenths * 10 if rng.random() < 0.6 and tenths < 100 else tenths + 10,)
    if tenths % 50 == 0 and tenths <= 950 and rng.random() < 0.3:
        return (tenths // 10,) if tenths >= 50 else (tenths * 10,)
    return (slip(tenths // 10, rng, 1, 100) * 10,)


def _spell_percent(key: Key) -> Value:
    tenths = _int(key)
    number = str(tenths // 10) if tenths % 10 == 0 else f"{tenths / 10:.1f}"
    return Value(
        key,
        (f"{number}%", f"{number} percent", f"{number} per cent", f"{number} %"),
        (f"{number}%", f"{number} percent"),
    )


# --- dates and times -------------------------------------------------------------------------------------------------

MONTHS: Final = listed("""
    January February March April May June July August September October November December
""")
_SHORT: Final = listed("""
    Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec
""")
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th, 21st."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _date(rng: Random) -> Key:
    month = rng.randint(1, 12)
    return (rng.randint(2015, 2030) if rng.random() < 0.25 else 0, month, rng.randint(1, _DAYS[month - 1]))


def _near_date(key: Key, rng: Random) -> Key:
    year, month, day = _int(key), _int(key, 1), _int(key, 2)
    draw = rng.random()
    if year and draw < 0.3:
        return (year + rng.choice((-1, 1, 10, -10)), month, day)
    if draw < 0.55:
        other = rng.randint(1, 12)
        return (year, other, min(day, _DAYS[other - 1]))
    return (year, month, slip(day, rng, 1, _DAYS[month - 1]))


def _spell_date(key: Key) -> Value:
    year, month, day = _int(key), _int(key, 1), _int(key, 2)
    name, short = MONTHS[month - 1], _SHORT[month - 1]
    spelled = [f"{name} {day}", f"{name} {ordinal(day)}", f"{day} {name}", f"{ordinal(day)} of {name}"]
    if short != name:
        spelled += [f"{short} {day}", f"{day} {short}"]
    if year:
        spelled = [f"{each}, {year}" if each[0].isalpha() else f"{each} {year}" for each in spelled]
        spelled.append(f"{year}-{month:02}-{day:02}")
    return Value(key, tuple(spelled))


def _near_year(key: Key, rng: Random) -> Key:
    year = _int(key)
    found = [year + 1, year - 1, year + 10, year - 10, slip(year, rng, 1900, 2025)]
    return (rng.choice([each for each in found if 1900 <= each <= 2025]),)


def _time(rng: Random) -> Key:
    return (rng.choice([*range(5, 12), *range(13, 24)]), rng.choice((0, 0, 0, 15, 30, 30, 45)))


def _near_time(key: Key, rng: Random) -> Key:
    hour, minute = _int(key), _int(key, 1)
    draw = rng.random()
    if draw < 0.35:
        return ((hour + 12) % 24 or 1, minute)
    if draw < 0.6:
        return (hour, rng.choice((0, 15, 30, 45)))
    return (hour % 12 + (12 if hour > 12 else 0) + rng.choice((-1, 1)), minute)


def _spell_time(key: Key) -> Value:
    hour, minute = _int(key), _int(key, 1)
    twelve, half = (hour - 1) % 12 + 1, "pm" if hour >= 12 else "am"
    clock = f"{twelve}:{minute:02}"
    spelled = [f"{clock} {half}", f"{clock}{half}", f"{clock} {half.upper()}", f"{hour:02}:{minute:02}"]
    if not minute:
        spelled = [
            f"{twelve} {half}",
            f"{twelve}{half}",
            f"{twelve} {half.upper()}",
            f"{twelve} {half[0]}.m.",
            *spelled,
        ]
    return Value(key, tuple(spelled))


# --- measures --------------------------------------------------------------------------------------------------------


class _Unit(msgspec.Struct, frozen=True):
    one: str
    many: tuple[str, ...]
    numbers: tuple[int, ...]
    """Chosen so that no value equals one of another unit (60 minutes are an hour)."""
    glued: bool = False


_DURATIONS: Final = {
    "minute": _Unit("minute", ("minutes", "mins", "min"), (5, 10, 15, 20, 25, 30, 40, 45, 50, 90)),
    "hour": _Unit("hour", ("hours", "hrs", "h"), (2, 3, 4, 5, 6, 8, 10, 12)),
    "day": _Unit("day", ("days",), (2, 3, 4, 5, 6, 10)),
    "week": _Unit("week", ("weeks", "wks"), (2, 3, 5, 6, 8, 10)),
    "month": _Unit("month", ("months",), (2, 3, 4, 5, 6, 8, 9, 10, 15, 18)),
    "year": _Unit("year", ("years", "yrs"), (2, 3, 4, 5, 6, 7, 8, 10, 15, 20)),
}
_DISTANCES: Final = {
    "kilometer": _Unit(
        "kilometer", ("km", "kilometers", "kilometres"), (3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 80, 100, 150, 300)
    ),
    "mile": _Unit("mile", ("miles", "mi"), (2, 3, 4, 6, 7, 10, 12, 15, 20, 25, 30, 50, 60, 100, 200, 500)),
    "meter": _Unit("meter", ("meters", "metres", "m"), (50, 100, 200, 300, 400, 500, 600, 800)),
}
_WEIGHTS: Final = {
    "kilogram": _Unit(
        "kilogram", ("kg", "kilograms", "kilos"), (2, 3, 4, 5, 8, 10, 12, 15, 20, 23, 25, 30, 50, 60, 75, 80, 90)
    ),
    "pound": _Unit("pound", ("pounds", "lbs", "lb"), (2, 3, 4, 6, 7, 10, 13, 15, 20, 25, 30, 40, 50, 70, 100, 150)),
    "gram": _Unit("gram", ("grams", "g"), (50, 60, 75, 100, 120, 150, 180, 200, 250, 300, 350, 400, 500, 600, 750)),
    "ounce": _Unit("ounce", ("ounces", "oz"), (2, 3, 4, 5, 6, 8, 10, 12, 14)),
}


def _measures(units: dict[str, _Unit], trap: str) -> Ruled:
    def make(rng: Random) -> Key:
        unit = rng.choice(tuple(units))
        return (rng.choice(units[unit].numbers), unit)

    def near(key: Key, rng: Random) -> Key:
        number, unit = _int(key), _str(key, 1)
        same = [name for name, each in units.items() if name != unit and number in each.numbers]
        if same and rng.random() < 0.5:
            return (number, rng.choice(same))
        allowed = units[unit].numbers
        slips = [each for each in allowed if each in (number * 10, number // 10, number + 1, number - 1, number + 10)]
        return (rng.choice(slips or [each for each in allowed if each != number]), unit)

    def spell(key: Key) -> Value:
        number, unit = _int(key), units[_str(key, 1)]
        spelled = [f"{number} {each}" for each in unit.many]
        long = next(each for each in unit.many if each == f"{unit.one}s")
        if number <= 20:
            spelled.append(f"{words(number)} {long}")
        before = [f"{number}-{unit.one}", f"{number} {unit.one}"]
        if number <= 20:
            before.append(f"{words(number)}-{unit.one}")
        short = unit.many[0] if unit.many[0] != long else ""
        return Value(key, tuple(spelled), (f"{number} {short}", *before) if short else tuple(before))

    return Ruled(make, near, spell, trap)


def _temperature(rng: Random) -> Key:
    if rng.random() < 0.6:
        return (10 * rng.randint(14, 24), "C") if rng.random() < 0.5 else (rng.randint(-15, 40), "C")
    return (25 * rng.randint(12, 18), "F") if rng.random() < 0.5 else (rng.randint(10, 110), "F")


def _near_temperature(key: Key, rng: Random) -> Key:
    degrees, unit = _int(key), _str(key, 1)
    if rng.random() < 0.4:
        return (degrees, "F" if unit == "C" else "C")
    return (rng.choice((degrees + 10, degrees - 10, -degrees, slip(abs(degrees) or 1, rng, 1, 500))), unit)


def _spell_temperature(key: Key) -> Value:
    degrees, unit = _int(key), _str(key, 1)
    name = "Celsius" if unit == "C" else "Fahrenheit"
    return Value(
        key,
        (
            f"{degrees}°{unit}",
            f"{degrees} °{unit}",
            f"{degrees} degrees {name}",
            f"{degrees} {unit}",
            f"{degrees} degrees {unit}",
        ),
    )


_IN_MINUTES: Final = {
    "minute": 1.0,
    "hour": 60.0,
    "day": 1440.0,
    "week": 10_080.0,
    "month": 43_830.0,
    "year": 525_960.0,
}
_IN_METERS: Final = {"meter": 1.0, "kilometer": 1000.0, "mile": 1609.344}
_IN_GRAMS: Final = {"gram": 1.0, "ounce": 28.35, "pound": 453.6, "kilogram": 1000.0}
_IN_ONE: Final = {**_IN_MINUTES, **_IN_METERS, **_IN_GRAMS}


def _about_equal(a: Key, b: Key) -> bool:
    """Whether two measures in different units come to about the same: no trap, whoever converts."""
    if len(a) != 2 or len(b) != 2 or a[1] == b[1]:
        return False
    if {a[1], b[1]} == {"C", "F"}:
        celsius, fahrenheit = (a, b) if a[1] == "C" else (b, a)
        return abs(_int(celsius) * 1.8 + 32 - _int(fahrenheit)) < 9
    if a[1] not in _IN_ONE or b[1] not in _IN_ONE:
        return False
    first, second = _int(a) * _IN_ONE[_str(a, 1)], _int(b) * _IN_ONE[_str(b, 1)]
    return abs(first - second) < 0.15 * max(first, second)


# --- names made of digits --------------------------------------------------------------------------------------------


def _version(rng: Random) -> Key:
    head = (rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 17, 18, 20, 22)), rng.randint(0, 14))
    return (*head, rng.randint(0, 12)) if rng.random() < 0.3 else head


def _near_version(key: Key, rng: Random) -> Key:
    parts = [_int(key, at) for at in range(len(key))]
    at = rng.randrange(len(parts))
    parts[at] = rng.choice((parts[at] + 1, max(parts[at] - 1, 0 if at else 1), parts[at] + 10))
    return tuple(parts)


_PORTS: Final = (
    21,
    22,
    25,
    53,
    80,
    110,
    143,
    389,
    443,
    465,
    587,
    993,
    995,
    1433,
    1521,
    1883,
    2049,
    2375,
    3000,
    3306,
    3389,
    4200,
    5000,
    5173,
    5432,
    5672,
    5900,
    6379,
    6443,
    7000,
    8000,
    8008,
    8080,
    8081,
    8443,
    8888,
    9000,
    9090,
    9092,
    9200,
    11211,
    27017,
)


def _near_port(key: Key, rng: Random) -> Key:
    text = str(_int(key))
    alike = [each for each in _PORTS if each != key[0] and (str(each)[:2] == text[:2] or str(each)[-2:] == text[-2:])]
    return (rng.choice(alike),) if alike else (rng.choice(_PORTS),)


def _ip(rng: Random) -> Key:
    head = rng.choice(((10, 0), (192, 168), (172, 16), (203, 0)))
    return (*head, rng.choice((0, 1, 2, 10, 50, 100, 113)), rng.randint(1, 254))


def _near_ip(key: Key, rng: Random) -> Key:
    parts = [_int(key, at) for at in range(4)]
    at = rng.choice((2, 3, 3))
    parts[at] = slip(parts[at] or 1, rng, 0, 254)
    return tuple(parts)


def _plain(key: Key) -> Value:
    return Value(key, (str(key[0]),))


RULED: Final[dict[str, Kind]] = {
    "amount": Ruled(_amount, _near_amount, _spell_amount, "number"),
    "number": Ruled(
        lambda rng: (rng.randint(2, 20),),
        lambda key, rng: (slip(_int(key), rng, 2, 20),),
        lambda key: Value(key, (str(key[0]), words(_int(key)))),
        "number",
    ),
    "count": Ruled(_count, lambda key, rng: (slip(_int(key), rng, 21, 5000),), _spell_count, "number"),
    "percent": Ruled(_percent, _near_percent, _spell_percent, "number"),
    "date": Ruled(_date, _near_date, _spell_date, "date"),
    "year": Ruled(lambda rng: (rng.randint(1900, 2025),), _near_year, _plain, "date"),
    "time": Ruled(_time, _near_time, _spell_time, "time"),
    "duration": _measures(_DURATIONS, "time"),
    "distance": _measures(_DISTANCES, "number"),
    "weight": _measures(_WEIGHTS, "number"),
    "temperature": Ruled(_temperature, _near_temperature, _spell_temperature, "number"),
    "age": Ruled(
        lambda rng: (rng.randint(3, 80),),
        lambda key, rng: (slip(_int(key), rng, 3, 90),),
        lambda key: Value(key, (str(key[0]), str(key[0]), words(_int(key)))),
        "number",
    ),
    "version": Ruled(_version, _near_version, lambda key: Value(key, (".".join(str(part) for part in key),)), "number"),
    "orderid": Ruled(
        lambda rng: (rng.randint(10_000, 9_999_999),),
        lambda key, rng: (slip(_int(key), rng, 1000, 99_999_999),),
        lambda key: Value(key, (str(key[0]), f"#{key[0]}")),
        "number",
    ),
    "port": Ruled(lambda rng: (rng.choice(_PORTS),), _near_port, _plain, "number"),
    "ip": Ruled(_ip, _near_ip, lambda key: Value(key, (".".join(str(part) for part in key),)), "number"),
}
"""The types that follow a rule."""

TRAPS: Final = {
    "number": ("httpcode",),
    "date": ("weekday", "month"),
    "language": ("language",),
    "entity": listed("""
    person company product city country proglang database framework os app browser team planet book film band
    historical holiday river mountain crypto cloud url filename function sqltable exam medicine
"""),
    "role": ("relation", "job"),
}
"""What a trap is called by the type whose value it changes; all others are objects."""


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    values: list[str | list[str]]
    near: list[list[str]] = []
    article: str = ""
    noun: str = ""
    mass: bool = False


@lru_cache(maxsize=4)
def kinds(path: Path = VALUES) -> dict[str, Kind]:
    """All types by name: those of the file and those that follow a rule."""
    with path.open("rb") as file:
        tables = msgspec.convert(tomllib.load(file), dict[str, _Table])
    named = {kind: trap for trap, names in TRAPS.items() for kind in names}
    found: dict[str, Kind] = dict(RULED)
    for name, table in tables.items():
        try:
            found[name] = Listed(
                table.values,
                near=table.near,
                trap=named.get(name, "object"),
                article=table.article,
                noun=table.noun,
                mass=table.mass,
            )
        except ValueError as wrong:
            raise ValueError(f"{path.name}: {name}: {wrong}") from None
    return found
