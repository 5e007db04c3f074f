"""Do two answers say the same? The label behind shadow and verified mode. Pure.

A stored answer and a fresh one to the same question are rarely equal to the letter. They agree if their words are the
same, and the signs that say as much as words (-5, $5, 5 %, C#), but for case, marks and blanks; or if their vectors are
near and no guard sees another number, date, name, polarity or the like. They disagree if they are far apart or a guard
is certain. Between, nothing is claimed: there is no label, unless a judge model says more (`policy.judging`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, Final

import msgspec

from semcache.policy.guards import Finding, Force

ALIKE: Final = 0.90
"""Least cosine of answers that agree."""
APART: Final = 0.70
"""Answers below this cosine disagree."""

_OF_QUESTIONS: Final = frozenset({"direction", "question"})
"""Guards whose mere doubts mean something of questions only: statements turn their parts round freely."""
_TEXT_FIELDS: Final = frozenset(
    {"content", "text", "output_text", "arguments", "input", "refusal", "reasoning_content"}
)
_WORD: Final = re.compile(r"\d+(?:[.,]\d+)+|\w+|(?<![\w.)\]])[-−](?=\d)|(?<=\w)#|!(?==)|[$€£¥₹%‰°<>≤≥=≠≈+×÷/\\^~&@]")
"""A word, a number with its point, or a sign; marks of sentences and of layout (*, #, `, |, bullets) are none."""


class Agreement(StrEnum):
    """What comparing two answers told."""

    SAME = "same"
    OTHER = "other"
    UNSURE = "unsure"


def told(response: bytes) -> str:
    """What an answer (JSON) says: the texts in it that a reader sees; of JSON in no provider's shape, all values."""
    try:
        value = msgspec.json.decode(response)
    except msgspec.DecodeError:
        return response.decode("utf-8", "replace")
    found = [value] if isinstance(value, str) else list(_texts(value, within=False))
    return "\n".join(found if found else _values(value))


def equal(one: str, other: str) -> bool:
    """Whether two texts have the same words and signs in the same order."""
    return _WORD.findall(one.casefold()) == _WORD.findall(other.casefold())


def agreement(one: str, other: str, *, similarity: float | None, findings: Iterable[Finding]) -> Agreement:
    """Of two answers' texts with the cosine of their vectors (None: unknown) and the guards' findings."""
    if equal(one, other):
        return Agreement.SAME
    seen = list(findings)
    if any(finding.force is Force.VETO for finding in seen) or (similarity is not None and similarity < APART):
        return Agreement.OTHER
    if similarity is not None and similarity >= ALIKE and not any(one.guard not in _OF_QUESTIONS for one in seen):
        return Agreement.SAME
    return Agreement.UNSURE


def _texts(value: Any, *, within: bool) -> Iterator[str]:
    if isinstance(value, str):
        if within:
            yield value
    elif isinstance(value, dict):
        parts = _TEXT_FIELDS & value.keys()  # of a part, only what it says, not what it is called
        for key, inner in value.items():
            yield from _texts(inner, within=key in parts if parts else within)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, within=within)


def _values(value: Any) -> Iterator[str]:
    """Texts as they are, all else as JSON has it: `{"spam": true}` says something, too."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _values(inner)
    else:
        yield value if isinstance(value, str) else msgspec.json.encode(value).decode()
