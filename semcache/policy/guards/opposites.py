"""Antonyms and opposed actions: the one prompt has the one word of a pair, the other prompt the other."""

from __future__ import annotations

from typing import Final

from semcache.policy.guards.pair import Difference, Pair

_ACTIONS: Final = 3
"""Stems that two prompts with opposed actions may differ in besides, for the difference to be certain."""
_QUALITIES: Final = 1
_DEGREES: Final = frozenset({"more", "less", "fewer", "most", "least", "fewest"})


def _two(pair: Pair, found: list[tuple[str, str, bool]]) -> bool:
    """Whether an action and what it is done to are both other ones: add a row, remove a column.

    Where the one is told by more and less, or something is negated, the two may cancel out: less likely to fail.
    """
    if pair.a.negations.count or pair.b.negations.count or len({action for _, _, action in found}) < 2:
        return False
    return all(action or _DEGREES.isdisjoint((word, other)) for word, other, action in found)


def antonym(pair: Pair) -> Difference | None:
    """Opposed words, certain where little else differs and nothing turns the opposition round."""
    sides_a, sides_b = pair.a.sides, pair.b.sides
    if not sides_a or not sides_b or sides_a.keys() == sides_b.keys():
        return None
    if pair.swapped == "than":
        return None  # A better than B, B worse than A
    found: list[tuple[str, str, bool]] = []
    for (number, left), (word, action) in sides_a.items():
        opposite = (number, not left)
        if opposite not in sides_b or opposite in sides_a or (number, left) in sides_b:
            continue
        found.append((word, sides_b[opposite][0], action))
    if not found:
        return None
    words, others = {word for word, _, _ in found}, {other for _, other, _ in found}
    turned = min(len(words), len(others)) + pair.a.negations.count - pair.b.negations.count
    word, other, action = max(found, key=lambda one: one[2])
    sure = (
        (turned % 2 == 1 or _two(pair, found))
        and pair.short
        and not pair.swapped
        and pair.close(_ACTIONS if action else _QUALITIES, *words, *others)
    )
    return sure, f"{word} / {other}"
