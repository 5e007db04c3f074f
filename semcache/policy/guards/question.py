"""What a question asks for: a reason, a time, a place, a number, a way."""

from __future__ import annotations

from typing import Final

from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.rules import QUESTION, Rules
from semcache.policy.guards.tokens import Tokens

_AHEAD: Final = 4
_EARLY: Final = 25
"""Words among which the question is looked for, from the begin; then from the last sentence."""
_AUXILIARY_WORDS: Final = "is are was were am do does did can could should shall will would may might must has have had"
_AUXILIARIES: Final = frozenset(_AUXILIARY_WORDS.split())
_BEFORE_WHEN: Final = frozenset({"and", "tell", "know", "me", "until", "till", "since", "by", "from"})
_OPENING: Final = frozenset(["how", "why", "when", "where", "who", "how many", "how much"])


def question(tokens: Tokens, rules: Rules) -> str:
    """The kind of the prompt's (first) question, `yes` for one that yes or no answers, "" for none."""
    low, flags = tokens.low, tokens.flags
    if not low:
        return ""
    if low[0] in _AUXILIARIES:
        return "yes"
    for at, flag in enumerate(flags):
        if flag & QUESTION:
            kind = rules.questions[low[at]]
            following = low[at + 1 : at + 1 + _AHEAD]
            if kind == "how":
                return rules.how.get(following[0], "how") if following else "how"
            if kind == "what":
                for word in following:
                    if word in rules.what and (word not in ("for", "if") or word == following[0]):
                        return rules.what[word]
                return "what"
            if kind == "when" and at > 0 and tokens.low[at - 1] not in _BEFORE_WHEN:
                continue  # when I ...: a clause, not the question
            return kind
        if at >= _EARLY:
            break
    return ""


def asked(pair: Pair) -> Difference | None:
    """Questions that are never one another's wording; certain where all else is the same."""
    a, b = pair.a.question, pair.b.question
    if a == b or not a or not b:
        return None
    if frozenset((a, b)) in pair.rules.apart:
        return pair.close(0, *a.split(), *b.split()), f"{a} / {b}"
    if (a in _OPENING and b in ("what", "yes")) or (b in _OPENING and a in ("what", "yes")):
        return False, f"{a} / {b}"
    return None
