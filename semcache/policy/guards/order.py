"""The order of words: two prompts of the same content, told in another order around a word that has a direction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from semcache.policy.guards.forms import stem
from semcache.policy.guards.grammar import ARTICLES, DIRECTED, NUMBERED
from semcache.policy.guards.rules import COMMON, QUESTION, Rules

if TYPE_CHECKING:
    from semcache.policy.guards.pair import Difference, Pair
    from semcache.policy.guards.tokens import Tokens

WINDOW: Final = 6
"""Words, prepositions among them, between which two that have changed places are surely operands of each other."""
_FEWEST: Final = 3
"""Words that can stand in another order around one of them."""


def plain(tokens: Tokens) -> list[str]:
    """Words as stems, articles left out, verbs that only number or tense tells apart as one."""
    return [
        NUMBERED.get(word) or (word if flag & COMMON else stem(word))
        for word, flag in zip(tokens.low, tokens.flags, strict=True)
        if word not in ARTICLES
    ]


def joints(rules: Rules) -> frozenset[str]:
    """Words that join operands, whether these may change places or not."""
    return rules.symmetric | rules.asymmetric


def jointed(tokens: Tokens, joining: frozenset[str]) -> list[str]:
    """Stems of what is not common, and the joints between."""
    return [
        word if word in joining else stem(word)
        for word, flag in zip(tokens.low, tokens.flags, strict=True)
        if word in joining or not flag & COMMON
    ]


def window(one: list[str], other: list[str]) -> tuple[int, int]:
    """From where to where two lists differ that are of one length, and not the same."""
    head, end = 0, len(one)
    while one[head] == other[head]:
        head += 1
    while one[end - 1] == other[end - 1]:
        end -= 1
    return head, end


def reordered(pair: Pair) -> Difference | None:
    """Operands on other sides of a joint; certain where nothing but they can have changed places."""
    rules, joining = pair.rules, joints(pair.rules)
    order_a, order_b = jointed(pair.a.tokens, joining), jointed(pair.b.tokens, joining)
    if not _permuted(order_a, order_b) or not rules.mutual.isdisjoint(pair.a.words):
        return None
    head, end = window(order_a, order_b)
    one, other = order_a[head:end], order_b[head:end]
    among = joining.intersection(one)
    if among and among <= rules.symmetric:
        return None  # A and B, B and A
    told = f"{' '.join(one[:WINDOW])} / {' '.join(other[:WINDOW])}"
    if _swung(one, other):
        if _fronted(pair.a.tokens) != _fronted(pair.b.tokens):
            return None  # to whom does she report, who does she report to
        return not among & rules.symmetric, told
    if one[0] == other[-1] and one[-1] == other[0]:
        return _sure(one, among, rules), told
    return None if head == 0 and _halved(one, other) else (False, told)


def _permuted(one: list[str], other: list[str]) -> bool:
    """Whether these are the same words, in another order."""
    return one != other and _FEWEST <= len(one) == len(other) and sorted(one) == sorted(other)


def _swung(one: list[str], other: list[str]) -> bool:
    """Whether all that stands before a directed word has changed places with all that stands behind it."""
    return any(word in DIRECTED and other == [*one[at + 1 :], word, *one[:at]] for at, word in enumerate(one))


def _sure(one: list[str], among: frozenset[str], rules: Rules) -> bool:
    """Whether the first word and the last one, having changed places, are operands of a directed word between them."""
    return (
        bool(among & rules.asymmetric & DIRECTED)
        and len(one) <= WINDOW
        and not among & rules.symmetric
        and not {one[0], one[-1]} & among
    )


def _halved(one: list[str], other: list[str]) -> bool:
    """Whether the halves have changed places: the one clause first, or the other."""
    half = len(other) // 2
    return one == other[half:] + other[:half]


def _fronted(tokens: Tokens) -> bool:
    """Whether a preposition stands before the question's word: to whom, from which."""
    low, flags = tokens.low, tokens.flags
    return any(word in DIRECTED and flags[at + 1] & QUESTION for at, word in enumerate(low[:-1]))
