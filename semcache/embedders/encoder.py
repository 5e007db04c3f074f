"""What `BatchingEmbedder` drives: a blocking model owned by one thread. It knows no asyncio, no queue, no cache.

An encoder is loaded, used and unloaded by its owner thread alone; `abort` is the one call that others may make.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from semcache.models import Embedding


class Encoder(Protocol):
    """A model that turns texts into vectors, blocking."""

    @property
    def space(self) -> str:
        """Fingerprint of the vector space; see `ports.Embedder.space`."""

    @property
    def dimension(self) -> int:
        """Components of a vector. Raises EmbedderUnavailable while it is not known."""

    def load(self) -> None:
        """Get ready to encode. Raises EmbedderUnavailable; may be called again, also after `encode` raised it."""

    def windows(self, text: str) -> int:
        """About how many windows a text will need: a cheap guess, at least 1, to bound a batch."""

    def encode(self, texts: Sequence[str]) -> list[Embedding | None]:
        """Vectors of each text, None for one beyond the most windows.

        Raises EmbedderUnavailable where the model is gone and must be loaded again; anything else is the texts' fault.
        """

    def unload(self) -> None:
        """Give everything back."""

    def abort(self) -> None:
        """From any thread, at the end of the service: make `load` and `encode` return or raise soon, for good."""
