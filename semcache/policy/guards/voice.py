"""Voice: who does it and to whom it is done, by the verb's form or by the place of what is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from semcache.policy.guards.forms import stem
from semcache.policy.guards.grammar import BEING, DETERMINERS, DO, GET, NOMINATIVE, OTHERS, PERSONS, SOMEBODY, WHO
from semcache.policy.guards.order import WINDOW, jointed, joints, plain
from semcache.policy.guards.rules import COMMON, NEGATOR, QUESTION

if TYPE_CHECKING:
    from semcache.policy.guards.pair import Pair
    from semcache.policy.guards.reading import Reading
    from semcache.policy.guards.tokens import Tokens

_REACH: Final = 4
"""Words behind an auxiliary, or a question's word, among which the verb stands."""
_SHORTEST: Final = 4
"""Letters of a regular participle."""
_GETTING: Final = BEING | GET | {"getting"}
"""How do I get hired, how do I hire someone; without another person in it `get started` is `start`."""
_PASSIVE: Final = GET | (BEING - {"am"})
"""Before a participle with `by` behind it."""
_IRREGULAR: Final = {
    "paid": "pay", "sent": "send", "told": "tell", "given": "give", "taken": "take", "sold": "sell", "bought": "buy",
    "seen": "see", "shown": "show", "taught": "teach", "caught": "catch", "held": "hold", "brought": "bring",
    "chosen": "choose", "fed": "feed", "lent": "lend", "beaten": "beat", "written": "write", "driven": "drive",
    "owed": "owe", "sued": "sue", "used": "use", "made": "make", "met": "meet",
}  # fmt: skip
"""Participles whose stems are not their verbs'."""
_WHOM: Final = frozenset({"what", "who", "why"})
"""Kinds of questions for who does something, or to whom (`what causes` is asked for a reason)."""
_EITHER: Final = frozenset({"mean", "cost", "say", "happen", "look", "time", "year", "day"})
"""Stems of what is asked in either order: what means X, what costs X, what time opens X."""


def undergone(pair: Pair) -> str:
    """Whether somebody does it or it is done to them: do I pay, am I paid; "" if the prompts do not differ in that.

    Of things the one is often the other: does the shop close, is it closed.
    """
    if not pair.a.question.kind or not pair.close(2):
        return ""
    for one, other in ((pair.a, pair.b), (pair.b, pair.a)):
        others = not OTHERS.isdisjoint(other.words - one.words)
        done = _participle(one.tokens, _GETTING if others else BEING)
        if not done or not BEING.isdisjoint(other.words) or done in other.words or "by" in one.words:
            continue
        acted = one.words & other.words & (SOMEBODY | pair.rules.roles.keys())
        if acted and _bases(one) == _bases(other):
            return f"{done} / {stem(_IRREGULAR.get(done, done))}"
    return ""


def _participle(tokens: Tokens, after: frozenset[str]) -> str:
    """Of the first verb that tells what is done to somebody: am I paid; "" if none does."""
    low = tokens.low
    for at, word in enumerate(low):
        if word in after:
            for near in low[at + 1 : at + 1 + _REACH]:
                if near in _IRREGULAR or (near.endswith("ed") and len(near) >= _SHORTEST):
                    return near
    return ""


def _bases(reading: Reading) -> list[str]:
    """The stems of a prompt's content in its order, irregular participles as their verbs."""
    return [stem(_IRREGULAR.get(word, word)) for word in reading.tokens.low if stem(word) in reading.content]


def subject(pair: Pair) -> str:
    """Who does it, and to whom it is done: what triggers A, what does A trigger; "" if one thing is asked."""
    if pair.a.question.kind not in _WHOM or pair.b.question.kind not in _WHOM:
        return ""
    done_a, done_b = _done(pair.a.tokens), _done(pair.b.tokens)
    if done_a is None or done_b is None or done_a == done_b or not pair.a.content.keys().isdisjoint(_EITHER):
        return ""
    one, other = (
        [NOMINATIVE.get(word, word) for word in plain(side.tokens) if word != "do" and word not in WHO]
        for side in (pair.a, pair.b)
    )
    return "" if one == other or sorted(one) != sorted(other) else f"{' '.join(one)} / {' '.join(other)}"


def _done(tokens: Tokens) -> bool | None:
    """Whether the prompt's first what, which or who is asked with `do`; None if it can be neither, or has none."""
    low, flags = tokens.low, tokens.flags
    at = next((at for at, word in enumerate(low) if word in WHO), None)
    if at is None:
        return None
    for place in range(at + 1, min(at + 1 + _REACH, len(low) - 1)):
        if low[place] in DO:
            after = place + 1 if low[place + 1] not in DETERMINERS else min(place + 2, len(low) - 1)
            return True if _content(flags[after]) or low[after] in PERSONS else None
    return False if at + 1 < len(low) and _content(flags[at + 1]) else None


def _content(flag: int) -> bool:
    return not flag & (COMMON | NEGATOR | QUESTION)


def turned(pair: Pair) -> bool:
    """Whether the one prompt tells by whom it is done, and the other does not."""
    return bool(_passive(pair.a.tokens)) != bool(_passive(pair.b.tokens))


def same_places(pair: Pair) -> str:
    """Operands in the same places around a verb in another voice, so with other parts in it; "" if they are not."""
    verb = _passive(pair.a.tokens) or _passive(pair.b.tokens)
    if verb in pair.a.words & pair.b.words:
        return ""
    joining = joints(pair.rules)
    one, other = ([word for word in jointed(side.tokens, joining) if word not in joining] for side in (pair.a, pair.b))
    return f"{' '.join(one)}: active / passive" if one == other and len(one) <= WINDOW else ""


def _passive(tokens: Tokens) -> str:
    """The verb of what is done by somebody: attacked by; "" if nothing is."""
    low = tokens.low
    if "by" not in low:
        return ""
    at = low.index("by")
    return low[at - 1] if at and low[at - 1].endswith(("ed", "en")) and not _PASSIVE.isdisjoint(low[:at]) else ""
