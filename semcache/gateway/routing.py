"""Which upstream is asked for a model: the first, in the operator's order, whose protocol and patterns fit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Final

from semcache.errors import NoUpstream, UnknownModel
from semcache.gateway.headers import Provider
from semcache.gateway.http_upstream import Health, HttpUpstream
from semcache.settings import Settings, UpstreamSettings

NOT_CONFIGURED: Final = (
    "no upstream is configured: set SEMCACHE_UPSTREAM_BASE_URL, such as https://api.openai.com/v1, and start again"
)


class Upstreams:
    """All upstreams of the settings. Nothing is connected before it is asked."""

    def __init__(
        self, settings: Settings, *, make: Callable[[str, UpstreamSettings], HttpUpstream] = HttpUpstream
    ) -> None:
        """`make` builds one upstream of its name and settings."""
        self.all: tuple[HttpUpstream, ...] = tuple(make(name, one) for name, one in settings.all_upstreams().items())

    @property
    def configured(self) -> bool:
        """Whether there is any: without one there is no gateway."""
        return bool(self.all)

    def choose(self, model: str | None, provider: Provider) -> HttpUpstream:
        """The upstream of a model, or of a request that names none.

        Raises NoUpstream where none speaks the protocol, UnknownModel where no pattern fits the model.
        """
        speaking = self.speaking(provider)
        for upstream in speaking:
            if model is None or serves(upstream.settings, model):
                return upstream
        if speaking:
            raise UnknownModel(f"no upstream serves the model `{model}`", field="model")
        if self.all:
            raise NoUpstream(f"no upstream speaks the protocol of {provider}: set `protocol` of one in [upstreams]")
        raise NoUpstream(NOT_CONFIGURED)

    def speaking(self, provider: Provider) -> list[HttpUpstream]:
        """The upstreams of a protocol, in order."""
        return [each for each in self.all if each.settings.protocol in ("any", provider)]

    def health(self) -> dict[str, Health]:
        """What traffic has shown of each upstream, by name."""
        return {upstream.name: upstream.health() for upstream in self.all}

    async def aclose(self) -> None:
        """End all connections."""
        await asyncio.gather(*(upstream.aclose() for upstream in self.all))


def serves(settings: UpstreamSettings, model: str) -> bool:
    """Whether an upstream's patterns fit a model's name."""
    return any(fnmatchcase(model, pattern) for pattern in settings.models)
