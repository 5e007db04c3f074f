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
_WORDS: Final = 60
_ENOUGH: Final = 3
"""Frequent words of a language from which on a text may be in it."""


class Language(msgspec.Struct, frozen=True):
    """What a prompt is written in."""

    script: str = "latin"
    tongue: str = ""
    """`en`, `de` …; empty if the words do not tell."""
    asked: frozenset[str] = frozenset()
    """Languages that something is asked in, or translated into."""
    ordered: bool = False
    """Whether a verb of answering asks for it."""

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
    asked: set[str] = set()
    ordered = False
    low = tokens.low
    for at, flag in enumerate(tokens.flags) if named else ():
        if flag & LANGUAGE and at and low[at - 1] in ("in", "into", "to"):
            asked.add(rules.languages[low[at]])
            ordered = ordered or not rules.answer_verbs.isdisjoint(low[max(0, at - 8) : at])
    if not asked and script == "latin":
        return _ENGLISH if tongue == "en" else _UNKNOWN if not tongue else Language(tongue=tongue)
    return Language(script, tongue, frozenset(asked), ordered)


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
        return True, f"{a.tongue} / {b.tongue}"
    if a.asked != b.asked:
        only_a, only_b = a.asked - b.asked, b.asked - a.asked
        sure = bool(only_a and only_b) or (a.ordered or b.ordered)
        return sure, f"in {min(only_a, default='any')} / in {min(only_b, default='any')}"
    return None
