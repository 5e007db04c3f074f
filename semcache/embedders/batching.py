"""An encoder behind the Embedder port: driven by an owner thread, in batches bounded by their windows."""

from __future__ import annotations

from collections.abc import Sequence

from semcache.embedders.encoder import Encoder
from semcache.engines.owner import Owner, Refusals
from semcache.errors import EmbedderOverloaded, EmbedderTimeout, EmbedderUnavailable
from semcache.models import Embedding
from semcache.ports import EmbedderState


class BatchingEmbedder:
    """Implements `ports.Embedder` over an `Encoder`. Its methods belong to event loops, never to the owner thread."""

    def __init__(self, encoder: Encoder, *, queue: int, batch: int, deadline_s: float) -> None:
        """`queue`: texts that may wait; `batch`: most windows in one batch; `deadline_s`: default of `embed`."""
        self._encoder = encoder
        self._owner: Owner[str, Embedding | None] = Owner(
            encoder,
            name="embedder",
            run=encoder.encode,
            size=encoder.windows,
            refusals=Refusals(EmbedderUnavailable, EmbedderTimeout, EmbedderOverloaded),
            queue=queue,
            batch=batch,
            deadline_s=deadline_s,
            ready=lambda: f", space {encoder.space}",
        )

    @property
    def space(self) -> str:
        """The encoder's vector space."""
        return self._encoder.space

    @property
    def dimension(self) -> int:
        """Components of a vector."""
        return self._encoder.dimension

    def state(self) -> EmbedderState:
        """Ready, or why not: preparing, failed (and why), hung, stopped."""
        return self._owner.state()

    async def start(self) -> None:
        """Start the owner thread, which loads the model; returns at once."""
        await self._owner.start()

    async def embed(self, texts: Sequence[str], *, deadline_s: float | None = None) -> list[Embedding | None]:
        """See `ports.Embedder.embed`. At most `queue` texts in one call."""
        return await self._owner.ask(texts, deadline_s=deadline_s)

    async def aclose(self) -> None:
        """Refuse new texts, fail the waiting ones, stop the thread; returns within a few seconds."""
        await self._owner.aclose()
