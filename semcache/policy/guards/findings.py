"""What a guard says of two prompts: its name, how sure it is, and the difference that it saw."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

GUARDS: Final = (
    "number",
    "amount",
    "date",
    "identifier",
    "version",
    "link",
    "quote",
    "code",
    "negation",
    "antonym",
    "entity",
    "direction",
    "quantifier",
    "scope",
    "question",
    "language",
    "tense",
    "modality",
    "restriction",
    "signs",
)
"""The names of all guards, in the order in which findings are told. A model may use a guard's place as a feature."""


class Force(StrEnum):
    """How sure a guard is that the two prompts deserve different answers."""

    VETO = "veto"
    """The difference is certain to matter: no hit."""
    DOUBT = "doubt"
    """The difference may matter: evidence for the verifier."""


class Finding(msgspec.Struct, frozen=True):
    """One difference between two prompts."""

    guard: str
    """One of `GUARDS`."""
    force: Force
    detail: str
    """For an operator's eyes, e.g. "number: 15 / 50"."""
