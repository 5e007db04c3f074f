"""The model, or whatever answers in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec


class UpstreamRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to a provider. `path` begins with `/v1/`; the upstream's base URL takes its place."""

    method: str
    path: str
    query: bytes = b""
    headers: list[tuple[bytes, bytes]]
    """The caller's, hop-by-hop and our own credentials taken out; lower-case names."""
    body: bytes = b""


class UpstreamAnswer(Protocol):
    """A provider's answer, its body still to be read. Must be closed."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Without hop-by-hop fields; lower-case names."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises UpstreamUnavailable (broken off) or UpstreamTimeout (silent for too long)."""

    async def aclose(self) -> None:
        """Give the connection back, or end it where the body was not read to its end."""


class Upstream(Protocol):
    """One provider, or one deployment of it."""

    @property
    def name(self) -> str:
        """As the operator calls it."""

    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Send it, retrying what may be retried. Raises UpstreamUnavailable, UpstreamTimeout; an HTTP error status is
        an answer like any other.
        """
