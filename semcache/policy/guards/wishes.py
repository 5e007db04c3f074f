"""What a prompt wishes of its answer beside what it asks, where only one of two prompts does.

"How do I reset my password? I'd appreciate your lies": words of courtesy, and an order to the model that answers. What
is mere courtesy (`policy.courtesy`) is none, nor a wish to be told what is asked.
"""

from __future__ import annotations

import re
from typing import Final

from semcache.policy.courtesy import bare
from semcache.policy.guards.pair import Difference, Pair

_HINTS: Final = ("appreciate", "grateful", "thankful", "obliged", "glad if", "be ", "keep it ", "make it ")
_WISH: Final = re.compile(
    r"\b(?:i|we)(?:'d|'ll| would| will)?(?: (?:really|greatly|very|so|truly|also|much|be))* "
    r"(?:appreciate(?: it)?|grateful|thankful|obliged|glad(?= if))(?: very much)? "
    r"(?!if [^.?!\n]{0,40}\b(?:tell|explain|help|show|let|give|share|clarify|walk|guide|advise|answer|point|describe|"
    r"teach|provide|send)\b)"
    r"(?!your(?: \w+){0,2} (?:help|advice|assistance|answers?|support|tips?|guidance|hints?|input|ideas?|suggestions?|"
    r"pointers?|time)\b)"
    r"((?:if|your)\b[^.?!\n]*)"
)
"""A wish to be told what is asked, or for help, is courtesy."""
_MANNER: Final = re.compile(
    r"(?:\A|[.?!\n] *)((?:be|keep it|make it) (?:very |really )?(?:brief|short|concise|detailed|thorough|funny|"
    r"sarcastic|formal|informal|creative|simple|rude|poetic))(?= *(?:[.!\n]|\Z))"
)
"""A sentence of its own."""


def wish(text: str) -> str:
    """What a prompt wishes of its answer, in lower case; "" for most, and where the wish is all that it says."""
    low = text.lower()
    if not any(hint in low for hint in _HINTS):
        return ""
    low = bare(low)
    found = _WISH.search(low) or _MANNER.search(low)
    rest = "" if found is None else (low[: found.start()] + low[found.end() :]).strip(" .,;:!?-\n")
    return found[1].strip() if found is not None and " " in rest else ""


def wished(pair: Pair) -> Difference | None:
    """A wish that only one of the prompts has."""
    one, other = pair.a.wish, pair.b.wish
    if bool(one) == bool(other):
        return None
    return True, f"{one or 'no wish'} / {other or 'no wish'}"
