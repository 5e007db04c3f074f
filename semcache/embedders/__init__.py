"""Text to vectors: the packaged model, any sentence-transformers model, OpenAI embeddings.

The only room that knows openvino, tokenizers, torch, sentence_transformers and openai; each is imported when it is
needed, torch in child processes alone. It knows nothing of entries, indexes, thresholds or HTTP.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semcache.embedders.cached import CachedEmbedder
    from semcache.embedders.encoder import Encoder
    from semcache.ports import Embedder
    from semcache.settings import Settings

MOST_THREADS = 4
"""Where the operator does not say: short texts gain nothing from more."""


def make_embedder(settings: Settings) -> CachedEmbedder | None:
    """The embedder that the settings name, cached and batched, not started; None where it is 'off'."""
    if settings.embedder == "off":
        return None
    from semcache.embedders.cached import CachedEmbedder

    wants, inner = settings.embedding, _uncached(settings)
    free = not settings.embedder.startswith("openai:")
    return CachedEmbedder(inner, entries=wants.cache_entries, deadline_s=wants.deadline_s, free=free)


def _uncached(settings: Settings) -> Embedder:
    wants = settings.embedding
    kind, _, model = settings.embedder.partition(":")
    if kind == "openai":
        from semcache.embedders.openai_api import OpenAiEmbedder

        return OpenAiEmbedder(
            model,
            base_url=wants.openai_base_url,
            api_key=wants.openai_api_key,
            dimensions=wants.dimensions,
            queue=wants.queue,
            batch=wants.batch,
            max_windows=wants.max_windows,
            deadline_s=wants.deadline_s,
        )
    from semcache.embedders.batching import BatchingEmbedder

    encoder = _local(kind, model, settings)
    return BatchingEmbedder(encoder, queue=wants.queue, batch=wants.batch, deadline_s=wants.deadline_s)


def _local(kind: str, model: str, settings: Settings) -> Encoder:
    wants = settings.embedding
    threads = wants.threads or min(MOST_THREADS, os.cpu_count() or 1)
    if kind == "st":
        from semcache.embedders.st_process import StProcess

        return StProcess(model, threads=threads, batch=wants.batch, max_windows=wants.max_windows)
    from semcache.embedders.minilm import MiniLm

    cache_dir = settings.data_dir / "models"
    return MiniLm(cache_dir, threads=threads, batch=wants.batch, max_windows=wants.max_windows)
