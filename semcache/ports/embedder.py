"""Texts to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from semcache.models import Embedding


class Embedder(Protocol):
    """Text to vectors in one vector space."""

    @property
    def space(self) -> str:
        """Fingerprint of the vector space, known from the start (no model needs to be loaded for it).

        Raises EmbedderUnavailable while it cannot be known: a model by name that is not on this disk yet.
        """

    @property
    def dimension(self) -> int:
        """Components of a vector. Raises EmbedderUnavailable while it is not known yet."""

    def state(self) -> EmbedderState:
        """Whether it can answer now, and if not, why."""

    async def embed(self, texts: Sequence[str], *, deadline_s: float | None = None) -> list[Embedding | None]:
        """One Embedding a text, in order; None for a text of more than the most windows: it has no vectors, ever.

        Raises EmbedderUnavailable or one of its kinds, within `deadline_s` (default: the operator's). At once while
        the model is not ready, and where more texts wait than may.
        """

    async def start(self) -> None:
        """Begin loading in the background; returns at once."""

    async def aclose(self) -> None:
        """Stop threads and processes."""


class EmbedderState(msgspec.Struct, frozen=True):
    """Whether an embedder can answer, and if not, why."""

    ready: bool
    detail: str = ""
