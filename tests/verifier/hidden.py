"""Texts that a model reads and nobody sees."""

from __future__ import annotations


def hidden(text: str) -> str:
    """ASCII text in Unicode's tag characters, which have no shape."""
    return "".join(chr(0xE0000 + ord(letter)) for letter in text)
