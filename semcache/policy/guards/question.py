"""What a question asks for: a reason, a time, a place, a number, a way."""

from __future__ import annotations

from typing import Final

import msgspec

from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.rules import QUESTION, Rules
from semcache.policy.guards.tokens import Tokens

_AHEAD: Final = 4
_EARLY: Final = 25
"""Words at the begin, and at the end, among which questions are looked for."""
_AUXILIARY_WORDS: Final = "is are was were am do does did can could should shall will would may might must has have had"
_AUXILIARIES: Final = frozenset(_AUXILIARY_WORDS.split())
_BEFORE_WHEN: Final = frozenset({"and", "tell", "know", "me", "until", "till", "since", "by", "from"})
_OPENING: Final = frozenset(["how", "why", "when", "where", "who", "how many", "how much"])


class Question(msgspec.Struct, frozen=True):
    """What a prompt asks for."""

    kind: str = ""
    """Of the first question; `yes` for one that yes or no answers; empty if nothing is asked."""
    kinds: frozenset[str] = frozenset()
    """Of all of them."""


NONE: Final = Question()


def question(tokens: Tokens, rules: Rules) -> Question:
    """The prompt's questions, looked for among its first words and its last."""
    low, flags = tokens.low, tokens.flags
    if not low:
        return NONE
    size = len(low)
    places = range(size) if size <= 2 * _EARLY else (*range(_EARLY), *range(size - _EARLY, size))
    kinds = [kind for at in places if flags[at] & QUESTION and (kind := _kind(low, at, rules))]
    if low[0] in _AUXILIARIES:
        kinds.insert(0, "yes")
    return Question(kinds[0], frozenset(kinds)) if kinds else NONE


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


def asked(pair: Pair) -> Difference | None:
    """Questions that are never one another's wording; certain where all else is the same."""
    a, b = pair.a.question.kind, pair.b.question.kind
    if a == b or not a or not b:
        return None
    if frozenset((a, b)) in pair.rules.apart:
        several = a in pair.b.question.kinds or b in pair.a.question.kinds
        return not several and pair.close(0, *a.split(), *b.split()), f"{a} / {b}"
    if (a in _OPENING and b in ("what", "yes")) or (b in _OPENING and a in ("what", "yes")):
        return False, f"{a} / {b}"
    return None
