"""Direction and the order of operands: from A to B, A before B, more A than B."""

from __future__ import annotations

from typing import Final

import msgspec

from semcache.policy.guards.forms import stem
from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.rules import COMMON, NEGATOR, QUESTION, Rules
from semcache.policy.guards.tokens import Tokens

_REACH: Final = 4
"""Words on either side of a preposition among which its operand stands."""
_BE: Final = frozenset({"is", "are", "was", "were", "be", "been", "being", "get", "gets", "got"})
_WINDOW: Final = 6
"""Words, prepositions among them, between which two that have changed places are surely operands of each other."""
_TO: Final = frozenset({"to", "into", "onto", "towards", "toward"})
_ASKED: Final = frozenset({"from", "to", "into", "than", "before", "after", "minus", "onto", "towards", "toward"})
_SIDES: Final = frozenset({"minus", "than"})
_STOPS: Final = _ASKED | {"and", "or", "by", "on", "in", "with", "for", "via", "using", "at", "when", "if"}


class Relations(msgspec.Struct, frozen=True):
    """Operands of directed words: for each relation, what stands on its one and on its other side."""

    sides: dict[str, tuple[frozenset[str], frozenset[str]]]


NONE: Final = Relations({})


def relations(tokens: Tokens, words: frozenset[str], rules: Rules) -> Relations:
    """Relations of a prompt; most have none."""
    if words.isdisjoint(_ASKED):
        return NONE
    low = tokens.low
    source: set[str] = set()
    target: set[str] = set()
    left_of_to: set[str] = set()
    others: dict[str, tuple[set[str], set[str]]] = {}
    for at, word in enumerate(low):
        if word not in _ASKED:
            continue
        if at and low[at - 1] in rules.mutual:
            continue
        right = _right(tokens, at)
        if word == "from":
            source |= right
        elif word in _TO:
            target |= right
            left_of_to |= _left(tokens, at)
        elif word == "before":
            earlier, later = others.setdefault("time", (set(), set()))
            earlier |= _left(tokens, at)
            later |= right
        elif word == "after":
            earlier, later = others.setdefault("time", (set(), set()))
            earlier |= right
            later |= _left(tokens, at)
        else:
            one, other = others.setdefault(word, (set(), set()))
            one |= _left(tokens, at)
            other |= right
    sides = {name: (frozenset(one), frozenset(other)) for name, (one, other) in others.items()}
    if target and (source or left_of_to):
        sides["way"] = (frozenset(source or left_of_to), frozenset(target))
    elif source:
        sides["way"] = (frozenset(source), frozenset())
    return Relations(sides)


def _operand(tokens: Tokens, at: int) -> bool:
    return tokens.kind[at] != "o" and not tokens.flags[at] & (COMMON | NEGATOR | QUESTION)


def _right(tokens: Tokens, at: int) -> set[str]:
    found: set[str] = set()
    for place in range(at + 1, min(at + 1 + _REACH, len(tokens.low))):
        if tokens.low[place] in _STOPS or tokens.first[place]:
            break
        if _operand(tokens, place):
            found.add(stem(tokens.low[place]))
    return found


def _left(tokens: Tokens, at: int) -> set[str]:
    found: set[str] = set()
    for place in range(at - 1, max(at - 1 - _REACH, -1), -1):
        if tokens.low[place] in _STOPS:
            break
        if _operand(tokens, place):
            found.add(stem(tokens.low[place]))
        if tokens.first[place]:
            break
    return found


def swapped(pair: Pair) -> str:
    """The relation whose operands have changed places; "" if none has."""
    sides_a, sides_b = pair.a.relations.sides, pair.b.relations.sides
    for name in sides_a.keys() & sides_b.keys():
        (one_a, other_a), (one_b, other_b) = sides_a[name], sides_b[name]
        crossed = one_a & other_b, other_a & one_b
        if len(crossed[0]) + len(crossed[1]) <= len(one_a & one_b) + len(other_a & other_b):
            continue
        if all(crossed) or (name == "time" and any(crossed)):
            return name
        if (
            name == "way"
            and ((one_a == other_b and not other_a) or (other_a == one_b and not other_b))
            and pair.close(0)
        ):
            return name  # from A, and to A
    return ""


def turned(pair: Pair) -> bool:
    """Whether an opposite word turns the order round again: A better than B, B worse than A."""
    sides_a, sides_b = pair.a.sides, pair.b.sides
    return any(
        (number, not left) in sides_b and (number, not left) not in sides_a and (number, left) not in sides_b
        for number, left in sides_a
    )


def direction(pair: Pair) -> Difference | None:
    """Operands that have changed places."""
    name = pair.swapped
    if name == "than" and turned(pair):
        return None
    if name:
        one, other = pair.a.relations.sides[name]
        detail = f"{name}: {' '.join(sorted(one))} / {' '.join(sorted(other))}, and the other way round"
        return pair.close(3), detail
    return _permuted(pair)


def _permuted(pair: Pair) -> Difference | None:
    """The same words in another order, around a word that has a direction."""
    if pair.a.content.keys() != pair.b.content.keys():
        return None
    joints = pair.rules.symmetric | pair.rules.asymmetric
    order_a, order_b = _order(pair.a.tokens, joints), _order(pair.b.tokens, joints)
    passive_a, passive_b = _passive(pair.a.tokens), _passive(pair.b.tokens)
    if bool(passive_a) != bool(passive_b):
        if (passive_a or passive_b) in pair.a.words & pair.b.words:
            return None
        plain_a, plain_b = ([word for word in order if word not in joints] for order in (order_a, order_b))
        if plain_a == plain_b and len(plain_a) <= _WINDOW:
            return True, f"{' '.join(plain_a)}: active / passive"
        return None
    if order_a == order_b or not 2 < len(order_a) == len(order_b) or sorted(order_a) != sorted(order_b):
        return None
    head = 0
    while order_a[head] == order_b[head]:
        head += 1
    tail = 0
    while order_a[-1 - tail] == order_b[-1 - tail]:
        tail += 1
    window_a, window_b = order_a[head : len(order_a) - tail], order_b[head : len(order_b) - tail]
    joints &= set(window_a)
    if not pair.rules.mutual.isdisjoint(pair.a.words):
        return None
    if not joints - pair.rules.symmetric and joints:
        return None  # A and B, B and A
    for at, word in enumerate(window_a):
        if word in _ASKED and window_b == [*window_a[at + 1 :], word, *window_a[:at]]:
            return not joints & pair.rules.symmetric, f"{' '.join(window_a[:6])} / {' '.join(window_b[:6])}"
    if window_a[0] == window_b[-1] and window_a[-1] == window_b[0]:
        sure = (
            bool(joints & pair.rules.asymmetric & _ASKED)
            and len(window_a) <= _WINDOW
            and not joints & pair.rules.symmetric
            and not {window_a[0], window_a[-1]} & joints
        )
        return sure, f"{' '.join(window_a[:6])} / {' '.join(window_b[:6])}"
    turned = window_a == window_b[len(window_b) // 2 :] + window_b[: len(window_b) // 2]
    if turned and head == 0:
        return None
    return False, f"{' '.join(window_a[:6])} / {' '.join(window_b[:6])}"


def _passive(tokens: Tokens) -> str:
    """The verb of what is done by somebody: attacked by; "" if nothing is."""
    low = tokens.low
    if "by" not in low:
        return ""
    at = low.index("by")
    return low[at - 1] if at and low[at - 1].endswith(("ed", "en")) and not _BE.isdisjoint(low[:at]) else ""


def _order(tokens: Tokens, joints: frozenset[str]) -> list[str]:
    return [
        word if word in joints else stem(word)
        for word, flag in zip(tokens.low, tokens.flags, strict=True)
        if word in joints or not flag & COMMON
    ]
