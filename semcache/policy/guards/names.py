"""Names: places, people, makers, products; by lexicon, and by their capital letters where a prompt uses them."""

from __future__ import annotations

from typing import Final, TypeAlias

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
    Name,
    Rules,
)
from semcache.policy.guards.tokens import Tokens

_TITLE: Final = 5
"""Capitalised words from which on a prompt may be a title, whose capitals tell nothing."""
_KNOWN: Final = 8
"""Stems that prompts with two names of one kind may differ in besides, for the difference to be certain."""
_THINGS: Final = 1
_UNKNOWN: Final = 1
_TONGUE: Final = "language"
"""The kind of a country's adjective that stands for its language: from German."""
_BEHIND: Final = "for to of in from into and or is was are as with please"
_BEHIND_A_TONGUE: Final = frozenset(_BEHIND.split())
_SAID: Final = (
    "word words phrase phrases term terms sentence sentences expression saying proverb idiom slang language "
    "translation version equivalent speaker speakers speaking spelling verb noun adjective grammar alphabet "
    "vocabulary accent pronunciation subtitles"
)
_OF_A_TONGUE: Final = frozenset(_SAID.split())
"""What is said of a language, rather than of the country that it is spoken in."""
_THINGS_TOO: Final = frozenset({"turkey", "china"})
"""Names that are common words without their capital."""
_STEM: Final = 4
"""Letters of a name from which on a longer word may be a form of it."""
_ENDING: Final = 3
_ACRONYM: Final = 5
"""Letters of the longest acronym that is looked for among initials."""
_COUNT: Final = NUMBER | ORDINAL | MULTIPLIER
_NO_NAME: Final = COMMON | NEGATOR | QUESTION | MONTH | WEEKDAY | DAY | CURRENCY | NUMBER | ORDINAL | LANGUAGE


Known: TypeAlias = dict[str, tuple[str, tuple[str, ...]]]
"""Name to its kind and the words that it is written with."""


class Names(msgspec.Struct, frozen=True):
    """The names in a prompt."""

    known: Known
    capitals: frozenset[str]
    """Words, in lower case, that are no known name and are written with a capital inside a sentence."""
    stems: frozenset[str]
    """Of the known names' words."""


def names(tokens: Tokens, rules: Rules, *, known: bool, capitals: bool) -> Names:
    """All names; `known` if some word may be one of the lexicon, `capitals` if there are any."""
    low, raw, flags, first = tokens.low, tokens.raw, tokens.flags, tokens.first
    size = len(low)
    found: Known = {}
    taken: set[int] = set()
    spoken = False  # of a name that is its language here and a country there, the country counts
    for at, flag in enumerate(flags) if known else ():
        if not flag & NAME or at in taken:
            continue
        if low[at - 1 : at] == ["non"] and tokens.glued[at]:
            taken.add(at)  # non-Muslims
            continue
        for name in rules.names[low[at]]:
            length = len(name.words)
            if not _stands(name, tokens, at):
                continue
            spoken = bool(flag & LANGUAGE) and length == 1 and _is_tongue(tokens, at)
            if not spoken or name.name not in found:
                found[name.name] = (_TONGUE if spoken else name.kind, name.words)
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


def _stands(name: Name, tokens: Tokens, at: int) -> bool:
    """Whether the name begins there, as a name."""
    low, kind = tokens.low, tokens.kind
    length = len(name.words)
    if length > 1 and tuple(low[at : at + length]) != name.words:
        return False
    if name.written and " ".join(tokens.raw[at : at + length]) != name.written:
        return False
    behind = at + 1 < len(low) and tokens.glued[at + 1]
    if len(low[at]) == length == 1 and (behind or (at and (tokens.glued[at] or kind[at - 1] in "nc"))):
        return False  # the R-value, 20 °C
    if low[at] in _THINGS_TOO and tokens.raw[at].islower() and _writes_names(tokens):
        return False  # Thanksgiving turkey
    told_by_amount = name.kind == UNIT and at and (kind[at - 1] == "n" or tokens.flags[at - 1] & _COUNT)
    return not told_by_amount


def _writes_names(tokens: Tokens) -> bool:
    """Whether some name inside a sentence has its capital: who writes so would write a country so."""
    return any(
        raw[0].isupper() and not first and raw != "I" for raw, first in zip(tokens.raw, tokens.first, strict=True)
    )


def _is_tongue(tokens: Tokens, at: int) -> bool:
    """Whether a word that is a language and of a country is the language: German for, the German word, into German."""
    if at + 1 == len(tokens.low) or tokens.first[at + 1]:
        return True
    behind = tokens.low[at + 1]
    return (
        behind in _OF_A_TONGUE
        or behind in _BEHIND_A_TONGUE
        or bool(tokens.flags[at + 1] & (LANGUAGE | QUESTION))
        or tokens.low[at - 1 : at] == ["into"]
        or bool(at and tokens.flags[at - 1] & NAME and not tokens.flags[at - 1] & COMMON)  # American English
    )


def _title(tokens: Tokens) -> bool:
    """Whether no word of content is without a capital."""
    return not any(
        kind == "w" and not flag & _NO_NAME and not raw[0].isupper()
        for raw, flag, kind in zip(tokens.raw, tokens.flags, tokens.kind, strict=True)
    )


def _stems(found: Known) -> frozenset[str]:
    return frozenset([stem(word) for _, words in found.values() for word in words])


def entity(pair: Pair) -> Difference | None:
    """Names that differ on both sides; certain where they are of one kind, or all else is the same."""
    a, b = pair.a.names, pair.b.names
    if a.known.keys() == b.known.keys() and a.capitals == b.capitals:
        told = _namesake(pair)
        return (True, told) if told else None
    things = pair.rules.things
    known_a, known_b = _known(a, b, pair.b.words), _known(b, a, pair.a.words)
    if bool(known_a) != bool(known_b) and pair.close(_UNKNOWN, *_rest(known_a), *_rest(known_b)):
        # the name is in the other prompt too, for something else
        known_a, known_b = known_a or _moved(a, known_b, pair.only[0]), known_b or _moved(b, known_a, pair.only[1])
    if told := _namesake(pair):
        return True, told
    found = ""
    related = _related(known_a, known_b, pair.rules) | _related(known_b, known_a, pair.rules)
    if related:
        found = f"{', '.join(known_a) or 'none'} / {', '.join(known_b) or 'none'}"
        known_a = {name: about for name, about in known_a.items() if name not in related}
        known_b = {name: about for name, about in known_b.items() if name not in related}
    for name, (kind, words) in known_a.items():
        for other, (other_kind, other_words) in known_b.items():
            if _alike((kind, words), (other_kind, other_words), pair.rules):
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
    if all_a and all_b:
        rest_a, rest_b = set(_rest(known_a)), set(_rest(known_b))
        only_a, only_b = (
            _unlike(only_a, all_b if only_b else set(), rest_b, pair.rules),
            _unlike(only_b, all_a if only_a else set(), rest_a, pair.rules),
        )
        all_a, all_b = only_a | rest_a, only_b | rest_b
    if all_a and all_b:
        detail = f"{', '.join(sorted(all_a)[:3])} / {', '.join(sorted(all_b)[:3])}"
        return bool(only_a or only_b) and pair.close(_UNKNOWN, *all_a, *all_b), detail
    if all_a or all_b:
        return False, f"{', '.join(sorted(all_a)[:3]) or 'none'} / {', '.join(sorted(all_b)[:3]) or 'none'}"
    return None


def _unlike(words: set[str], others: set[str], known: set[str], rules: Rules) -> set[str]:
    """Words of which the other prompt has no other form: NorthSouth, North-South; Hawaiian, Hawaii; Mum, Mom."""
    roles = {rules.roles[word] for word in others if word in rules.roles}
    return {
        word
        for word in words
        if not any(word in other or other in word for other in others)
        and not any(_is_form(word, name) or _is_form(name, word) for name in known)
        and rules.roles.get(word) not in roles
    }


def _is_form(word: str, name: str) -> bool:
    """Whether a word may be a name with an ending."""
    return word.startswith(name) and len(name) >= _STEM and len(word) - len(name) <= _ENDING


def _alike(one: tuple[str, tuple[str, ...]], other: tuple[str, tuple[str, ...]], rules: Rules) -> bool:
    """Whether two names are of one kind; two languages are also where one stands for its country."""
    (kind, words), (other_kind, other_words) = one, other
    if kind == other_kind:
        return True
    return _TONGUE in (kind, other_kind) and words[0] in rules.languages and other_words[0] in rules.languages


def _related(known: Known, other: Known, rules: Rules) -> set[str]:
    """Names of what is part of something that the other prompt names, or what has such a part: England, the UK."""
    nations = {name for name, (kind, _) in other.items() if kind != _TONGUE}
    return {
        name
        for name, (kind, _) in known.items()
        if kind != _TONGUE and not rules.parts.get(name, frozenset()).isdisjoint(nations)
    }


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


def _rest(known: Known) -> list[str]:
    return [word for _, words in known.values() for word in words]


def _known(names: Names, other: Names, words: frozenset[str]) -> Known:
    """Known names that the other prompt has in no spelling."""
    return {
        name: about
        for name, about in names.known.items()
        if name not in other.known and not all(word in words for word in about[1])
    }


def _moved(names: Names, others: Known, only: frozenset[str]) -> Known:
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
