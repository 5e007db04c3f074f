"""A conversation as one text, for judging whether two conversations ask the same with their last message.

Pure. Each turn is a line; of an answer only the beginning is kept, since an answer to the same question is worded
otherwise every time, and what the next question refers to was named early.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

ANSWER_CHARS: Final = 160
"""Of each assistant's turn."""

Turn = tuple[str, str]
"""Role and text."""


def transcript(turns: Sequence[Turn]) -> str:
    """The turns in order, the last message last. Roles stay visible, so that nobody's words become another's."""
    return "\n".join(f"{role}: {_kept(role, text)}" for role, text in turns)


def _kept(role: str, text: str) -> str:
    plain = " ".join(text.split())
    return plain[:ANSWER_CHARS] if role == "assistant" else plain
