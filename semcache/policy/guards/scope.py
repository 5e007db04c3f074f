"""Quantifiers, bounds, whose, and for whom."""

from __future__ import annotations

from typing import Final

import msgspec

from semcache.policy.guards.forms import stem
from semcache.policy.guards.grammar import ANOTHER, ASKER, OWN, POSSESSIVES
from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.rules import NEGATOR, Rules
from semcache.policy.guards.tokens import Tokens

_BEFORE_AUDIENCE: Final = frozenset({"for", "as"})
_AHEAD: Final = 4
_LONGEST_BOUND: Final = 4
_DENIED: Final = 2
"""Words before a bound among which a negator turns it round: nothing below, without going over."""
_TURNED: Final = {"over": "most", "under": "least", "most": "over", "least": "under"}
_ALONE: Final = frozenset({"all", "none", "only", "always", "rarely", "half"})
"""What may matter also where the other prompt says nothing of it."""
_STRONG: Final = frozenset({"all", "some", "few", "most", "none", "only", "always", "sometimes", "rarely"})
_OF_A_GROUP: Final = frozenset({frozenset({"both", "either"}), frozenset({"all", "some"})})
"""Everyone, anyone: all that is in a group, or whichever; told also by words that the other prompt lacks."""


class Scope(msgspec.Struct, frozen=True):
    """Whose things a prompt is about, and whom its answer is for."""

    roles: frozenset[str] = frozenset()
    """Others than the asker whose something is: my colleague's."""
    possessives: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    asker: bool | None = None
    """Whether the first person named by `I` or `he` is the asker; None if there is none."""


NOWHERE: Final = Scope()


def scope(tokens: Tokens, words: frozenset[str], rules: Rules) -> Scope:
    """What is said of whose and for whom."""
    possessives = words & POSSESSIVES
    roles: set[str] = set()
    low = tokens.low
    for role in words & rules.roles.keys():
        at = low.index(role)
        if tokens.owner[at] or not OWN.isdisjoint(low[max(0, at - _AHEAD) : at]):
            roles.add(rules.roles[role])
    audiences: set[str] = set()
    if not words.isdisjoint(_BEFORE_AUDIENCE):
        for at, word in enumerate(low):
            if word in _BEFORE_AUDIENCE:
                for near in low[at + 1 : at + 1 + _AHEAD]:
                    if near in rules.audiences:
                        audiences.add(rules.audiences[near])
                        break
    if not (possessives or roles or audiences):
        return NOWHERE
    return Scope(frozenset(roles), possessives, frozenset(audiences), _asker(low) if possessives else None)


def _asker(low: list[str]) -> bool | None:
    """Who acts: I, or another."""
    for word in low:
        if word in ASKER:
            return True
        if word in ANOTHER:
            return False
    return None


def _acts(a: Scope, b: Scope) -> bool:
    """Whether one acts on what is his own, and another on it; or each on what is the other's.

    Does she inherit my house, do I inherit her house. The same told of another person, with his own things, is neither.
    """
    if a.asker is None or b.asker is None or a.asker == b.asker or a.roles or b.roles:
        return False
    if a.possessives == b.possessives:
        return True
    own_a, own_b = not OWN.isdisjoint(a.possessives), not OWN.isdisjoint(b.possessives)
    return len(a.possessives) == len(b.possessives) == 1 and own_a != own_b and own_a != a.asker and own_b != b.asker


def bounds(tokens: Tokens, rules: Rules) -> dict[str, str]:
    """Bounds before numbers: at least 5, under $10."""
    found: dict[str, str] = {}
    low = tokens.low
    for at, kind in enumerate(tokens.kind):
        if kind != "n":
            continue
        end = at - 1 if at and tokens.kind[at - 1] == "c" else at
        for length in range(min(_LONGEST_BOUND, end), 0, -1):
            phrase = tuple(low[end - length : end])
            if phrase in rules.bounds:
                bound = rules.bounds[phrase]
                before = tokens.flags[max(0, end - length - _DENIED) : end - length]
                if any(flag & NEGATOR for flag in before):
                    bound = _TURNED.get(bound, bound)
                found[bound] = " ".join(phrase)
                break
    return found


def quantifier(pair: Pair) -> Difference | None:
    """Other quantifiers or bounds; certain where they exclude each other and all else is the same."""
    bounds_a, bounds_b = pair.a.bounds, pair.b.bounds
    for one, shown in bounds_a.items():
        for other, shown_other in bounds_b.items():
            if one not in bounds_b and other not in bounds_a and frozenset((one, other)) in pair.rules.opposed_bounds:
                return pair.close(2), f"{shown} / {shown_other}"
    quantifiers_a, quantifiers_b = pair.a.quantifiers, pair.b.quantifiers
    if quantifiers_a.keys() == quantifiers_b.keys():
        return None
    for asked, cached in ((pair.a, pair.b), (pair.b, pair.a)):
        new = cached.words - asked.words
        if "both" in asked.quantifiers and "or" in new and "both" not in cached.words and pair.close(0):
            return True, "both / or"
    only_a = [quantifier for quantifier in quantifiers_a if quantifier not in quantifiers_b]
    only_b = [quantifier for quantifier in quantifiers_b if quantifier not in quantifiers_a]
    if not (only_a and only_b) and (only_a or only_b)[0] not in _ALONE:
        return None
    shown_a = quantifiers_a[only_a[0]] if only_a else "none"
    shown_b = quantifiers_b[only_b[0]] if only_b else "none"
    return bool(only_a and only_b) and _excluding(pair, shown_a, shown_b), f"{shown_a} / {shown_b}"


def _excluding(pair: Pair, word: str, other: str) -> bool:
    """Whether two quantifiers are never said of the same, and all else is the same."""
    both = frozenset([pair.rules.quantifiers[one] for one in (word, other) if one in pair.rules.quantifiers])
    if not pair.short or not (both <= _STRONG or both in _OF_A_GROUP):
        return False
    return pair.close(0, *((word, other) if both in _OF_A_GROUP else ()))


def _new(roles: frozenset[str], only: frozenset[str], rules: Rules) -> frozenset[str]:
    """The words for roles that the other prompt lacks."""
    return frozenset([word for word, role in rules.roles.items() if role in roles and stem(word) in only])


def whose(pair: Pair) -> Difference | None:
    """Another owner, or another audience; certain where little else differs."""
    a, b = pair.a.scope, pair.b.scope
    if a == b:
        return None
    if a.audiences != b.audiences:
        only_a, only_b = a.audiences - b.audiences, b.audiences - a.audiences
        if only_a and only_b:
            words = [word for word, audience in pair.rules.audiences.items() if audience in only_a | only_b]
            return pair.close(1, *words), f"for {min(only_a)} / for {min(only_b)}"
        return False, f"for {min(only_a, default='all')} / for {min(only_b, default='all')}"
    if a.roles != b.roles:
        new_a, new_b = pair.only
        only_a = _new(a.roles - b.roles, new_a, pair.rules)
        only_b = _new(b.roles - a.roles, new_b, pair.rules)
        if not only_a and not only_b:
            return None
        owned = bool(a.possessives and b.possessives)
        return owned and pair.close(0, *only_a, *only_b), (
            f"{min(only_a, default='own')} / {min(only_b, default='own')}"
        )
    if _acts(a, b) and pair.close(0):
        return True, f"{'I' if a.asker else 'another'} / {'I' if b.asker else 'another'}"
    if a.possessives and b.possessives and a.possessives.isdisjoint(b.possessives):
        return False, f"{min(a.possessives)} / {min(b.possessives)}"
    return None
