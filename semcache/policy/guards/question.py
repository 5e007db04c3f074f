"""What a question asks for: a reason, a time, a place, a number, a way."""

from __future__ import annotations

from typing import Final

import msgspec

from semcache.policy.guards.grammar import AUXILIARIES, BE
from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.rules import QUESTION, Rules
from semcache.policy.guards.tokens import Tokens

_AHEAD: Final = 4
_EARLY: Final = 25
"""Words at the begin, and at the end, among which questions are looked for."""
_BEFORE_WHEN: Final = frozenset({"and", "tell", "know", "me", "until", "till", "since", "by", "from"})
_OPENING: Final = frozenset(["how", "why", "when", "where", "who", "how many", "how much"])
_LASTING: Final = frozenset({"how long", "how many"})
_TAKING: Final = frozenset({"take", "takes"})
_SPANS: Final = frozenset({"minutes", "hours", "days", "weeks", "months", "years"})
_ALIKE: Final = 2
"""Stems that the question for a limit may differ in from the one for a duration: receive, request."""
_PLACES: Final = frozenset({"in", "inside", "on", "under", "at", "near", "behind", "above", "below"})


class Question(msgspec.Struct, frozen=True):
    """What a prompt asks for."""

    kind: str = ""
    """Of the first question; `yes` for one that yes or no answers; empty if nothing is asked."""
    kinds: frozenset[str] = frozenset()
    """Of all of them."""
    manner: bool = False
    """Whether the first one is surely for a way: how to, how do I; not a slip in another one: how lnog."""


NONE: Final = Question()


def question(tokens: Tokens, rules: Rules) -> Question:
    """The prompt's questions, looked for among its first words and its last."""
    low, flags = tokens.low, tokens.flags
    if not low:
        return NONE
    size = len(low)
    places = range(size) if size <= 2 * _EARLY else (*range(_EARLY), *range(size - _EARLY, size))
    kinds = [kind for at in places if flags[at] & QUESTION and (kind := _kind(low, at, rules))]
    if low[0] in AUXILIARIES:
        kinds.insert(0, "yes")
    if not kinds:
        return NONE
    return Question(kinds[0], frozenset(kinds), kinds[0] == "how" and _manner(low))


def _kind(low: list[str], at: int, rules: Rules) -> str:
    kind = rules.questions[low[at]]
    following = low[at + 1 : at + 1 + _AHEAD]
    if kind == "how":
        return rules.how.get(following[0], "how") if following else "how"
    if kind == "what":
        for word in following:
            if word in rules.what and (word not in ("for", "if") or word == following[0]):
                return rules.what[word]
        return "what"
    if kind == "when" and at > 0 and low[at - 1] not in _BEFORE_WHEN:
        return ""  # when I ...: a clause, not the question
    return kind


def _inside(pair: Pair) -> bool:
    """Whether one asks what is at a place, and the other where that place is."""
    low = (pair.a if pair.a.question.kind == "what" else pair.b).tokens.low
    return any(
        word == "what" and low[at + 1] in BE and low[at + 2] in _PLACES
        for at, word in enumerate(low[: max(0, len(low) - 3)])
    )


def _way(pair: Pair, a: str, b: str) -> Difference | None:
    """How one does it, and how often or for how long: certain, or nothing is said."""
    manner = pair.a.question.manner or pair.b.question.manner
    several = a in pair.b.question.kinds or b in pair.a.question.kinds
    return (True, f"{a} / {b}") if manner and not several and pair.close(0, *a.split(), *b.split()) else None


def _measures(a: str, b: str) -> bool:
    """Whether one of two kinds is a measure: how long, how often."""
    return a.startswith("how ") or b.startswith("how ")


def _manner(low: list[str]) -> bool:
    """Whether what follows the first `how` can only follow it as the question for a way."""
    if "how" not in low:
        return True  # the best way to
    following = low[low.index("how") + 1 :][:1]
    return bool(following) and (following[0] == "to" or following[0] in AUXILIARIES)


def _limit(pair: Pair) -> str:
    """How long one has for it, and how long it takes; "" if these are not the two questions."""
    for one, other in ((pair.a, pair.b), (pair.b, pair.a)):
        if _TAKING.isdisjoint(one.words) or not _TAKING.isdisjoint(other.words):
            continue
        low = other.tokens.low
        if any(
            low[at : at + 2] == ["have", "to"] and low[at + 2] in pair.rules.claims
            for at in range(max(0, len(low) - 2))
        ):
            timed = other.question.kind == "how long" or not _SPANS.isdisjoint(low[:_AHEAD])
            return "takes / have to" if timed and pair.close(_ALIKE, *_TAKING) else ""
    return ""


def asked(pair: Pair) -> Difference | None:
    """Questions that are never one another's wording; certain where all else is the same."""
    a, b = pair.a.question.kind, pair.b.question.kind
    if a == b and a in _LASTING:
        told = _limit(pair)
        return (True, told) if told else None
    if a == b or not a or not b:
        return None
    if frozenset((a, b)) in pair.rules.apart:
        if "how" in (a, b) and _measures(a, b):
            return _way(pair, a, b)
        several = a in pair.b.question.kinds or b in pair.a.question.kinds
        return not several and pair.close(0, *a.split(), *b.split()), f"{a} / {b}"
    if {a, b} == {"what", "where"} and _inside(pair) and pair.close(0):
        return True, f"{a} / {b}"
    if (a in _OPENING and b in ("what", "yes")) or (b in _OPENING and a in ("what", "yes")):
        return False, f"{a} / {b}"
    return None
