"""What a question asks of an act: whether one may, must or should, whether it is legal, safe or polite."""

from __future__ import annotations

from typing import Final

import msgspec

from semcache.policy.guards.grammar import HAVE
from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.rules import Rules
from semcache.policy.guards.tokens import Tokens

_HAVING: Final = HAVE | {"having"}
_DOING: Final = frozenset({"do", "does", "doing", "done"})
"""The verb, not the auxiliary: what can I do."""
_DUAL: Final = {"may", "must"}
_ELSEWHERE: Final = frozenset({frozenset({"may", "must"})})
"""What is told apart in questions that yes and no do not answer: who may sign, who must."""


class Modality(msgspec.Struct, frozen=True):
    """The words of a prompt that say what is asked of the act."""

    kinds: dict[str, str] = {}
    """Kind, as in the table `modalities`, to the word."""


NONE: Final = Modality()


def modality(tokens: Tokens, words: frozenset[str], rules: Rules) -> Modality:
    """All kinds of a prompt; few prompts have any."""
    modalities = rules.modalities
    kinds = {modalities[word]: word for word in words & modalities.keys()}
    if not words.isdisjoint(_HAVING) and "to" in words:
        low = tokens.low
        for at in range(len(low) - 1):
            if low[at + 1] == "to" and low[at] in _HAVING:
                kinds["must"] = low[at]
    return Modality(kinds) if kinds else NONE


def turned_round(pair: Pair) -> bool:
    """Whether one asks if it must be, and the other if it may be without: do I need a visa, can I enter without."""
    if (pair.a.negations.count - pair.b.negations.count) % 2 == 0:
        return False
    return {kind for side in (pair.a, pair.b) for kind in side.modality.kinds} == _DUAL


def demanded(pair: Pair) -> Difference | None:
    """Another thing asked of the same act."""
    a, b = pair.a.modality.kinds, pair.b.modality.kinds
    if len(a) != 1 or len(b) != 1:
        return None
    (one, word), (other, another) = *a.items(), *b.items()
    kind = pair.a.question.kind
    if one == other or kind != pair.b.question.kind or kind not in ("yes", "when", "who", "what"):
        return None
    both = frozenset((one, other))
    if both not in (pair.rules.modalities_apart if kind == "yes" else _ELSEWHERE):
        return None
    if not pair.close(0, word, another) or turned_round(pair):
        return None
    if kind == "what" and not _DOING.isdisjoint(pair.a.words & pair.b.words):
        return None  # what can I do, what do I have to do
    return True, f"{word} / {another}"
