"""Two readings side by side: which of their words the other one lacks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

from semcache.policy.guards import relations
from semcache.policy.guards.forms import near, stem
from semcache.policy.guards.grammar import ARTICLES

if TYPE_CHECKING:
    from semcache.policy.guards.reading import Reading
    from semcache.policy.guards.rules import Rules

Difference: TypeAlias = tuple[bool, str]
"""Whether it is certain to matter, and what it is."""

_LONG: Final = 50
"""Stems."""
_MOST_TYPOS: Final = 12
"""Words that the other prompt lacks, beyond which the prompts are worded anew rather than mistyped."""


class Pair:
    """What several guards ask about two prompts, each thing worked out once and only if asked."""

    def __init__(self, a: Reading, b: Reading, rules: Rules) -> None:
        self.a, self.b, self.rules = a, b, rules

    @cached_property
    def text_a(self) -> str:
        """All words of `a`, in lower case between blanks."""
        return " ".join(self.a.tokens.low)

    @cached_property
    def text_b(self) -> str:
        """All words of `b`, in lower case between blanks."""
        return " ".join(self.b.tokens.low)

    @cached_property
    def only(self) -> tuple[frozenset[str], frozenset[str]]:
        """Stems of content that the one and the other prompt has alone, slips of the keyboard aside."""
        words_a, words_b = self.a.content, self.b.content
        only_a, only_b = words_a.keys() - words_b.keys(), words_b.keys() - words_a.keys()
        if only_a and only_b and len(only_a) <= _MOST_TYPOS and len(only_b) <= _MOST_TYPOS:
            known = self.a.names.stems | self.b.names.stems
            typed = [
                (one, other)
                for one in only_a
                for other in only_b
                if one[0] == other[0]
                and (near(one, other) or near(words_a[one], words_b[other]))
                and not (one in known and other in known)
            ]
            only_a -= {one for one, _ in typed}
            only_b -= {other for _, other in typed}
        return frozenset(only_a), frozenset(only_b)

    @cached_property
    def swapped(self) -> str:
        """The relation whose operands have changed places, if one has."""
        return relations.swapped(self)

    @cached_property
    def replaced(self) -> tuple[str, str] | None:
        """The one word of each that stands in the other's place, if all else is the same word for word."""
        one, other = ([word for word in side.tokens.low if word not in ARTICLES] for side in (self.a, self.b))
        if len(one) != len(other):
            return None
        places = [at for at, word in enumerate(one) if word != other[at]]
        return (one[places[0]], other[places[0]]) if len(places) == 1 else None

    def left(self, *words: str) -> int:
        """How many stems the prompts do not share, the given words aside."""
        only_a, only_b = self.only
        if not only_a and not only_b:
            return 0
        aside = {stem(part) for word in words for part in word.replace("_", " ").split()}
        return len(only_a - aside) + len(only_b - aside)

    def close(self, most: int, *words: str) -> bool:
        """Whether the prompts differ in at most so many stems beside the given words."""
        return self.left(*words) <= most

    @cached_property
    def short(self) -> bool:
        """Whether no prompt is so long that a word more may be of no account for what is asked."""
        return max(len(self.a.content), len(self.b.content)) <= _LONG
