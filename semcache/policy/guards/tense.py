"""When what is asked about takes place: whether it was, is or will be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from semcache.policy.guards.forms import stem
from semcache.policy.guards.grammar import ARTICLES, BE, DO, OWN, PERSONS, PRESENT
from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.rules import COMMON, NAME, OPPOSED, ORDINAL, QUESTION
from semcache.policy.guards.tokens import Tokens

if TYPE_CHECKING:
    from semcache.policy.guards.reading import Reading

_TENSES: Final[dict[str, str]] = {
    "did": "past",
    "was": "past",
    "were": "past",
    "had": "past",
    "do": "present",
    "does": "present",
    "is": "present",
    "are": "present",
    "am": "present",
    "has": "perfect",
    "have": "perfect",
    "will": "future",
    "shall": "future",
    "can": "open",
}
_SUBJECTS: Final = PERSONS | OWN | {"a", "the", "this", "these"}
"""What a question's subject begins with."""
_APART: Final = frozenset(
    map(frozenset, [{"past", "future"}, {"perfect", "future"}, {"perfect", "open"}, {"perfect", "under way"}])
)
"""Of one question these are never two wordings: what is general may be told as what will be."""
_WHOLE: Final[tuple[list[str], ...]] = ([], ["of"], ["for"], ["in"])
"""What follows a word that is all that is asked for."""
_RANKS: Final = frozenset({"prime", "vice", "deputy"})
_SETTLED: Final = frozenset({"past", "present"})
_HEAD: Final = 6
"""Words after the question's word among which its verb stands."""
_GOING: Final = 5
_STATED: Final = frozenset({"yes", "when"})
"""Questions in which the past and the present are surely two; what, who, how and why are asked in either of what lasts
or was long ago (why is Picasso famous, why was he).
"""
_COUNTED: Final = frozenset({"how much", "how many"})
"""The same, but with `do`, and where nobody is named: how much does bread cost."""


class Tense(msgspec.Struct, frozen=True):
    """Of the verb that the question begins with."""

    time: str = ""
    word: str = ""
    at: int = -1
    """Its place in the prompt."""


NONE: Final = Tense()


def tense(tokens: Tokens) -> Tense:
    """The tense of a prompt's first question; none where its verb does not tell."""
    low, flags = tokens.low, tokens.flags
    for at, word in enumerate(low[: 2 * _HEAD]):
        time = _TENSES.get(word)
        if time is None:
            continue
        if at and not any(flag & QUESTION for flag in flags[max(0, at - _HEAD) : at]):
            return NONE
        after = low[at + 1] if at + 1 < len(low) else ""
        if word in PRESENT and "being" in low[at + 1 : at + _GOING]:
            return Tense("under way", word, at)
        if word in PRESENT and "going" in low[at + 1 : at + _GOING] and low[low.index("going") + 1 :][:1] == ["to"]:
            return Tense("future", word, at)
        if time == "perfect" and at and after not in _SUBJECTS:
            return NONE  # which countries have a king
        return Tense(time, word, at)
    return NONE


def when(pair: Pair) -> Difference | None:
    """Another tense of the same words."""
    a, b = pair.a.tense, pair.b.tense
    if a.time == b.time or not a.time or not b.time:
        return None
    times = frozenset((a.time, b.time))
    kind = pair.a.question.kind
    if not kind or kind != pair.b.question.kind:
        return None
    if times not in _APART and (times != _SETTLED or not (_held(pair) or (_stated(kind, a.word) and _likewise(pair)))):
        return None
    if not pair.close(0):
        return None
    return True, f"{a.word} / {b.word}"


def _stated(kind: str, word: str) -> bool:
    """Whether the past and the present of such a question are surely two."""
    return kind in _STATED or (kind in _COUNTED and word in DO)


def _likewise(pair: Pair) -> bool:
    """Whether the verbs are forms of one, in one place, and nobody is named: of the dead one asks either way."""
    a, b = pair.a.tense, pair.b.tense
    if a.at != b.at or (a.word in DO) != (b.word in DO):
        return False
    if a.word in DO and pair.a.question.kind not in _COUNTED:
        return True
    return not any(_of_name(one) for one in (pair.a, pair.b))


def _held(pair: Pair) -> bool:
    """Whether something is asked about that lasts for a time: who is the mayor of Bonn, is Pluto a planet.

    Not where the prompt tells of which time, or of which of several: who was the first president.
    """
    a, b = pair.a.tense, pair.b.tense
    if a.word not in BE or b.word not in BE or a.at != b.at or pair.a.values or pair.b.values:
        return False
    if pair.a.tokens.low[a.at + 1 :] != pair.b.tokens.low[b.at + 1 :]:
        return False
    match pair.a.question.kind:
        case "who":
            return _asked_for(pair, "office")
        case "what" | "how much":
            return _asked_for(pair, "figure")
        case kind:
            return kind == "yes" and _standing(pair)


def _asked_for(pair: Pair, kind: str) -> bool:
    """Whether what is asked for is of the kind: the mayor, Norway's prime minister, the exchange rate."""
    tokens, held = pair.a.tokens, pair.rules.held
    low = tokens.low
    for at in range(pair.a.tense.at + 1, len(low)):
        word = low[at]
        if held.get(word) == kind:
            return low[at + 1 : at + 2] in _WHOLE and low[at - 1] != "a"
        figure = kind == "figure" and not tokens.flags[at] & (COMMON | OPPOSED | ORDINAL)
        if not (figure or word in ARTICLES or word in _RANKS or tokens.owner[at] or tokens.flags[at] & NAME):
            return False
    return False


def _standing(pair: Pair) -> bool:
    """Whether it is asked if something named is, with an article, what it may be for a time."""
    tokens, held = pair.a.tokens, pair.rules.held
    low = tokens.low
    if pair.a.tense.at or not _of_name(pair.a):
        return False
    at = next((at for at, word in enumerate(low) if word in held), 0)
    if at < 1 or low[at + 1 : at + 2] not in _WHOLE or (low[at - 1] not in ARTICLES and low[at] != "part"):
        return False
    return held[low[at]] == "standing" or low[at - 1] == "the"


def _of_name(reading: Reading) -> bool:
    """Whether the verb's subject is a name: is Goya ..."""
    low, names = reading.tokens.low, reading.names
    after = low[reading.tense.at + 1 : reading.tense.at + 3]
    return any(word in names.capitals or stem(word) in names.stems for word in after)
