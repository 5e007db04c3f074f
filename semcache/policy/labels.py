"""What became known of a pair of prompts: the label, and what of it is kept. Pure.

A label says whether the answer that was stored for one prompt is right for another. It comes from people (feedback), or
from comparing a stored answer with a fresh one. The relation is between prompts: an exact hit that was wrong has a bad
answer, which says nothing of a pair, and is no label.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any, Final

import msgspec

MOST_CHARS: Final = 2000
"""A label with a longer prompt is kept without its texts: half a question is another question."""
MOST_ANSWER_BYTES: Final = 4000
"""Of a right answer's JSON; a longer one is left out."""


class Source(StrEnum):
    """How it became known."""

    FEEDBACK = "feedback"
    """A caller said so. Of hits alone, and of callers who complain or praise: a biased sample."""
    SHADOW = "shadow"
    """The answer that shadow mode would have served was compared with the fresh one."""
    EXPLORED = "explored"
    """Verified mode asked upstream instead of serving, and compared."""


class Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing known of two prompts."""

    namespace: str
    """Without what tells provider keys apart."""
    entry_id: str
    """The entry whose answer it is about."""
    asked: str = ""
    """The prompt that asked; "" where it is not known, or not kept (too long, or personal)."""
    cached: str = ""
    """The prompt that the answer was stored for."""
    conversation: bool = False
    """Both are whole conversations (`policy.transcript`), a line for each turn: their earlier turns may differ."""
    similarity: float | None = None
    """Cosine of the two, as it was when they met; None where it is not known."""
    confidence: float | None = None
    """The verifier's probability; None where there was no verifier."""
    same: bool
    """Whether the stored answer is right for the asked prompt."""
    source: Source
    principal: str | None = None
    """Keyed hash of who said so; None for comparisons."""
    asker: str = ""
    """16 hex digits: head of the asking prompt's normalised digest, by which one prompt counts once."""
    weight: float = 1.0
    """How many such pairs it stands for: 1 / the probability with which it was drawn, where that is known."""
    at_ms: int = 0
    """When, by the store's clock; 0 for now."""
    answer: Any = None
    """The right answer, where the caller gave it."""

    @property
    def whole(self) -> bool:
        """Whether both texts are known: what training and scoring anew need."""
        return bool(self.asked and self.cached)

    @property
    def about(self) -> str:
        """16 hex digits that stand for the asking prompt within the entry's evidence."""
        return self.asker or hashlib.sha256(b"asked\0" + self.asked.casefold().strip().encode()).hexdigest()[:16]


class Met(msgspec.Struct, frozen=True):
    """How a semantic hit came about: what feedback on it teaches. A caller's word, where it went through its hands."""

    asked: str
    """The asking prompt, or the conversation as it was compared; "" where it is not known."""
    similarity: float
    confidence: float | None = None


def kept(label: Label) -> Label:
    """What is kept of a label: without texts and answers that are too long, with its `asker`."""
    told = len(label.asked) <= MOST_CHARS and len(label.cached) <= MOST_CHARS
    answer = label.answer
    if answer is not None and len(msgspec.json.encode(answer)) > MOST_ANSWER_BYTES:
        answer = None
    return msgspec.structs.replace(
        label,
        asker=label.about,
        asked=label.asked if told else "",
        cached=label.cached if told else "",
        answer=answer if told else None,
    )
