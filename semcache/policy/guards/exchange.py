"""Two operands that have changed places in a sentence that is otherwise the same to the word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from semcache.policy.guards.forms import stem
from semcache.policy.guards.order import plain, window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from semcache.policy.guards.pair import Pair

_LONGEST: Final = 10
"""Words, from the one operand to the other, within which two that have changed places are looked for."""
_OPERAND: Final = 3
"""Words of an operand."""
_TOGETHER: Final = frozenset({"with", "in", "+", "*", "x", "between", "=", "equals"})
"""Words, beside the symmetric ones, between operands that may change places: rice with chicken."""
_MUTUAL: Final = frozenset(
    map(
        stem, ("dating", "acquaintance", "friend", "partner", "colleague", "sibling", "cousin", "neighbor", "neighbour")
    )
)
"""Stems of what each is of the other: Ann is dating Bob."""
_APART: Final = frozenset({"for", "by", "over", "from", "to", "into", "than", "before", "after", "of", "be", "without"})
"""Words between operands that never may, in a question."""
_OPERATING: Final = frozenset({"for", "by", "over", "from", "to", "into", "before", "after"})
"""The same in an order: substitute A for B, divide A by B."""


def exchanged(pair: Pair) -> str:
    """The operands that have changed places, with what relates them: a verb, or a preposition; "" if none have."""
    plain_a, plain_b = plain(pair.a.tokens), plain(pair.b.tokens)
    if len(plain_a) != len(plain_b) or plain_a == plain_b or not pair.rules.mutual.isdisjoint(pair.a.words):
        return ""
    head, end = window(plain_a, plain_b)
    one, other = plain_a[head:end], plain_b[head:end]
    if len(one) > _LONGEST or any(pair.a.tokens.first[head + 1 : end]):
        return ""
    if any(_relates(pair, plain_a, *parts) for parts in _crossed(one, other)):
        return f"{' '.join(one)} / {' '.join(other)}"
    return ""


def _crossed(one: list[str], other: list[str]) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """Every left, middle and right of the one that are the other with left and right in each other's places."""
    for size in range(1, min(_OPERAND + 1, len(one))):
        for tail in range(1, min(_OPERAND + 1, len(one) - size)):
            left, middle, right = one[:size], one[size : len(one) - tail], one[-tail:]
            if other == right + middle + left:
                yield left, middle, right


def _relates(pair: Pair, order: list[str], left: list[str], middle: list[str], right: list[str]) -> bool:
    """Whether words between two operands tell them apart."""
    content = pair.a.content
    if not (any(word in content for word in left) and any(word in content for word in right)):
        return False
    verbs = [word for word in middle if word in content]
    once = bool(verbs) and all(order.count(word) == 1 for word in verbs)
    if once and len(left) == len(right) == 1 and _opposed(pair, left[0], right[0]):
        return True  # this ascending and that descending; not old cars and new cars
    if not pair.rules.symmetric.isdisjoint(middle) or not _TOGETHER.isdisjoint(middle):
        return False
    if any(word in left or word in right or word in _MUTUAL for word in verbs):
        return False
    if not pair.a.question.kind:
        return not _OPERATING.isdisjoint(middle)  # a definition of it, it of a definition: typed keywords
    return bool(verbs) or not _APART.isdisjoint(middle)


def _opposed(pair: Pair, left: str, right: str) -> bool:
    """Whether two stems of the prompt are of words that are opposites."""
    opposed = pair.rules.opposed
    sides = [opposed.get(pair.a.content.get(one, one), ()) for one in (left, right)]
    return any(one.pair == other.pair and one.left != other.left for one in sides[0] for other in sides[1])
