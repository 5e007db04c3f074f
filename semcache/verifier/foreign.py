"""Whether two prompts of another language than English differ in a word: then the verifier must not judge them. Pure.

Its tokens are pieces of English words. What it makes of others by their pieces serves "switch on" for "switch off",
and "before the meal" for "after" it, in any language but its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from semcache.policy.english import ENGLISH_WORDS, FOREIGN_WORDS
from semcache.policy.repeats import Repeat, repeat

_WORD: Final = re.compile(r"[^\W\d_]+")
_SHARE: Final = 0.5
"""Of the words, that no English dictionary has."""
_MORE: Final = (
    "bei|nach|oder|wenn|zum|zur|muss|darf|sich|faccio|posso|dove|quando|puis|puedo|debo|antes|después|cuándo|dónde|"
    "qual|mais|depois|jag|är|ik|mijn|saya|bagaimana"
)
_TELLING: Final = (FOREIGN_WORDS | frozenset(_MORE.split("|"))) - frozenset(
    {"come", "como", "los", "las", "para", "pero", "che"}
)
"""Frequent words of other languages that English texts do not have: Los Angeles, Las Vegas, Che."""
_ENGLISH: Final = ENGLISH_WORDS - frozenset({"was", "do", "to", "by", "of", "for"})
"""Frequent words of English that others do not have."""
_SAMPLE: Final = 2000
"""Characters by which a language is told."""
_NEGATING: Final = (
    "nicht|kein|keine|keinen|keiner|nie|niemals|ohne|pas|jamais|sans|non|senza|no|nunca|sin|não|sem|niet|geen|"
    "nooit|zonder|inte|aldrig|utan|ikke|uden|nie|bez|ne|není|nelze|не|нет|нельзя|без|ні|немає|δεν|χωρίς|değil|tidak|"
    "bukan|tanpa|không|لا|ليس|بدون"
)
_NEGATORS: Final = frozenset(_NEGATING.split("|"))

_REPEATS: Final = frozenset({Repeat.CLOSE, Repeat.SURE, Repeat.SAME})
"""What is less surely a slip may be another word, where neither is known."""


def differs(a: str, b: str, known: Collection[str]) -> bool:
    """Whether both are of another language and each has a word that no word of the other's alone begins alike.

    So a stem may take another ending, and a word may be left out, but for one that negates. Near repeats do not differ.
    `known`: English words, lower-case. Symmetric.
    """
    if not (_is_foreign(a, known) and _is_foreign(b, known)):
        return False
    one, other = _words(a), _words(b)
    only_a, only_b = one - other, other - one
    if not only_a and not only_b:
        return False
    names = _capitals(a) | _capitals(b)
    exchanged = _is_new(only_a, only_b, names) and _is_new(only_b, only_a, names)
    negated = _NEGATORS.isdisjoint(one) != _NEGATORS.isdisjoint(other)
    if not exchanged and not negated:
        return False
    again = repeat(a, b, known)
    return again not in _REPEATS and not (again is Repeat.LIKELY and _may_be_english(one) and _may_be_english(other))


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def _is_foreign(text: str, known: Collection[str]) -> bool:
    """Whether its small words are more of another language, or it has none and half of the others are not English."""
    words = _WORD.findall(text[:_SAMPLE])
    low = [word.lower() for word in words]
    if telling := sum(word in _TELLING for word in low):
        return telling > sum(word in _ENGLISH for word in low)
    if not ENGLISH_WORDS.isdisjoint(low):
        return False
    long = [word for word in words if len(word) > 2 or not word.isascii()]
    plain = [word for word in long if word.islower()]
    if plain and all(word in known for word in plain):
        return False  # the others are names
    return bool(long) and sum(word.lower() not in known for word in long) >= _SHARE * len(long)


def _may_be_english(words: Collection[str]) -> bool:
    return all(map(str.isascii, words)) and (_TELLING.isdisjoint(words) or not _ENGLISH.isdisjoint(words))


def _capitals(text: str) -> frozenset[str]:
    """Words with a capital inside the text: names, mostly, and all of German's nouns."""
    return frozenset(found[0].lower() for found in _WORD.finditer(text) if found.start() and found[0][0].isupper())


def _is_new(words: Collection[str], others: Collection[str], names: Collection[str]) -> bool:
    """Whether one of the words begins like none of the others."""
    return any(not any(_alike(word, its, word in names and its in names) for its in others) for word in words)


def _alike(one: str, other: str, name: bool) -> bool:
    """Whether two words may be forms of one: by two thirds of the shorter, of names by three quarters of the longer."""
    shared = next((at for at, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), min(len(one), len(other)))
    if name:
        return shared * 4 >= max(len(one), len(other)) * 3
    return shared >= 2 and shared * 3 >= min(len(one), len(other)) * 2
