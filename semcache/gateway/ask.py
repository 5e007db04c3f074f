"""One call of a provider route as the gateway gets it, and what it gives back. Plain values, no HTTP framework."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from semcache.direct import Question
from semcache.near import Again
from semcache.policy.directives import Directives

Header = tuple[bytes, bytes]


async def _free() -> None:
    """No rate to spend."""


def _none() -> None:
    """No entry that is read again."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was admitted: what is asked, and by whom."""

    method: str
    path: str
    query: bytes
    headers: list[Header]
    """The caller's own, names in lower case."""
    ours: frozenset[bytes] = frozenset()
    """Names of headers that carried a key of this service: they never go upstream."""
    body: bytes
    namespace: str
    """As the credential chose it, before a provider's key is taken into account."""
    principal: Callable[[str | None], str | None]
    """Whose a personal answer is, given whom the provider's field names."""
    directives: Directives
    bound: bool = False
    """The credential opens some namespaces only."""
    may_store: bool = True
    """The credential may write."""
    spend: Callable[[], Awaitable[None]] = _free
    """Counts a call of upstream against the caller's rate; raises RateLimited."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. `chunks` in place of `body` where it streams."""

    status: int
    headers: list[Header]
    """Content type included, content length not."""
    body: bytes = b""
    chunks: AsyncIterator[bytes] | None = None
    around: tuple[bytes, bytes] | None = None
    """Of `body`, what stands before and after its evidence; None where that cannot be told."""
    again: Again | None = None
    """How the same request is answered again; None where that takes the whole way."""
    question: Callable[[], Question | None] = _none
    """How its entry is read again; None as well. Made when it is asked for: what it is made of stays as it is."""
