"""Direction and the order of operands: from A to B, A before B, more A than B; who does it, and to whom."""

from __future__ import annotations

from typing import Final

from semcache.policy.guards import voice
from semcache.policy.guards.exchange import exchanged
from semcache.policy.guards.order import reordered
from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.relations import turned

_CLOSE: Final = 3
"""Stems that two prompts with swapped operands may differ in besides, for the difference to be certain."""
_LISTED: Final = frozenset({"and", "or"})
"""Told apart where things are ordered, not asked about: list what is red and round."""


def direction(pair: Pair) -> Difference | None:
    """Operands that have changed places."""
    if not pair.swapped:
        return _unmarked(pair)
    if pair.swapped == "than" and turned(pair):
        return None
    one, other = pair.a.relations.sides[pair.swapped]
    detail = f"{pair.swapped}: {' '.join(sorted(one))} / {' '.join(sorted(other))}, and the other way round"
    return pair.close(_CLOSE), detail


def _unmarked(pair: Pair) -> Difference | None:
    """Another joint or voice, or the same words in another order, where no relation tells of it."""
    told = _replaced(pair) or voice.undergone(pair)
    if told:
        return True, told
    if pair.a.content.keys() != pair.b.content.keys():
        return None
    told = exchanged(pair) or voice.subject(pair)
    if told:
        return True, told
    if not voice.turned(pair):
        return reordered(pair)
    told = voice.same_places(pair)
    return (True, told) if told else None


def _replaced(pair: Pair) -> str:
    """A preposition, or `and`, in the place of another one that is never the same; "" if there is none."""
    words = pair.replaced
    if words is None:
        return ""
    both = frozenset(words)
    listed = both == _LISTED and not pair.a.question.kind
    return f"{words[0]} / {words[1]}" if listed or both in pair.rules.joints_apart else ""
