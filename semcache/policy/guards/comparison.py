"""All guards, asked about two prompts."""

from __future__ import annotations

from semcache.policy.guards import (
    direction,
    language,
    literals,
    modality,
    names,
    negation,
    numbers,
    opposites,
    question,
    restriction,
    scope,
    signs,
    tense,
    wishes,
)
from semcache.policy.guards.findings import GUARDS, Finding, Force
from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.reading import Reading
from semcache.policy.guards.rules import Rules

_ASKED = {
    "link": literals.link,
    "quote": literals.quote,
    "code": literals.fragment,
    "negation": negation.negation,
    "antonym": opposites.antonym,
    "entity": names.entity,
    "direction": direction.direction,
    "quantifier": scope.quantifier,
    "scope": scope.whose,
    "question": question.asked,
    "language": language.spoken,
    "tense": tense.when,
    "modality": modality.demanded,
    "restriction": lambda pair: wishes.wished(pair) or restriction.narrowed(pair),
    "signs": signs.signed,
}
"""Guards that say one thing; `numbers` speaks for the others."""


def compare(a: Reading, b: Reading, rules: Rules) -> tuple[Finding, ...]:
    """What sets two prompts apart, at most one finding a guard, in the order of `GUARDS`. Symmetric but for details."""
    tokens, its = a.tokens, b.tokens
    same = tokens.low == its.low and tokens.raw == its.raw
    if same and a.quotes == b.quotes and a.links == b.links and a.signs == b.signs:
        return ()
    pair = Pair(a, b, rules)
    found: dict[str, Difference] = numbers.differences(pair)
    for guard, ask in _ASKED.items():
        difference = ask(pair)
        if difference is not None:
            found[guard] = difference
    if not found:
        return ()
    return tuple(
        [
            Finding(guard, Force.VETO if found[guard][0] else Force.DOUBT, f"{guard}: {found[guard][1]}")
            for guard in GUARDS
            if guard in found
        ]
    )
