"""The language of a prompt, and the one that its answer is asked in."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.rules import LANGUAGE, Rules
from semcache.policy.guards.tokens import Tokens

_SCRIPTS: Final = (
    ("kana", re.compile("[\u3040-\u30ff]")),
    ("hangul", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("han", re.compile("[\u4e00-\u9fff\u3400-\u4dbf]")),
    ("cyrillic", re.compile("[\u0400-\u04ff]")),
    ("arabic", re.compile("[\u0600-\u06ff]")),
    ("hebrew", re.compile("[\u0590-\u05ff]")),
    ("devanagari", re.compile("[\u0900-\u097f]")),
    ("bengali", re.compile("[\u0980-\u09ff]")),
    ("tamil", re.compile("[\u0b80-\u0bff]")),
    ("thai", re.compile("[\u0e00-\u0e7f]")),
    ("greek", re.compile("[\u0370-\u03ff]")),
)
_LETTER = re.compile(r"[^\W\d_]")
_SAMPLE: Final = 1000
"""Characters by which the script is told."""
_SHARE: Final = 0.3
"""Of the letters, for a script to be the text's."""
_ENOUGH: Final = 3
"""Frequent words of a language from which on a text may be in it."""


_BEFORE: Final = frozenset({"in", "into", "to", "auf", "en", "på", "po", "em"})
"""Words before the language that something is asked in: in German, auf Deutsch."""
_TARGETS: Final = frozenset({"into", "to"})
_NO_TARGET: Final = frozenset({"next", "original", "originally"})
"""Words before the preposition that make no language of it to answer in: the original in Swahili, next to English."""
_VERB: Final = 8
"""Words before the language among which a verb of answering is looked for."""
_TONGUES: Final = {
    "en": "english",
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "pt": "portuguese",
    "nl": "dutch",
    "sv": "swedish",
    "pl": "polish",
    "tr": "turkish",
    "id": "indonesian",
}
"""Language as the frequent words have it, to its name."""
_PLAIN: Final = frozenset({"en", ""})
_DEFAULT: Final = frozenset({"english"})
"""What a prompt is answered in that asks for no language."""


class Language(msgspec.Struct, frozen=True):
    """What a prompt is written in."""

    script: str = "latin"
    tongue: str = ""
    """`en`, `de` …; empty if the words do not tell."""
    asked: frozenset[str] = frozenset()
    """Languages that something is asked in, or translated into."""
    ordered: frozenset[str] = frozenset()
    """Those of them that a verb of answering asks for."""
    targets: frozenset[str] = frozenset()
    """Those of them that something is to be translated into."""
    named: frozenset[str] = frozenset()
    """All languages that the prompt has a name of."""

    @property
    def english(self) -> bool:
        """Whether the rules for English may be asked."""
        return self.script == "latin" and self.tongue in ("", "en")


_ENGLISH: Final = Language(tongue="en")
_UNKNOWN: Final = Language()


def language(text: str, tokens: Tokens, words: frozenset[str], rules: Rules, *, named: bool) -> Language:
    """Told by script, then by frequent words; `named` if some word is a language's name."""
    script = "latin" if text.isascii() else _script(text[:_SAMPLE])
    tongue = _tongue(words, rules) if script == "latin" else ""
    if named:
        asked, ordered, targets = _asked(tokens, rules)
        about = frozenset([rules.languages[word] for word in words & rules.languages.keys()])
        return Language(script, tongue, asked, ordered, targets, about)
    if script == "latin":
        return _ENGLISH if tongue == "en" else _UNKNOWN if not tongue else Language(tongue=tongue)
    return Language(script, tongue)


def _asked(tokens: Tokens, rules: Rules) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The languages that something is asked in, those that a verb asks for, and those to translate into."""
    low = tokens.low
    asked: set[str] = set()
    ordered: set[str] = set()
    targets: set[str] = set()
    for at, flag in enumerate(tokens.flags):
        if not flag & LANGUAGE or not at or low[at - 1] not in _BEFORE:
            continue
        if at > 1 and low[at - 2] in _NO_TARGET:
            continue
        told = rules.languages[low[at]]
        asked.add(told)
        if low[at - 1] in _TARGETS:
            targets.add(told)
        if not rules.answer_verbs.isdisjoint(low[max(0, at - _VERB) : at]):
            ordered.add(told)
    if targets and len(asked) > len(targets):
        asked &= targets  # a letter in Welsh, put it into Zulu
    return frozenset(asked), frozenset(ordered & asked), frozenset(targets)


def _script(text: str) -> str:
    letters = len(_LETTER.findall(text))
    for name, pattern in _SCRIPTS:
        if len(pattern.findall(text)) > _SHARE * letters:
            return name
    return "latin"


def _tongue(words: frozenset[str], rules: Rules) -> str:
    votes: dict[str, int] = {}
    known = rules.stop_words
    for word in words:
        for tongue in known.get(word, ()):
            votes[tongue] = votes.get(tongue, 0) + 1
    if not votes:
        return ""
    english = votes.get("en", 0)
    best = max(votes, key=lambda tongue: (votes[tongue], tongue))
    if english * 2 >= votes[best]:
        return "en"
    return best if votes[best] >= _ENOUGH else ""


def spoken(pair: Pair) -> Difference | None:
    """Another script or language, or another one asked for."""
    a, b = pair.a.language, pair.b.language
    if a == b:
        return None
    if a.script != b.script:
        return True, f"{a.script} / {b.script}"
    if a.tongue != b.tongue and a.tongue and b.tongue:
        about = any(_TONGUES.get(side.tongue) in side.named for side in (a, b))
        return not about, f"{a.tongue} / {b.tongue}"  # is it der, die or das in German
    if a.asked != b.asked:
        only_a, only_b = a.asked - b.asked, b.asked - a.asked
        apart = bool((only_a and only_b) or (a.named - b.named - _DEFAULT and b.named - a.named - _DEFAULT))
        sure = apart or bool(_ordered(a, b) or _ordered(b, a))
        return sure, f"in {min(only_a, default='any')} / in {min(only_b, default='any')}"
    return None


def _ordered(asked: Language, other: Language) -> frozenset[str]:
    """The languages that the one is to be answered in for certain, and that the other has no word of.

    English, which an English prompt is answered in anyway, is one only if something is to be translated into it, or
    the other asks for one that this one does not ask for.
    """
    new = (asked.ordered - other.asked) - other.named
    if other.tongue in _PLAIN and other.asked <= asked.asked and asked.targets.isdisjoint(_DEFAULT):
        new -= _DEFAULT
    return new
