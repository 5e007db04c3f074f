"""Two orders of the same words that ask the same: a phrase put first, a question asked indirectly. Pure; English.

"Without water, how long can a camel survive?" is "How long can a camel survive without water?", and "I'd like to know
how old I must be" asks "How old must I be?" (`courtesy` takes its first words away). What stands last belongs to its
neighbour now and then ("who said he would come on Monday"), so that equal words are no proof.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_WH: Final = "what|how|who|where|when|why|which|whose|whom"
_VERBS: Final = "is are was were am can could must should shall will would may might has have had do does did"
_AUXILIARIES: Final = frozenset(_VERBS.split())
_DETERMINING: Final = frozenset({"what", "which", "whose", "many", "much"})
"""What may ask for a thing that is named behind it."""
_PRONOUNS: Final = frozenset({"i", "you", "we", "they", "he", "she", "it", "one", "there", "this", "that"})
_ASKING: Final = frozenset(_WH.split("|"))
_FRONTED: Final = re.compile(
    r"\s*((?:in|on|at|for|with|without|after|before|during|from|by|under|over|within|as|to|if|since|until|unless|while|"
    r"because|according to|given|instead of|despite|when(?! (?:is|are|was|were|do|does|did|will|can|should)\b))"
    r"\s[^,.?!;:()\"\n]{2,80}),\s+"
    rf"(?=(?:(?:{_WH})(?:'s)?|is|are|was|were|do|does|did|can|could|must|should|will|would|may|has|have|give|write|"
    r"tell|show|explain|list|name|find|create|make|suggest|describe|translate|convert|summari[sz]e|compute|calculate|"
    r"recommend|draft|generate|compare|define|turn)\b)"
    r"([^,.?!;:\n]+)[\s.?!]*\Z"
)
_FURTHEST: Final = 5
"""Words over which an auxiliary is moved."""


def settled(text: str) -> str:
    """The text, which is lower-case, with the phrase that one sentence puts first at its end, as most write it."""
    if ", " not in text:
        return text
    found = _FRONTED.match(text)
    return text if found is None else f"{found[2].rstrip()} {found[1]}"


def asked_indirectly(direct: Sequence[str], indirect: Sequence[str]) -> bool:
    """Whether the second question is the first but for the place of its auxiliary verb, as indirect questions have it:
    "what time is sunset", "what time sunset is". Not where the words that it passes may belong to what is asked for
    ("how many can people see", "how many people can see").
    """
    if len(direct) != len(indirect) or direct[0] != indirect[0] or direct[0] not in _ASKING:
        return False
    pairs = enumerate(zip(direct, indirect, strict=True))
    first = next((at for at, (left, right) in pairs if left != right), 0)
    if not first or direct[first] not in _AUXILIARIES:
        return False
    for last in range(first + 1, min(first + _FURTHEST, len(direct) - 1) + 1):
        passed = tuple(direct[first + 1 : last + 1])
        if (*passed, direct[first], *direct[last + 1 :]) == tuple(indirect[first:]):
            return direct[first - 1] not in _DETERMINING or passed[0] in _PRONOUNS or last == len(direct) - 1
    return False
