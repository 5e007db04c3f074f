"""What must be the same in two conversations whose earlier turns may be worded otherwise, and what is compared then.

The rule. Of all that precedes the last message, the user's own plain text may differ in its wording; everything else
is the conversation's shape and must be the same: the sequence of turns and their roles, the model's answers, tool calls
and their results, images, names, where system messages stand, and how the lines of a text are set in, which is meaning
in a program and which the transcript loses. Answers are not judged, since what comes next may ask of their very words
("why that one?"), and a cache gives the same answer to the same question anyway; only blanks in them do not count. A
conversation whose transcript is longer than `LONGEST` has no shape: nothing here could judge it, so what precedes its
last message must be identical.

Pure: no clock, no randomness, no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from semcache.policy import canonical
from semcache.policy.indentation import is_indented, levels
from semcache.policy.transcript import Turn, transcript

LONGEST: Final = 16_000
"""Characters of a transcript: what the guards read of a text, and the verifier tokenises."""
_SPOKEN: Final = ("user", "assistant")


class Told(msgspec.Struct, frozen=True):
    """A conversation that may be worded otherwise."""

    shape: list[Any]
    """JSON: an item for each thing that precedes the last message; of a user's plain text only that it is there, and
    how deep each of its lines stands where some are set in."""
    transcript: str
    """All spoken turns, the last message last."""


def told(context: Sequence[Any], prompt: str) -> Told | None:
    """What precedes a prompt, as `policy.identity` has it (messages, and numbers where system messages stand).

    None where nothing in it may be worded otherwise, or the transcript is too long to be judged.
    """
    shape: list[Any] = []
    turns: list[Turn] = []
    asked = False
    for item in context:
        text = _spoken(item)
        if text is None:
            shape.append(item)
            continue
        role = item["role"]
        asked |= role == "user"
        shape.append(_asked(role, text) if role == "user" else [role, " ".join(text.split())])
        turns.append((role, text))
    if not asked:
        return None
    text = transcript([*turns, ("user", prompt)])
    return Told(shape, text) if len(text) <= LONGEST else None


def _asked(role: str, text: str) -> list[Any]:
    return [role, levels(text)] if is_indented(text) else [role]


def _spoken(item: Any) -> str | None:
    """The text of a turn that is nothing but text of the user or the model."""
    if not isinstance(item, dict) or len(item) != 2 or item.get("role") not in _SPOKEN:
        return None
    return canonical.text_of(item)
