"""Operands of directed words: from A to B, A before B, more A than B, A causes B; and those that have changed sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from semcache.policy.guards.forms import stem
from semcache.policy.guards.grammar import DIRECTED, TO
from semcache.policy.guards.rules import COMMON, NEGATOR, NUMBER, QUESTION, Rules
from semcache.policy.guards.tokens import Tokens

if TYPE_CHECKING:
    from semcache.policy.guards.pair import Pair

_REACH: Final = 4
"""Words on either side of a directed word among which its operand stands."""
_STOPS: Final = DIRECTED | {"and", "or", "by", "on", "in", "with", "for", "via", "using", "at", "when", "if"}
_LEADING: Final = {**dict.fromkeys(("lead", "leads", "led"), "to"), **dict.fromkeys(("result", "results"), "in")}
"""Verbs that cause with a preposition behind them alone."""
_CAUSING: Final = {"cause", "causes", "caused", "causing", "trigger", "triggers", "triggered"} | _LEADING.keys()

_LEAVING: Final = frozenset(
    ["leave", "leaves", "leaving", "depart", "departs", "departing", "originate", "originates", "originating"]
)
_REACHING: Final = frozenset(
    ["arrive", "arrives", "arriving", "land", "lands", "landing", "reach", "reaches", "reaching"]
)
_AT: Final = frozenset({"in", "at"})
_EXTENT: Final = frozenset({"far", "long", "distance", "difference", "time", "hours", "miles"})
"""What is between two places is the same either way."""

_ACTING: Final = frozenset({"know", "do", "take", "tell", "find", "say", "see"})
"""Verbs behind a `to` that leads nowhere: wants to know."""
_BEST: Final = "best"

_Sides: TypeAlias = dict[str, tuple[set[str], set[str]]]
"""Relation to the operands on its one and on its other side, while they are gathered."""


class Relations(msgspec.Struct, frozen=True):
    """Operands of directed words: for each relation, what stands on its one and on its other side."""

    sides: dict[str, tuple[frozenset[str], frozenset[str]]]


NONE: Final = Relations({})


def relations(tokens: Tokens, words: frozenset[str], rules: Rules) -> Relations:
    """Relations of a prompt; most have none."""
    causing = not words.isdisjoint(_CAUSING)
    travelling = not words.isdisjoint(rules.searched)
    between = travelling and "between" in words and words.isdisjoint(_EXTENT)
    if not causing and not travelling and words.isdisjoint(DIRECTED):
        return NONE
    found: _Sides = {}
    source, target = _directed(tokens, rules, found)
    if travelling:
        _travelled(tokens, source, target)
    if between:
        _between(tokens, found)
    if causing:
        _causes(tokens, found)
    if source or target:
        found["way"] = source, target
    return Relations({name: (frozenset(one), frozenset(other)) for name, (one, other) in found.items()})


def _directed(tokens: Tokens, rules: Rules, found: _Sides) -> tuple[set[str], set[str]]:
    """Operands of prepositions and conjunctions, before and behind them; of a way, whence and where it leads."""
    low = tokens.low
    source: set[str] = set()
    target: set[str] = set()
    before_to: set[str] = set()
    for at, word in enumerate(low):
        if word not in DIRECTED or (at and low[at - 1] in rules.mutual) or _leads_nowhere(tokens, at):
            continue
        right = _right(tokens, at)
        if word == "from":
            source |= right
        elif word in TO:
            target |= right
            before_to |= _left(tokens, at)
        elif word == "after":
            _add(found, "time", right, _left(tokens, _measured(tokens, at, rules)))
        elif word == "before":
            _add(found, "time", _left(tokens, _measured(tokens, at, rules)), right)
        else:
            _add(found, word, _left(tokens, at), right)
    return (source or before_to) if target else source, target


def _leads_nowhere(tokens: Tokens, at: int) -> bool:
    """Whether it relates nothing to anything: what to take, things to have, the best before date."""
    word, before, behind = tokens.low[at], tokens.low[at - 1 : at], tokens.low[at + 1 : at + 2]
    if word == "before":
        return before == [_BEST]
    return word == "to" and (
        (bool(behind) and behind[0] in _ACTING) or (bool(before) and bool(tokens.flags[at - 1] & QUESTION))
    )


def _measured(tokens: Tokens, at: int, rules: Rules) -> int:
    """Where the operand before `after` ends: ahead of how long after it is, as in 60 days after."""
    if at > 1 and tokens.low[at - 1] in rules.units and (tokens.kind[at - 2] == "n" or tokens.flags[at - 2] & NUMBER):
        return at - 2
    return at


def _travelled(tokens: Tokens, source: set[str], target: set[str]) -> None:
    """More of whence and where a way leads, by verbs: leaving Rome and arriving in Oslo."""
    low = tokens.low
    for at, word in enumerate(low):
        if word in _LEAVING or word in _REACHING:
            behind = at + 1 if low[at + 1 : at + 2] and low[at + 1] in _AT else at
            (source if word in _LEAVING else target).update(_right(tokens, behind))


def _between(tokens: Tokens, found: _Sides) -> None:
    """A way told by its ends alone: flights between Rome and Oslo."""
    low = tokens.low
    at = low.index("between")
    if "and" in low[at + 2 : at + 2 + _REACH]:
        _add(found, "between", _right(tokens, at), _right(tokens, low.index("and", at)))


def _causes(tokens: Tokens, found: _Sides) -> None:
    """What causes, and what is caused: A causes B, B is caused by A."""
    low = tokens.low
    for at, word in enumerate(low):
        if word not in _CAUSING:
            continue
        after = low[at + 1] if at + 1 < len(low) else ""
        if word in _LEADING and after != _LEADING[word]:
            continue
        done = after == "by"
        left, right = _left(tokens, at), _right(tokens, at + 1 if done or word in _LEADING else at)
        _add(found, "cause", *((right, left) if done else (left, right)))


def _add(found: _Sides, name: str, one: set[str], other: set[str]) -> None:
    """More operands on either side of a relation."""
    ones, others = found.setdefault(name, (set(), set()))
    ones |= one
    others |= other


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
    for name in sides_a.keys() & sides_b.keys() - {"between"}:
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
    return _back(sides_a, sides_b)


def _back(
    sides_a: dict[str, tuple[frozenset[str], frozenset[str]]], sides_b: dict[str, tuple[frozenset[str], frozenset[str]]]
) -> str:
    """The relation of `a`, if one goes from A to B and the other asks between B and A; "" if not.

    Who asks so names the origin first: of 75 labelled pairs of flights none deserves one answer. Where both ask
    between, the order may be chance.
    """
    for name, other in (("way", "between"), ("between", "way")):
        if name in sides_a and other in sides_b and ("between" in sides_a) != ("between" in sides_b):
            (one_a, other_a), (one_b, other_b) = sides_a[name], sides_b[other]
            if one_a & other_b and other_a & one_b and not (one_a & one_b or other_a & other_b):
                return name
    return ""


def turned(pair: Pair) -> bool:
    """Whether an opposite word turns the order round again: A better than B, B worse than A."""
    sides_a, sides_b = pair.a.sides, pair.b.sides
    return any(
        (number, not left) in sides_b and (number, not left) not in sides_a and (number, left) not in sides_b
        for number, left in sides_a
    )
