"""One prompt, parsed once: what the guards compare."""

from __future__ import annotations

import msgspec

from semcache.policy.guards import (
    language,
    literals,
    modality,
    names,
    negation,
    question,
    relations,
    restriction,
    scope,
    signs,
    tense,
    wishes,
)
from semcache.policy.guards.forms import stem
from semcache.policy.guards.rules import (
    COMMON,
    LANGUAGE,
    NAME,
    NEGATOR,
    NUMBER,
    OPPOSED,
    PARTICLE,
    QUANTIFIER,
    QUESTION,
    Rules,
)
from semcache.policy.guards.tokens import Tokens, links, plain, quoted, tokens
from semcache.policy.guards.values import Value, values

LONGEST = 16_000
"""Characters that are read; two longer prompts are compared by their beginnings here, and by `edited_inside`."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the guards see in a prompt. Opaque: made by `read`, compared by `compare`."""

    text: str
    """What was read, with plain quotes and dashes."""
    tokens: Tokens
    words: frozenset[str]
    """All words in lower case."""
    content: dict[str, str]
    """Stem to word, of the words that carry content."""
    values: dict[tuple[str, float | str, str], Value]
    counted: int
    """How many numbers stand in the prompt."""
    links: frozenset[str]
    quotes: frozenset[str]
    code: frozenset[str]
    operators: frozenset[str]
    negations: negation.Negations
    sides: dict[tuple[int, bool], tuple[str, bool]]
    """Pair of opposites and which side of it, to the word and whether it is an action."""
    names: names.Names
    quantifiers: dict[str, str]
    bounds: dict[str, str]
    scope: scope.Scope
    question: question.Question
    relations: relations.Relations
    language: language.Language
    tense: tense.Tense
    modality: modality.Modality
    search: restriction.Search
    signs: signs.Signs
    wish: str
    """What it wishes of its answer."""


_LESS = frozenset({"less", "least"})
_NOTHING = negation.Negations()


def read(text: str, rules: Rules) -> Reading:
    """Parse a prompt; linear in its length."""
    text = plain(text[:LONGEST])
    found = tokens(text, rules)
    low, flags = found.low, found.flags
    union = 0
    for flag in flags:
        union |= flag
    words = frozenset(low)
    spoken = language.language(text, found, words, rules, named=bool(union & LANGUAGE))
    english = spoken.english
    content = {
        stem(word): word
        for word, flag, kind in zip(low, flags, found.kind, strict=True)
        if kind == "w" and not flag & (COMMON | NEGATOR | NUMBER | QUESTION)
    }
    lower = text.islower()
    quotes, ticked = quoted(text)
    asked = question.question(found, rules) if english else question.NONE
    asks = bool(asked.kind)
    return Reading(
        text=text,
        tokens=found,
        words=words,
        content=content,
        values=values(found, rules),
        counted=found.kind.count("n"),
        links=links(text),
        quotes=quotes,
        code=ticked if lower and "_" not in text else literals.code(found, ticked),
        operators=literals.operators(found) if "o" in found.marks or "-" in text else frozenset(),
        negations=negation.negations(found, rules) if english and union & NEGATOR else _NOTHING,
        sides=_sides(found, rules) if english and union & (OPPOSED | PARTICLE) else {},
        names=names.names(found, rules, known=bool(union & NAME), capitals=not lower),
        quantifiers=_quantifiers(found, rules) if english and union & QUANTIFIER else {},
        bounds=scope.bounds(found, rules) if english and found.marks else {},
        scope=scope.scope(found, words, rules) if english else scope.NOWHERE,
        question=asked,
        relations=relations.relations(found, words, rules) if english else relations.NONE,
        language=spoken,
        tense=tense.tense(found) if asks else tense.NONE,
        modality=modality.modality(found, words, rules) if asks else modality.NONE,
        search=restriction.search(found, words, rules) if english else restriction.NONE,
        signs=signs.signs(text),
        wish=wishes.wish(text),
    )


def _sides(found: Tokens, rules: Rules) -> dict[tuple[int, bool], tuple[str, bool]]:
    sides: dict[tuple[int, bool], tuple[str, bool]] = {}
    low = found.low
    for at, flag in enumerate(found.flags):
        if not flag & (OPPOSED | PARTICLE):
            continue
        word = low[at]
        phrasal = ""
        if flag & PARTICLE:
            particles = rules.particles[word]
            for near in low[at + 1 : at + 5]:
                if near in particles:
                    phrasal = f"{stem(word)}_{near}"
                    break
        if word in _LESS and at + 1 < len(low) and any(not side.action for side in rules.opposed.get(low[at + 1], ())):
            continue  # less dear: cheaper
        less = at > 0 and low[at - 1] in _LESS
        for side in rules.opposed.get(phrasal or word, ()):
            sides[side.pair, side.left != (less and not side.action)] = (phrasal or word, side.action)
    return sides


def _quantifiers(found: Tokens, rules: Rules) -> dict[str, str]:
    low = found.low
    return {
        "some" if low[at] == "few" and at and low[at - 1] == "a" else rules.quantifiers[low[at]]: low[at]
        for at, flag in enumerate(found.flags)
        if flag & QUANTIFIER and not (low[at] == "most" and at and low[at - 1] == "the")
    }
