"""Names: places, people, makers, products; by lexicon, and by their capital letters where a prompt uses them."""

from __future__ import annotations

from typing import Final

import msgspec

from semcache.policy.guards.forms import stem
from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.rules import (
    COMMON,
    CURRENCY,
    DAY,
    LANGUAGE,
    MONTH,
    MULTIPLIER,
    NAME,
    NEGATOR,
    NUMBER,
    OPPOSED,
    ORDINAL,
    QUESTION,
    UNIT,
    WEEKDAY,
    Rules,
)
from semcache.policy.guards.tokens import Tokens

_TITLE: Final = 5
"""Capitalised words from which on a prompt may be a title, whose capitals tell nothing."""
_KNOWN: Final = 8
"""Stems that prompts with two names of one kind may differ in besides, for the difference to be certain."""
_THINGS: Final = 1
_UNKNOWN: Final = 1
_ACRONYM: Final = 5
"""Letters of the longest acronym that is looked for among initials."""
_COUNT: Final = NUMBER | ORDINAL | MULTIPLIER
_NO_NAME: Final = COMMON | NEGATOR | QUESTION | MONTH | WEEKDAY | DAY | CURRENCY | NUMBER | ORDINAL | LANGUAGE


class Names(msgspec.Struct, frozen=True):
    """The names in a prompt."""

    known: dict[str, tuple[str, tuple[str, ...]]]
    """Name to its kind and the words that it is written with."""
    capitals: frozenset[str]
    """Words, in lower case, that are no known name and are written with a capital inside a sentence."""
    stems: frozenset[str]
    """Of the known names' words."""


def names(tokens: Tokens, rules: Rules, *, known: bool, capitals: bool) -> Names:
    """All names; `known` if some word may be one of the lexicon, `capitals` if there are any."""
    low, raw, flags, first = tokens.low, tokens.raw, tokens.flags, tokens.first
    size = len(low)
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    taken: set[int] = set()
    if known:
        for at, flag in enumerate(flags):
            if flag & NAME and at not in taken:
                for name in rules.names[low[at]]:
                    length = len(name.words)
                    if length > 1 and tuple(low[at : at + length]) != name.words:
                        continue
                    if name.written and " ".join(raw[at : at + length]) != name.written:
                        continue
                    if name.kind == UNIT and at and (tokens.kind[at - 1] == "n" or flags[at - 1] & _COUNT):
                        continue  # told by its amount
                    found[name.name] = (name.kind, name.words)
                    taken.update(range(at, at + length))
                    break
    upper = [at for at, word in enumerate(raw) if word[0].isupper()] if capitals else []
    if not upper:
        return Names(found, frozenset(), _stems(found))
    if len(upper) >= _TITLE and _title(tokens):
        return Names(found, frozenset(), _stems(found))
    upright = set()
    for at in upper:
        word = low[at]
        if at in taken or flags[at] & _NO_NAME or word in rules.no_names or len(word) < 2:
            continue
        if first[at] and not (
            at + 1 < size and raw[at + 1][0].isupper() and not flags[at + 1] & COMMON and not flags[at] & OPPOSED
        ):
            continue
        upright.add(word)
    return Names(found, frozenset(upright), _stems(found))


def _title(tokens: Tokens) -> bool:
    """Whether no word of content is without a capital."""
    return not any(
        kind == "w" and not flag & _NO_NAME and not raw[0].isupper()
        for raw, flag, kind in zip(tokens.raw, tokens.flags, tokens.kind, strict=True)
    )


def _stems(found: dict[str, tuple[str, tuple[str, ...]]]) -> frozenset[str]:
    return frozenset([stem(word) for _, words in found.values() for word in words])


def entity(pair: Pair) -> Difference | None:
    """Names that differ on both sides; certain where they are of one kind, or all else is the same."""
    a, b = pair.a.names, pair.b.names
    if a.known.keys() == b.known.keys() and a.capitals == b.capitals:
        told = _namesake(pair)
        return (True, told) if told else None
    things = pair.rules.things
    known_a, known_b = _known(a, b, pair.b.words), _known(b, a, pair.a.words)
    if bool(known_a) != bool(known_b):  # the name is in the other prompt too, for something else
        known_a, known_b = known_a or _moved(a, known_b, pair.only[0]), known_b or _moved(b, known_a, pair.only[1])
    if told := _namesake(pair):
        return True, told
    found = ""
    for name, (kind, words) in known_a.items():
        for other, (other_kind, other_words) in known_b.items():
            if kind == other_kind:
                most = _THINGS if kind in things else _KNOWN
                if pair.close(most, *words, *other_words, *_rest(known_a), *_rest(known_b)):
                    return True, f"{name} / {other}"
                found = found or f"{name} / {other}"
    if found:
        return False, found
    known_a = {name: about for name, about in known_a.items() if about[0] not in things}
    known_b = {name: about for name, about in known_b.items() if about[0] not in things}
    only_a = _capitals(a, pair.only[0], pair.text_b)
    only_b = _capitals(b, pair.only[1], pair.text_a)
    all_a = only_a | set(_rest(known_a))
    all_b = only_b | set(_rest(known_b))
    if only_a and only_b:  # NorthSouth, North-South
        only_a, only_b = (
            {word for word in one if not any(word in other or other in word for other in others)}
            for one, others in ((only_a, all_b), (only_b, all_a))
        )
        all_a, all_b = only_a | set(_rest(known_a)), only_b | set(_rest(known_b))
    if all_a and all_b:
        detail = f"{', '.join(sorted(all_a)[:3])} / {', '.join(sorted(all_b)[:3])}"
        return bool(only_a or only_b) and pair.close(_UNKNOWN, *all_a, *all_b), detail
    if all_a or all_b:
        return False, f"{', '.join(sorted(all_a)[:3]) or 'none'} / {', '.join(sorted(all_b)[:3]) or 'none'}"
    return None


def _namesake(pair: Pair) -> str:
    """Another bearer of the name: Georgia the country, Georgia the state; "" if all are one.

    The sort must stand beside a name: the head of the country is that of the state.
    """
    if pair.replaced is None or not pair.a.words ^ pair.b.words <= pair.rules.sorts:
        return ""
    one, other = pair.replaced
    if one not in pair.rules.sorts or other not in pair.rules.sorts:
        return ""
    tokens = pair.a.tokens
    at = tokens.low.index(one)
    behind = at + 2 if tokens.low[at + 1 : at + 2] == ["of"] else at + 1
    if _is_name(tokens, behind) or (at > 1 and tokens.low[at - 1] == "the" and _is_name(tokens, at - 2)):
        return f"{one} / {other}"
    return ""


def _is_name(tokens: Tokens, at: int) -> bool:
    """Whether a word of the lexicon of names stands there, or one with a capital that does not begin the prompt."""
    if at >= len(tokens.low):
        return False
    upper = at > 0 and tokens.raw[at][0].isupper() and not tokens.flags[at] & _NO_NAME
    return bool(tokens.flags[at] & NAME) or upper


def _rest(known: dict[str, tuple[str, tuple[str, ...]]]) -> list[str]:
    return [word for _, words in known.values() for word in words]


def _known(names: Names, other: Names, words: frozenset[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Known names that the other prompt has in no spelling."""
    return {
        name: about
        for name, about in names.known.items()
        if name not in other.known and not all(word in words for word in about[1])
    }


def _moved(
    names: Names, others: dict[str, tuple[str, tuple[str, ...]]], only: frozenset[str]
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Known names of the kinds of `others` that the other prompt has in another form only: Thai baht, in Thailand."""
    kinds = {kind for kind, _ in others.values()}
    return {
        name: about
        for name, about in names.known.items()
        if about[0] in kinds and not only.isdisjoint([stem(word) for word in about[1]])
    }


def _capitals(names: Names, only: frozenset[str], text: str) -> set[str]:
    """Capitalised words that the other prompt lacks, in lower case, in another form, mistyped, and spelt out."""
    left = {word for word in names.capitals if stem(word) in only}
    if not left:
        return left
    initials = "".join([word[0] for word in text.split()]) if any(len(word) <= _ACRONYM for word in left) else ""
    return {word for word in left if not (1 < len(word) <= _ACRONYM and word in initials)}
