"""Negation: whether a question is turned round, by a word of its own or by a prefix."""

from __future__ import annotations

from typing import Final

import msgspec

from semcache.policy.guards.modality import turned_round
from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.rules import NEGATOR, Rules
from semcache.policy.guards.tokens import Tokens

_OPENING_WORDS: Final = "why is are was were can could should would will does did has have am"
_OPENING: Final = frozenset(_OPENING_WORDS.split())
_SHORTEST: Final = 4
"""Letters of a word that a prefix may stand before."""
_MOST: Final = 30


class Negations(msgspec.Struct, frozen=True):
    """The negating words of a prompt."""

    count: int = 0
    rhetorical: bool = False
    """Whether the negator belongs to the question's form: can't I, isn't it, why not."""
    shown: str = ""


def negations(tokens: Tokens, rules: Rules) -> Negations:
    """Count what negates, without phrases that negate nothing in the question."""
    low, flags = tokens.low, tokens.flags
    count = 0
    rhetorical = False
    shown = ""
    for at, flag in enumerate(flags):
        if not flag & NEGATOR:
            continue
        word = low[at] if low[at] != "n't" else "not"
        before = low[at - 1] if at else ""
        after = low[at + 1] if at + 1 < len(low) else ""
        then = low[at + 2] if at + 2 < len(low) else ""
        neutral = rules.neutral_negations
        if (word, after) in neutral or (before, word) in neutral or (word, after, then) in neutral:
            continue
        if before == "why" and low[max(0, at - 2)] == "or":
            continue  # why or why not
        if word == "no" and (not after or tokens.kind[at + 1] == "n"):
            continue
        if at == 1 and word == "not" and before in _OPENING:
            rhetorical = True
        count += 1
        shown = shown or word
    return Negations(count, rhetorical, shown)


def negation(pair: Pair) -> Difference | None:
    """Whether one prompt is turned round an odd number of times more than the other."""
    a, b = pair.a.negations, pair.b.negations
    odd = (a.count - b.count) % 2 == 1
    turned, words = _turned(pair)
    if turned % 2 == 1:
        odd = not odd
    if not odd:
        return None
    shared = not pair.a.content.keys().isdisjoint(pair.b.content.keys()) or bool(words)
    sure = (
        shared
        and pair.short
        and pair.a.question.kind == pair.b.question.kind
        and not (a.rhetorical or b.rhetorical)
        and not turned_round(pair)
        and pair.close(0, *words)
    )
    shown_a = a.shown if a.count % 2 else words[0] if words else "no negation"
    shown_b = b.shown if b.count % 2 else words[-1] if words else "no negation"
    return sure, f"{shown_a} / {shown_b}"


def _turned(pair: Pair) -> tuple[int, list[str]]:
    """How many words of the one prompt stand with a negative prefix in the other, and which."""
    if not pair.a.language.english or not pair.b.language.english:
        return 0, []
    only_a, only_b = pair.a.words - pair.b.words, pair.b.words - pair.a.words
    if not only_a or not only_b or len(only_a) > _MOST or len(only_b) > _MOST:
        return 0, []
    found = []
    for one, other in ((only_a, only_b), (only_b, only_a)):
        for word in one:
            if len(word) >= _SHORTEST + 2 and word.startswith(pair.rules.negative_prefixes):
                for prefix in pair.rules.negative_prefixes:
                    rest = word.removeprefix(prefix)
                    if (
                        len(rest) < len(word)
                        and len(rest) >= _SHORTEST
                        and rest in other
                        and not (f"{prefix} {rest}" in pair.text_a or f"{prefix} {rest}" in pair.text_b)
                    ):
                        found += [word, rest]
                        break
    return len(found) // 2, found
