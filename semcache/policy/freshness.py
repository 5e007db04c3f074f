"""How long an answer may live: the TTL class of a prompt, by a replaceable table of rules, and its seconds.

The rule. Every rule names a class and says what it looks for: `words` (at least one must stand in the prompt),
`patterns` (at least one must be found), `unless` (none may be found). All are judged on the prompt in lower case with
plain apostrophes. Classes are asked in the order of `PRIORITY`, rules of one class in the order of the table, and the
first that matches decides. Safety comes first in that order: what must not be kept, then what is one person's (the
wrong person's answer is worse than an old one), then what ages. Only a prompt that none of these claims, and that asks
for a lasting fact in so many words, is static; whatever is left is general, or conversation if it continues one.

`hints` decide nothing and save time: words of a-z, of which one stands, whole, wherever a pattern that is not bound to
the beginning is found. Without one of them in the prompt these patterns are not searched for.

`sticky` rules hold for the rest of a conversation: they are also asked of the user's earlier turns.

The table is data (`ttl_rules.DEFAULT_TABLE`; an operator's own comes from a TOML file that the caller has read).
Matching is linear in the length of the prompt for the default table; a nested unbounded repetition is refused. A long
text is searched in slices (`slices`), so a pattern must not need more than `slices.REACH` characters to match.
This module knows no clock and no randomness: both are arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from semcache.errors import ConfigError
from semcache.models import TtlClass
from semcache.policy import slices
from semcache.policy.ttl_rules import DEFAULT_TABLE
from semcache.settings import Settings

PRIORITY: Final = (
    TtlClass.NEVER,
    TtlClass.PERSONAL,
    TtlClass.TIME_SENSITIVE,
    TtlClass.CODE,
    TtlClass.CONVERSATION,
    TtlClass.STATIC,
    TtlClass.GENERAL,
)
"""The order in which classes are asked."""

DEFAULT_RULE: Final = "default"
"""Name shown where no rule matched."""
FOLLOW_UP_RULE: Final = "follow_up"
"""Name shown where none but the conversation around the prompt decides."""

_WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?")
_APART: Final = "".join(chr(code) if chr(code).isalnum() else " " for code in range(128))
"""ASCII with a blank for all that stands between words without an apostrophe."""
_DIGIT = re.compile(r"\d")
_CODE = re.compile(r"[`{}();=<>\n:]")
_HINT = re.compile("[a-z]+")
MARKS: Final = frozenset({"<digit>", "<code>", "@", "<non-ascii>"})
"""May stand in `words` too: the prompt has a digit, one of ```{}();=<>:`` or a backtick or line break, an at sign, a
character beyond ASCII."""
_NESTED = re.compile(r"\((?:\?:)?[^()]*(?<!\\)(?:[+*]|\{\d+,\})[^()]*\)(?:[+*]|\{\d+,\})")
_ANCHORED = re.compile(r"(?:\^|\\A)(?![*+?{])")
_SYNTAX = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?#|[()|]", re.DOTALL)
"""What of a pattern counts for its alternatives; what is escaped or stands in a class is passed over whole."""
_FIELDS = frozenset({"name", "class", "words", "patterns", "hints", "unless", "sticky"})


class Patterns(msgspec.Struct, frozen=True):
    """What a rule searches for: alternatives, apart by where they may begin, since a search for one that can only stand
    at the beginning would try every place. At least one of the two is there.
    """

    head: re.Pattern[str] | None
    """Those that begin with `^` or `\\A`."""
    rest: re.Pattern[str] | None
    hints: frozenset[str] = frozenset()
    """Words of which one stands in every text in which `rest` is found; none given: nothing is known."""

    def found(self, text: str, near: set[str]) -> bool:
        """Whether one of them is found anywhere in a text of any length; `near`: all its words (see `_near`)."""
        if self.head is not None and self.head.match(text, 0, slices.SLICE + slices.REACH) is not None:
            return True
        if self.rest is None or (self.hints and self.hints.isdisjoint(near)):
            return False
        return slices.found(self.rest, text)


class TtlRule(msgspec.Struct, frozen=True):
    """One rule, compiled. At least one of `words` and `patterns` is there."""

    name: str
    ttl_class: TtlClass
    words: frozenset[str] | None
    patterns: Patterns | None
    unless: Patterns | None
    sticky: bool

    def claims(self, text: str, near: set[str]) -> bool:
        """Whether the rule claims a prompt, given in lower case, in which one of its `words` stands."""
        if self.patterns is not None and not self.patterns.found(text, near):
            return False
        return self.unless is None or not self.unless.found(text, near)


class _Order:
    """Rules in the order in which they are asked. Those whose words are absent are passed over without a call."""

    def __init__(self, rules: Iterable[TtlRule]) -> None:
        self._rules = tuple(rules)
        self._wordless = [number for number, rule in enumerate(self._rules) if rule.words is None]
        self._of_word: dict[str, list[int]] = {}
        for number, rule in enumerate(self._rules):
            for word in rule.words or ():
                self._of_word.setdefault(word, []).append(number)
        self._words = frozenset(self._of_word)

    def first(self, text: str, words: set[str]) -> TtlRule | None:
        """The first that claims a prompt, given in lower case and as its set of words."""
        due = self._wordless
        told = self._words & words
        if told:
            due = sorted({*due, *(number for word in told for number in self._of_word[word])})
        near = _near(text, words)
        for number in due:
            rule = self._rules[number]
            if rule.claims(text, near):
                return rule
        return None


class TtlRules:
    """A table of rules, in the order in which they are asked."""

    def __init__(self, rules: Iterable[TtlRule]) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: PRIORITY.index(rule.ttl_class)))
        self._all = _Order(self.rules)
        self._sticky = _Order(rule for rule in self.rules if rule.sticky)
        rank = PRIORITY.index(TtlClass.CONVERSATION)
        self._before_follow_up = _Order(rule for rule in self.rules if PRIORITY.index(rule.ttl_class) <= rank)

    @classmethod
    def default(cls) -> TtlRules:
        """The rules of the house."""
        return cls.from_table(DEFAULT_TABLE)

    @classmethod
    def from_table(cls, table: Iterable[Mapping[str, Any]]) -> TtlRules:
        """Rules from their data, e.g. the `[[rule]]` tables of a TOML file. Raises ConfigError, naming the rule."""
        rules = [_rule(given, f"TTL rule {number}") for number, given in enumerate(table, start=1)]
        names = [rule.name for rule in rules]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ConfigError(f"TTL rules: the name {sorted(twice)[0]!r} is given twice")
        return cls(rules)

    def classify(self, prompt: str, has_context: bool = False) -> tuple[TtlClass, str]:
        """The class of a prompt and the name of the rule that chose it; `has_context` if turns precede it."""
        text, words = _prepared(prompt)
        rule = (self._before_follow_up if has_context else self._all).first(text, words)
        if rule is not None:
            return rule.ttl_class, rule.name
        if has_context:
            return TtlClass.CONVERSATION, FOLLOW_UP_RULE
        return TtlClass.GENERAL, DEFAULT_RULE

    def lasting(self, earlier: str) -> tuple[TtlClass, str] | None:
        """What the user's earlier turns make of the whole conversation, by the sticky rules; None if nothing."""
        text, words = _prepared(earlier)
        rule = self._sticky.first(text, words)
        return None if rule is None else (rule.ttl_class, rule.name)


def ttl_of(
    ttl_class: TtlClass, settings: Settings, *, namespace: str, requested_s: float | None = None, chance: float = 0.0
) -> float:
    """Seconds that an answer lives: as requested, else the namespace's, else its class's, else the default.

    Clamped to the operator's bounds, then shortened by up to `ttl.jitter` with `chance` in [0, 1), never under the
    lower bound. 0 means: do not store (the class forbids it, or the request asked for no life). Whether a hit prolongs
    it is `settings.ttl.sliding`.
    """
    if not 0.0 <= chance < 1.0:
        raise ValueError("chance is at least 0 and less than 1")
    ttl = settings.ttl
    if ttl_class is TtlClass.NEVER or (requested_s is not None and requested_s <= 0):
        return 0.0
    of_namespace = settings.namespace(namespace).ttl_s
    if requested_s is not None:
        life = requested_s
    elif of_namespace is not None:
        life = of_namespace
    else:
        life = ttl.of(ttl_class) if ttl.by_class else settings.default_ttl_s
    life = min(max(life, ttl.min_s), ttl.max_s)
    return max(life * (1.0 - ttl.jitter * chance), ttl.min_s)


def _prepared(prompt: str) -> tuple[str, set[str]]:
    text = prompt.lower()
    if not text.isascii():
        text = text.replace("’", "'").replace("‘", "'")
    if "'" not in text and text.isascii() and len(text) <= slices.SLICE:
        words = set(text.translate(_APART).split())  # a third of the search's time
    else:
        words = slices.all_of(_WORD, text)
    if slices.found(_DIGIT, text):
        words.add("<digit>")
    if slices.found(_CODE, text):
        words.add("<code>")
    if "@" in text:
        words.add("@")
    if not text.isascii():
        words.add("<non-ascii>")
    return text, words


def _near(text: str, words: set[str]) -> set[str]:
    """The words, and what stands before and after an apostrophe: whatever `\\b` calls a word of a-z is among them."""
    if "'" not in text:
        return words
    return words.union(*[word.split("'") for word in words if "'" in word])


def _rule(given: Mapping[str, Any], place: str) -> TtlRule:
    name = given.get("name")
    if not isinstance(name, str) or not name or name in (DEFAULT_RULE, FOLLOW_UP_RULE):
        raise ConfigError(f"{place}: `name` must be a text of its own, other than {DEFAULT_RULE!r}, {FOLLOW_UP_RULE!r}")
    place = f"TTL rule {name!r}"
    unknown = sorted(set(given) - _FIELDS)
    if unknown:
        raise ConfigError(f"{place}: unknown field {unknown[0]!r}; there are {', '.join(sorted(_FIELDS))}")
    try:
        ttl_class = TtlClass(given.get("class", ""))
    except ValueError as error:
        raise ConfigError(f"{place}: `class` must be one of {', '.join(TtlClass)}") from error
    words = _texts(given, "words", place)
    for word in words:
        if word not in MARKS and (_WORD.fullmatch(word) is None or word != word.lower()):
            raise ConfigError(f"{place}: {word!r} in `words` must be one word in lower case; use `patterns` for others")
    patterns, unless = _compiled(given, "patterns", place), _compiled(given, "unless", place)
    if not words and patterns is None:
        raise ConfigError(f"{place}: `words` or `patterns` is needed")
    sticky = given.get("sticky", False)
    if not isinstance(sticky, bool):
        raise ConfigError(f"{place}: `sticky` must be true or false")
    hints = frozenset(_texts(given, "hints", place))
    for hint in hints:
        if not _HINT.fullmatch(hint):
            raise ConfigError(f"{place}: {hint!r} in `hints` must be one word of a-z")
    if hints and patterns is not None:
        patterns = msgspec.structs.replace(patterns, hints=hints)
    return TtlRule(name, ttl_class, frozenset(words) if words else None, patterns, unless, sticky)


def _texts(given: Mapping[str, Any], field: str, place: str) -> list[str]:
    texts = given.get(field, [])
    if isinstance(texts, str) or not all(isinstance(text, str) and text for text in texts):
        raise ConfigError(f"{place}: `{field}` must be a list of texts")
    return list(texts)


def _compiled(given: Mapping[str, Any], field: str, place: str) -> Patterns | None:
    texts = _texts(given, field, place)
    groups = 0
    for text in texts:
        try:
            compiled = re.compile(text)
        except re.error as error:
            raise ConfigError(f"{place}: {text!r} in `{field}` is no regular expression: {error}") from error
        if compiled.search("") is not None:
            raise ConfigError(f"{place}: {text!r} in `{field}` matches every prompt")
        groups += compiled.groups
        if _NESTED.search(text):
            raise ConfigError(f"{place}: {text!r} in `{field}` repeats a repetition without bound; bound one: {{0,20}}")
    if not texts:
        return None
    if groups:  # their numbers count, and would change if the alternatives were sorted
        return Patterns(None, _one_of(texts))
    head: list[str] = []
    rest: list[str] = []
    for alternative in (alternative for text in texts for alternative in _alternatives(text)):
        (head if _ANCHORED.match(alternative) else rest).append(alternative)
    return Patterns(_one_of(head), _one_of(rest))


def _one_of(texts: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{text})" for text in texts)) if texts else None


def _alternatives(pattern: str) -> list[str]:
    """The alternatives of a pattern without groups that count; the pattern as a whole where it cannot be told."""
    pieces, depth, start = [], 0, 0
    for found in _SYNTAX.finditer(pattern):
        mark = found[0]
        if mark == "(?#":
            return [pattern]
        if mark == "(":
            depth += 1
        elif mark == ")":
            depth -= 1
        elif mark == "|" and not depth:
            pieces.append(pattern[start : found.start()])
            start = found.end()
    return [*pieces, pattern[start:]]
