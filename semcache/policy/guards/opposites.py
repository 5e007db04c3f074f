"""Antonyms and opposed actions: the one prompt has the one word of a pair, the other prompt the other."""

from __future__ import annotations

from typing import Final

from semcache.policy.guards.forms import stem
from semcache.policy.guards.pair import Difference, Pair

_ACTIONS: Final = 3
"""Stems that two prompts with opposed actions may differ in besides, for the difference to be certain."""
_QUALITIES: Final = 1
_IRREGULAR: Final = frozenset({"better", "worse"})
_OPERANDS: Final = 2
"""Stems that two prompts must share for what they compare to have changed places."""
_UN: Final = "un"
_UNDOING: Final = frozenset(
    {
        "remove",
        "removes",
        "removed",
        "removing",
        "lift",
        "lifting",
        "end",
        "ending",
        "undo",
        "undoing",
        "rid",
        "restore",
    }
    | {"restoring", "release", "releasing", "cancel", "cancelling", "longer", "off", "again"}
)
_DEGREES: Final = frozenset({"more", "less", "fewer", "most", "least", "fewest"})


def _two(pair: Pair, found: list[tuple[str, str, bool]]) -> bool:
    """Whether an action and what it is done to are both other ones: add a row, remove a column.

    Where the one is told by more and less, or something is negated, the two may cancel out: less likely to fail.
    """
    if pair.a.negations.count or pair.b.negations.count or len({action for _, _, action in found}) < 2:
        return False
    return all(action or _DEGREES.isdisjoint((word, other)) for word, other, action in found)


def _undone(pair: Pair, word: str, other: str) -> bool:
    """Whether one undoes what the other calls undone by more words, or tells as how it is: unblock, lift the block."""
    for ours, theirs, reading in ((word, other, pair.b), (other, word, pair.a)):
        if (
            ours.startswith(_UN)
            and not ours.endswith("ed")
            and stem(ours.removeprefix(_UN)) in (stem(theirs), stem(theirs.removesuffix("ed")))
        ):
            return theirs.endswith("ed") or not _UNDOING.isdisjoint(reading.words)
    return False


def _excess(pair: Pair, word: str, other: str) -> bool:
    """Whether one has too much of what the other wants less of: too big, smaller."""
    too = (f"too {word}" in pair.text_a, f"too {other}" in pair.text_b)
    return (too == (True, False) and _compares(other)) or (too == (False, True) and _compares(word))


def _reversed(pair: Pair, opposed: set[str]) -> bool:
    """Whether what is compared has changed places: is A smaller than B, which is larger, B or A."""
    if not all(_compares(word) for word in opposed) or pair.a.names.known.keys() != pair.b.names.known.keys():
        return False
    if "than" not in pair.a.words and "than" not in pair.b.words:
        return False
    shared = pair.a.content.keys() & pair.b.content.keys() - {stem(word) for word in opposed}
    if len(shared) < _OPERANDS:
        return False
    orders = [
        list(dict.fromkeys(told for low in side.tokens.low if (told := stem(low)) in shared))
        for side in (pair.a, pair.b)
    ]
    return any(order.index(its[0]) > order.index(its[-1]) for order, its in (orders, orders[::-1]))


def _compares(word: str) -> bool:
    return word in _DEGREES or word in _IRREGULAR or word.endswith("er")


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
    if _undone(pair, word, other) or _excess(pair, word, other) or _reversed(pair, words | others):
        return False, f"{word} / {other}"
    sure = (
        (turned % 2 == 1 or _two(pair, found))
        and pair.short
        and not pair.swapped
        and pair.close(_ACTIONS if action else _QUALITIES, *words, *others)
    )
    return sure, f"{word} / {other}"
