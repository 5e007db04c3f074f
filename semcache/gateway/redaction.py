"""Keeping the operator's key out of what callers read: providers repeat a key that they refuse."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

SHORTEST: Final = 8
"""Bytes of a key that is looked for: less would be found where it is none."""


class Redactor:
    """Puts asterisks in a secret's place in bytes that come in pieces; their length stays."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._hidden = b"*" * len(secret)
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """What can be told by now: all but an end that may be the secret's beginning."""
        text = (self._held + piece).replace(self._secret, self._hidden)
        most = min(len(self._secret) - 1, len(text))
        held = next((size for size in range(most, 0, -1) if text.endswith(self._secret[:size])), 0)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def rest(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return held


async def redacted(pieces: AsyncIterator[bytes], secret: bytes) -> AsyncGenerator[bytes, None]:
    """The pieces without the secret."""
    redactor = Redactor(secret)
    async for piece in pieces:
        told = redactor.feed(piece)
        if told:
            yield told
    rest = redactor.rest()
    if rest:
        yield rest
