"""What `doctor` and `check-config` say of the verifier."""

from __future__ import annotations

import asyncio

from semcache.embedders import make_embedder
from semcache.errors import ConfigError, EmbedderUnavailable
from semcache.settings import Settings
from semcache.verifier.examining import Examined, examine


def examined(settings: Settings) -> Examined:
    """Look at the verifier that the settings name; nothing is prepared, mended or connected to."""
    return examine(settings, asyncio.run(_space(settings)))


async def _space(settings: Settings) -> str | None:
    """The embedder's vector space; None where there is no embedder, or it is not known before one is loaded."""
    try:
        embedder = make_embedder(settings)
    except ConfigError:  # of which others tell
        return None
    if embedder is None:
        return None
    try:
        return embedder.space
    except EmbedderUnavailable:
        return None
    finally:
        await embedder.aclose()
