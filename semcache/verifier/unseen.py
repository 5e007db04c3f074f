"""What stands in a prompt that neither people see nor the verifier reads, but maybe the model that answers. Pure.

The tokenizer leaves out characters without a shape of their own, and marks above and below letters. To the verifier
a clean prompt, and the same one with an order to the model spelt in such characters, are one and the same, so that the
answer to the order would be served for the question.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from semcache.policy.spelling import unicode_form

_KINDS: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Mn", "Me"})
"""Control, format, unassigned and private characters; marks that stand on others. No lone surrogate comes so far, as it
has no UTF-8."""
_SELECTORS: Final = "\ufe0e\ufe0f"
_JOINER: Final = "\u200d"


def unseen(text: str) -> str:
    """The characters of a text that the tokenizer leaves out, in their order; "" for most.

    Accents are none of them, as they are part of their letter, nor what a few characters come to that copying leaves
    behind (`policy.spelling`), nor what tells how a symbol is drawn: they are dropped by design.
    """
    if text.isascii() and text.isprintable():
        return ""
    text = unicode_form(text)
    if not any(map(_is_unseen, frozenset(text))):
        return ""
    found = []
    drawn = ""  # what may stand here as a part of the symbol before
    for char in text:
        if char in drawn:
            drawn = _JOINER if char in _SELECTORS else ""
        elif _is_unseen(char):
            found.append(char)
            drawn = ""
        else:
            drawn = _SELECTORS + _JOINER if unicodedata.category(char) in ("So", "Sk") else ""
    return "".join(found)


def _is_unseen(char: str) -> bool:
    return unicodedata.category(char) in _KINDS and not char.isspace()
