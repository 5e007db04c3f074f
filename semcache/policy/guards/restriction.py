"""What narrows a search, or which attribute of what is found is asked for, where only one prompt has it.

Flights, and flights that are nonstop; the flights, and their fares. Of searches alone: elsewhere people ask for "the
easiest way to" and mean any way: of 130 pairs of Quora questions with a superlative on one side alone 94 ask the same.
"""

from __future__ import annotations

from typing import Final

import msgspec

from semcache.policy.guards.forms import stem
from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.rules import Rules
from semcache.policy.guards.tokens import Tokens

_CLOSE: Final = 4
"""Stems that two searches may differ in besides, for the difference to be certain: list, show, I would like."""
_PRICE: Final = "price"
_CHEAPEST: Final = "cheapest"
_BEFORE_NONE: Final = frozenset({"good", "all"})
"""Good morning says no more of the flight than hello does, nor does all night."""
_ONE: Final = (["a"], ["an"])
_BESIDE: Final = 3
_BESIDE_PRICE: Final = frozenset({"with", "no"})
"""Words behind which a price is no more than told beside: flights with economy fares, at no extra cost."""


class Search(msgspec.Struct, frozen=True):
    """What a prompt searches for, and how narrowly."""

    kinds: frozenset[str] = frozenset()
    """As in the table `searched`; empty for what is no search."""
    narrowed: dict[str, tuple[str, ...]] = {}
    """Restriction, as in the table `restrictions`, to its words in the prompt."""


NONE: Final = Search()


def search(tokens: Tokens, words: frozenset[str], rules: Rules) -> Search:
    """The restrictions of a prompt; most search for nothing that the table has."""
    searched = rules.searched
    kinds = frozenset([searched[word] for word in words & searched.keys()])
    return Search(kinds, _narrowed(tokens.low, rules)) if kinds else NONE


def _narrowed(low: list[str], rules: Rules) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    end = 0
    for at, word in enumerate(low):
        if at < end or word not in rules.restrictions or (at and low[at - 1] in _BEFORE_NONE):
            continue
        for phrase, kind in rules.restrictions[word]:
            if tuple(low[at : at + len(phrase)]) == phrase:
                end = at + len(phrase)
                if kind != _PRICE or _BESIDE_PRICE.isdisjoint(low[max(0, at - _BESIDE) : at]):
                    found.setdefault(kind, phrase)
                break
    return found


def narrowed(pair: Pair) -> Difference | None:
    """Restrictions of two searches that only one of them has; certain where little else differs."""
    a, b = pair.a.search, pair.b.search
    if a.narrowed.keys() == b.narrowed.keys() or a.kinds.isdisjoint(b.kinds):
        return None
    only = {
        kind: words for kind, words in (a.narrowed | b.narrowed).items() if (kind in a.narrowed) != (kind in b.narrowed)
    }
    if not _sides(pair, (_CHEAPEST,)).isdisjoint(pair.a.sides.keys() & pair.b.sides.keys()):
        only.pop(_PRICE, None)  # the cheapest flight, the cheapest fare
    only = {kind: words for kind, words in only.items() if _is_new(pair, words)}
    if not only:
        return None
    one, other = (", ".join(kind for kind in only if kind in side.narrowed) or "any" for side in (a, b))
    sure = not all(_is_restated(pair, kind) for kind in only)
    return sure and pair.close(_CLOSE, *(word for words in only.values() for word in words)), f"{one} / {other}"


def _is_restated(pair: Pair, kind: str) -> bool:
    """Whether the prompt without the restriction may tell it by other words; the price by asking what a taxi is."""
    other = pair.b if kind in pair.a.search.narrowed else pair.a
    if not pair.rules.restated.get(kind, frozenset()).isdisjoint(other.words):
        return True
    if kind != _PRICE:
        return False
    low = [word for word in other.tokens.low if word != "is"]
    return any(word == "what" and low[at + 1 : at + 2] in _ONE for at, word in enumerate(low))


def _is_new(pair: Pair, phrase: tuple[str, ...]) -> bool:
    """Whether the phrase is neither in the other prompt with a slip, nor in another form: cheapest, cheap."""
    if not _sides(pair, phrase).isdisjoint(pair.a.sides.keys() & pair.b.sides.keys()):
        return False
    told = [stem(word) for word in phrase]
    first = next((word for word in told if word in pair.a.content or word in pair.b.content), "")
    return not first or first in pair.only[0] or first in pair.only[1]


def _sides(pair: Pair, phrase: tuple[str, ...]) -> frozenset[tuple[int, bool]]:
    """The sides of opposites that the phrase is on."""
    return frozenset([(side.pair, side.left) for word in phrase for side in pair.rules.opposed.get(word, ())])
