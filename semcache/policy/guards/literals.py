"""What must be the same to the letter: links, quotes, code."""

from __future__ import annotations

import re

from semcache.policy.guards.forms import near, stem
from semcache.policy.guards.pair import Difference, Pair
from semcache.policy.guards.tokens import Tokens

_CAMEL = re.compile(r"[a-z][a-z0-9]*[A-Z]\w*")
_WORD = re.compile(r"[^\W_]+")
_LONG_QUOTE = 80
"""Characters from which on a quote is a text of its own, which may be edited."""
_PATH = frozenset("/\\@0123456789")
"""With one of these an address differs by design, not by a slip."""
_SURE = frozenset({"==", "!=", "===", "!==", "<=", ">=", "->", "=>", "&&", "||", "++", "--", "+=", "-=", "<<", ">>"})
_BETWEEN = frozenset("+-*/^<>=")


def code(tokens: Tokens, ticked: frozenset[str]) -> frozenset[str]:
    """Names of code, and what stands in backticks."""
    found = set(ticked)
    for raw, kind in zip(tokens.raw, tokens.kind, strict=True):
        if kind != "w" or len(raw) < 3 or (raw.islower() and "_" not in raw):
            continue
        if "_" in raw.strip("_") or _CAMEL.fullmatch(raw):
            found.add(raw)
    return frozenset(found)


def operators(tokens: Tokens) -> frozenset[str]:
    """Operators of code, and of arithmetic between two numbers."""
    found = set()
    kinds = tokens.kind
    last = len(kinds) - 1
    for at, kind in enumerate(kinds):
        if kind == "o":
            mark = tokens.low[at]
            if mark in _SURE or (mark in _BETWEEN and 0 < at < last and kinds[at - 1] == kinds[at + 1] == "n"):
                found.add(mark)
    return frozenset(found)


def _stems(quotes: set[str]) -> set[str]:
    return {stem(word) for quote in quotes for word in _WORD.findall(quote)}


def link(pair: Pair) -> Difference | None:
    """Another address, path or file."""
    only_a, only_b = pair.a.links - pair.b.links, pair.b.links - pair.a.links
    if only_a and only_b:
        host_a, host_b = min(only_a), min(only_b)
        typed = len(only_a) == len(only_b) == 1 and not _PATH & {*host_a, *host_b}
        typed = typed and near(_letters(host_a), _letters(host_b))
        return not typed, f"{min(only_a)} / {min(only_b)}"
    if only_a or only_b:
        return False, f"{min(only_a, default='none')} / {min(only_b, default='none')}"
    return None


def _letters(link: str) -> str:
    return "".join(_WORD.findall(link))


def quote(pair: Pair) -> Difference | None:
    """Another quoted text, unless the other prompt has it without quotes."""
    only_a = {quote for quote in pair.a.quotes - pair.b.quotes if quote not in pair.text_b}
    only_b = {quote for quote in pair.b.quotes - pair.a.quotes if quote not in pair.text_a}
    if only_a and only_b:
        new_a, new_b = pair.only
        sure = not new_a.isdisjoint(_stems(only_a)) and not new_b.isdisjoint(_stems(only_b))
        sure = sure and max(map(len, only_a | only_b)) <= _LONG_QUOTE
        return sure, f'"{min(only_a)}" / "{min(only_b)}"'
    if only_a or only_b:
        return False, f'"{min(only_a, default="")}" / "{min(only_b, default="")}"'
    return None


def fragment(pair: Pair) -> Difference | None:
    """Another name of code, or another operator."""
    a, b = pair.a, pair.b
    only_a = {name for name in a.code - b.code if name.lower() not in pair.text_b}
    only_b = {name for name in b.code - a.code if name.lower() not in pair.text_a}
    if a.operators != b.operators:
        other_a, other_b = a.operators - b.operators, b.operators - a.operators
        if other_a and other_b:
            return True, f"{min(other_a)} / {min(other_b)}"
        return False, f"{min(other_a, default='none')} / {min(other_b, default='none')}"
    if only_a and only_b:
        return pair.close(3), f"{min(only_a)} / {min(only_b)}"
    if only_a or only_b:
        return False, f"{min(only_a, default='none')} / {min(only_b, default='none')}"
    return None
