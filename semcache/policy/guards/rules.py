"""The lexicons of the guards, compiled once from a replaceable table.

A table is data as TOML has it. An operator's own table replaces the house's table of that name as a whole; those that
are not given stay. `TABLES` has them all, with the house's content.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from semcache.errors import ConfigError
from semcache.policy.guards.forms import inflected, stem
from semcache.policy.guards.tables import names, opposites, quantities, searches, things, words

TABLES: Final[dict[str, Any]] = {
    "number_words": quantities.NUMBER_WORDS,
    "ordinal_words": quantities.ORDINAL_WORDS,
    "multipliers": quantities.MULTIPLIERS,
    "units": quantities.UNITS,
    "currencies": quantities.CURRENCIES,
    "ambiguous_units": quantities.AMBIGUOUS_UNITS,
    "months": quantities.MONTHS,
    "weekdays": quantities.WEEKDAYS,
    "not_alone": quantities.NOT_ALONE,
    "date_words": quantities.DATE_WORDS,
    "days": quantities.DAYS,
    "periods": quantities.PERIODS,
    "period_names": quantities.PERIOD_NAMES,
    "clock_words": quantities.CLOCK_WORDS,
    "versioned": quantities.VERSIONED,
    "numbered": quantities.NUMBERED,
    "approximately": quantities.APPROXIMATELY,
    "common": words.COMMON,
    "negators": words.NEGATORS,
    "negative_prefixes": words.NEGATIVE_PREFIXES,
    "neutral_negations": words.NEUTRAL_NEGATIONS,
    "quantifiers": words.QUANTIFIERS,
    "bounds": words.BOUNDS,
    "opposed_bounds": words.OPPOSED_BOUNDS,
    "roles": words.ROLES,
    "audiences": words.AUDIENCES,
    "questions": words.QUESTIONS,
    "how": words.HOW,
    "what": words.WHAT,
    "apart": words.APART,
    "symmetric": words.SYMMETRIC,
    "asymmetric": words.ASYMMETRIC,
    "mutual": words.MUTUAL,
    "answer_verbs": words.ANSWER_VERBS,
    "joints_apart": words.JOINTS_APART,
    "claims": words.CLAIMS,
    "held": words.HELD,
    "sorts": words.SORTS,
    "modalities": words.MODALITIES,
    "modalities_apart": words.MODALITIES_APART,
    "searched": searches.SEARCHED,
    "restrictions": searches.RESTRICTIONS,
    "restated": searches.RESTATED,
    "opposed_actions": opposites.OPPOSED_ACTIONS,
    "opposites": opposites.OPPOSITES,
    "particles": opposites.PARTICLES,
    "names": names.NAMES,
    "parts": names.PARTS,
    "things": things.THINGS,
    "languages": names.LANGUAGES,
    "no_names": names.NO_NAMES,
    "stop_words": names.STOP_WORDS,
}

NUMBER, ORDINAL, MULTIPLIER, MONTH, WEEKDAY, DAY, PERIOD, CLOCK = (1 << bit for bit in range(8))
NEGATOR, QUANTIFIER, PARTICLE, NAME, OPPOSED, QUESTION, LANGUAGE, CURRENCY, COMMON = (1 << bit for bit in range(8, 17))
"""What a word may be, as bits: most words of a prompt are nothing but common, or nothing at all."""


_WORD_TABLES: Final = (
    "not_alone date_words period_names versioned numbered approximately common negators symmetric asymmetric "
    "mutual answer_verbs claims sorts no_names"
)


UNIT: Final = "unit"
"""The kind of units as names: how many minutes, how many hours."""
_HOME: Final = {"opposed": "opposites (or opposed_actions)"}
"""Where words of a compiled lexicon come from, if its name is not the table's."""
_ABBREVIATED: Final = 3
"""Letters of a unit's name up to which it may be another word."""


class Name(msgspec.Struct, frozen=True):
    """One spelling of a known name."""

    words: tuple[str, ...]
    """In lower case."""
    name: str
    """The same for all spellings."""
    kind: str
    written: str = ""
    """As it must be written; empty if in any way."""


class Side(msgspec.Struct, frozen=True):
    """A word's place in a pair of opposites."""

    pair: int
    left: bool
    action: bool
    """Whether the pair is of opposed actions, which are surer than opposed qualities."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Lexicons, ready to be asked. Build them once and keep them: it costs milliseconds."""

    flags: Mapping[str, int]
    """Word to what it may be (bits above)."""
    number_words: Mapping[str, float]
    ordinal_words: Mapping[str, int]
    multipliers: Mapping[str, int]
    units: Mapping[str, tuple[str, str, float]]
    """Name to (unit, dimension, factor)."""
    currencies: Mapping[str, str]
    ambiguous_units: Mapping[str, tuple[str, frozenset[str]]]
    """Name to the first of its names, and the units that it may stand for."""
    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    not_alone: frozenset[str]
    date_words: frozenset[str]
    days: Mapping[str, str]
    periods: Mapping[str, str]
    period_names: frozenset[str]
    clock_words: Mapping[str, int]
    versioned: frozenset[str]
    numbered: frozenset[str]
    approximately: frozenset[str]
    common: frozenset[str]
    negators: frozenset[str]
    negative_prefixes: tuple[str, ...]
    neutral_negations: frozenset[tuple[str, ...]]
    quantifiers: Mapping[str, str]
    bounds: Mapping[tuple[str, ...], str]
    opposed_bounds: frozenset[frozenset[str]]
    roles: Mapping[str, str]
    """Word to the first of the words for the same person."""
    audiences: Mapping[str, str]
    questions: Mapping[str, str]
    how: Mapping[str, str]
    what: Mapping[str, str]
    apart: frozenset[frozenset[str]]
    symmetric: frozenset[str]
    asymmetric: frozenset[str]
    mutual: frozenset[str]
    answer_verbs: frozenset[str]
    joints_apart: frozenset[frozenset[str]]
    claims: frozenset[str]
    held: Mapping[str, str]
    sorts: frozenset[str]
    modalities: Mapping[str, str]
    modalities_apart: frozenset[frozenset[str]]
    searched: Mapping[str, str]
    restrictions: Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]
    """First word to the phrases that begin with it, each with what it restricts a search to, the longest first."""
    restated: Mapping[str, frozenset[str]]
    """Restriction to words by which it may be told too."""
    opposed: Mapping[str, tuple[Side, ...]]
    particles: Mapping[str, frozenset[str]]
    names: Mapping[str, tuple[Name, ...]]
    """First word to the names that begin with it, the longest first."""
    parts: Mapping[str, frozenset[str]]
    """Name to those of which it is a part, and those that are parts of it."""
    languages: Mapping[str, str]
    things: frozenset[str]
    """Kinds of names that are common words."""
    no_names: frozenset[str]
    stop_words: Mapping[str, tuple[str, ...]]
    """Word to the languages that it is frequent in."""

    @classmethod
    def default(cls) -> Rules:
        """The lexicons of the house, for English."""
        return cls.from_table({})

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Rules:
        """The house's lexicons with those tables replaced that are given, e.g. from a TOML file.

        Raises ConfigError, naming the table and the key.
        """
        for name in table:
            if name not in TABLES:
                raise ConfigError(f"guards: there is no table {name!r}; there are {', '.join(sorted(TABLES))}")
        return _compiled({**TABLES, **table})


def _compiled(tables: dict[str, Any]) -> Rules:
    look = _Look(tables)
    units = look.units()
    currencies = look.names_of("currencies")
    opposed = look.opposed()
    known = look.known_names("names", "things")
    for name, (unit, _, _) in units.items():
        if len(name) > _ABBREVIATED and name.isalpha() and name not in look.numbers("ordinal_words"):
            known[name] = (*known.get(name, ()), Name((name,), unit, UNIT))
    languages = {spelling: name for name, spelling, _ in look.listed("languages", "")}
    rules: dict[str, Any] = {
        "number_words": look.numbers("number_words"),
        "ordinal_words": look.numbers("ordinal_words"),
        "multipliers": look.numbers("multipliers"),
        "units": units,
        "currencies": currencies,
        "ambiguous_units": {
            name: (names_of.split()[0], frozenset(units_of.split()))
            for names_of, units_of in look.texts("ambiguous_units").items()
            for name in names_of.split()
        },
        "months": look.counted("months"),
        "weekdays": look.counted("weekdays"),
        "days": look.texts("days"),
        "periods": look.texts("periods"),
        "clock_words": look.numbers("clock_words"),
        "negative_prefixes": tuple(sorted(look.words("negative_prefixes"))),
        "neutral_negations": frozenset(tuple(phrase.split()) for phrase in look.lines("neutral_negations")),
        "quantifiers": look.texts("quantifiers"),
        "bounds": {tuple(phrase.split()): bound for phrase, bound in look.texts("bounds").items()},
        "opposed_bounds": frozenset(frozenset(line.split()) for line in look.lines("opposed_bounds")),
        "audiences": look.names_of("audiences"),
        "roles": look.joined("roles"),
        "questions": look.texts("questions"),
        "how": look.texts("how"),
        "what": look.texts("what"),
        "apart": frozenset(
            frozenset((one.replace("_", " "), two.replace("_", " ")))
            for line in look.lines("apart")
            for one in line.split()
            for two in line.split()
            if one != two
        ),
        "joints_apart": frozenset(frozenset(line.split()) for line in look.lines("joints_apart")),
        "held": look.names_of("held"),
        "modalities": look.names_of("modalities"),
        "modalities_apart": frozenset(frozenset(line.split()) for line in look.lines("modalities_apart")),
        "searched": look.names_of("searched"),
        "restrictions": look.phrases("restrictions"),
        "restated": {kind: frozenset(listed.split()) for kind, listed in look.texts("restated").items()},
        "opposed": opposed,
        "particles": {verb: frozenset(particles.split()) for verb, particles in look.texts("particles").items()},
        "names": known,
        "things": frozenset([*look.texts("things"), UNIT]),
        "parts": look.parts(),
        "languages": {spelling.lower(): name for spelling, name in languages.items()},
        "stop_words": look.stop_words(),
    } | {name: frozenset(look.words(name)) for name in _WORD_TABLES.split()}
    flags: dict[str, int] = {}
    for bit, named in (
        (NUMBER, "number_words"),
        (ORDINAL, "ordinal_words"),
        (MULTIPLIER, "multipliers"),
        (MONTH, "months"),
        (WEEKDAY, "weekdays"),
        (DAY, "days"),
        (PERIOD, "periods"),
        (CLOCK, "clock_words"),
        (NEGATOR, "negators"),
        (QUANTIFIER, "quantifiers"),
        (PARTICLE, "particles"),
        (NAME, "names"),
        (OPPOSED, "opposed"),
        (QUESTION, "questions"),
        (LANGUAGE, "languages"),
        (CURRENCY, "currencies"),
        (COMMON, "common"),
    ):
        for word in rules[named]:
            if word != word.lower():
                raise ConfigError(
                    f"guards.{_HOME.get(named, named)}: {word!r} would never be found: write it in lower case"
                )
            flags[word] = flags.get(word, 0) | bit
    return Rules(flags=flags, **rules)


def _forms(word: str, *, action: bool) -> tuple[str, ...]:
    """What an opposed word is looked up by: a verb with a particle by the verb's stem."""
    verb, bar, particle = word.partition("_")
    if bar:
        return (f"{stem(verb)}_{particle}",)
    return inflected(word) if action else (word,)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class _Look:
    """Reads tables, and says which of them, and where, is not as it must be."""

    def __init__(self, tables: dict[str, Any]) -> None:
        self._tables = tables

    def words(self, table: str) -> list[str]:
        """A list of words, or one text of words between blanks."""
        given = self._tables[table]
        if isinstance(given, str):
            return given.split()
        return self.lines(table)

    def lines(self, table: str) -> list[str]:
        given = self._tables[table]
        if not isinstance(given, list | tuple):
            raise ConfigError(f"guards.{table}: a list of texts is expected")
        for at, line in enumerate(given):
            if not isinstance(line, str) or not line.strip():
                raise ConfigError(f"guards.{table}[{at}]: a text is expected, not {line!r}")
        return list(given)

    def _mapping(self, table: str, expected: str, fits: Callable[[Any], bool]) -> dict[str, Any]:
        given = self._tables[table]
        if not isinstance(given, Mapping):
            raise ConfigError(f"guards.{table}: keys with {expected} are expected")
        for key, value in given.items():
            if not fits(value):
                raise ConfigError(f"guards.{table}.{key}: {expected} is expected, not {value!r}")
        return dict(given)

    def numbers(self, table: str) -> dict[str, Any]:
        return self._mapping(table, "a number", _is_number)

    def texts(self, table: str) -> dict[str, str]:
        return self._mapping(table, "a text", lambda value: isinstance(value, str) and bool(value.strip()))

    def names_of(self, table: str) -> dict[str, str]:
        """Name to what it names, from a table of what is named to its names."""
        return {name: key for key, listed in self.texts(table).items() for name in listed.split()}

    def joined(self, table: str) -> dict[str, str]:
        """Word to the first of those that `=` joins with it."""
        found: dict[str, str] = {}
        for entry in self.words(table):
            alike = entry.split("=")
            if not all(alike):
                raise ConfigError(f"guards.{table}: a word is missing in {entry!r}")
            found |= dict.fromkeys(alike, alike[0])
        return found

    def phrases(self, table: str) -> dict[str, tuple[tuple[tuple[str, ...], str], ...]]:
        """First word to (words, what they stand for), the longest first, from a table of that to phrases."""
        found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for key, listed in self.texts(table).items():
            for phrase in listed.split(","):
                if not (words := tuple(phrase.split())):
                    raise ConfigError(f"guards.{table}.{key}: a phrase is missing in {listed!r}")
                found.setdefault(words[0], []).append((words, key))
        return {head: tuple(sorted(all_of, key=lambda one: -len(one[0]))) for head, all_of in found.items()}

    def counted(self, table: str) -> dict[str, int]:
        """Name to its place, from 1."""
        return {name: place for place, line in enumerate(self.lines(table), start=1) for name in line.split()}

    def stop_words(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for language, text in self.texts("stop_words").items():
            for word in text.split():
                found.setdefault(word, []).append(language)
        return {word: tuple(languages) for word, languages in found.items()}

    def units(self) -> dict[str, tuple[str, str, float]]:
        found: dict[str, tuple[str, str, float]] = {}
        given = self._mapping("units", "a table of units", lambda value: isinstance(value, Mapping))
        for dimension, units in given.items():
            for unit, about in units.items():
                match about:
                    case [int() | float() as factor, str() as listed] if _is_number(factor) and factor > 0:
                        found |= {name: (unit, dimension, float(factor)) for name in listed.split()}
                    case _:
                        raise ConfigError(
                            f"guards.units.{dimension}.{unit}: [factor, names] is expected, not {about!r}"
                        )
        return found

    def opposed(self) -> dict[str, tuple[Side, ...]]:
        found: dict[str, list[Side]] = {}
        pair = 0
        for table in ("opposed_actions", "opposites"):
            given = self._tables[table]
            if not isinstance(given, list | tuple):
                raise ConfigError(f"guards.{table}: a list of pairs is expected")
            for at, sides in enumerate(given):
                fits = isinstance(sides, list | tuple) and len(sides) == 2
                if not fits or not all(isinstance(side, str) and side.strip() for side in sides):
                    raise ConfigError(f"guards.{table}[{at}]: two texts are expected, not {sides!r}")
                pair += 1
                action = table == "opposed_actions"
                for left, side in ((True, sides[0]), (False, sides[1])):
                    for word in side.split():
                        for form in _forms(word, action=action):
                            found.setdefault(form, []).append(Side(pair, left, action))
        return {word: tuple(sides) for word, sides in found.items()}

    def listed(self, table: str, key: str) -> list[tuple[str, str, str]]:
        """(name, spelling, spelling if it must be written so) for all of a list of names."""
        given = self._tables[table][key] if key else self._tables[table]
        where = f"guards.{table}.{key}" if key else f"guards.{table}"
        if not isinstance(given, str):
            raise ConfigError(f"{where}: a text of names is expected, not {given!r}")
        found = []
        for entry in " ".join(given.split()).split(","):
            spellings = [spelling.strip() for spelling in entry.split("=")]
            if spellings == [""]:
                continue
            if not all(spellings):
                raise ConfigError(f"{where}: a name is missing in {entry!r}")
            found += [
                (spellings[0].lower(), spelling, "" if spelling.islower() else spelling) for spelling in spellings
            ]
        return found

    def parts(self) -> dict[str, frozenset[str]]:
        """Wholes to their parts, and parts to their wholes."""
        found: dict[str, set[str]] = {}
        for whole in self.texts("parts"):
            for part, _, _ in self.listed("parts", whole):
                found.setdefault(whole, set()).add(part)
                found.setdefault(part, set()).add(whole)
        return {name: frozenset(related) for name, related in found.items()}

    def known_names(self, *tables: str) -> dict[str, tuple[Name, ...]]:
        found: dict[str, list[Name]] = {}
        for table in tables:
            for kind in self.texts(table):
                for name, spelling, written in self.listed(table, kind):
                    words = tuple(spelling.lower().replace("'", "").split())
                    if not words:
                        raise ConfigError(f"guards.{table}.{kind}: {spelling!r} is no name")
                    found.setdefault(words[0], []).append(Name(words, name, kind, written))
        return {head: tuple(sorted(known, key=lambda one: -len(one.words))) for head, known in found.items()}
