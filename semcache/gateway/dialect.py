"""What the gateway must know of a provider's protocol. Implementations are pure; see `dialects/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec

from semcache.gateway.headers import Provider
from semcache.gateway.sse import Event
from semcache.policy.generation import Answered, Traits


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's request, as far as the cache must understand it."""

    model: str
    messages: list[dict[str, Any]]
    """For `CacheRequest.messages`."""
    params: dict[str, Any]
    """For `CacheRequest.params`: every other field of the body, and `"protocol"`, the dialect's name, so that answers
    of different shape never meet. Transport fields may stay in; `policy.canonical` leaves them out."""
    stream: bool
    shape: str = ""
    """What of the request changes the form of a stream though not the answer (chat: `usage` if the stream ends with
    it). Two requests of one identity and one shape get the same bytes."""
    user: str | None = None
    """Whom the provider's own field names (`user`, `metadata.user_id`)."""
    traits: Traits


class Assembler(Protocol):
    """Puts a stream's events together again."""

    def feed(self, event: Event) -> None:
        """Take the next event. Never raises: what is not understood makes the result None."""

    def result(self) -> dict[str, Any] | None:
        """The whole answer in the protocol's form without streaming; None unless the stream was complete and sound."""


class Dialect(Protocol):
    """One provider protocol."""

    name: str
    """Such as `openai.chat`."""
    path: str
    """Such as `/v1/chat/completions`."""
    provider: Provider
    """`openai` or `anthropic`: whose error shape, whose credentials."""

    no_usage: dict[str, Any] | None
    """The `usage` of an answer that used no tokens, where a stream may leave it out; None where it never does."""

    def read(self, body: dict[str, Any]) -> Asked:
        """Understand a request. Raises RequestError for one that is none of this protocol."""

    def judge(self, response: Mapping[str, Any]) -> Answered:
        """What a whole answer is. Never raises: Finish.UNKNOWN for what is not understood."""

    def assembler(self) -> Assembler:
        """A fresh assembler of one stream."""

    def replay(self, response: dict[str, Any], asked: Asked, evidence: dict[str, Any] | None) -> Iterator[bytes]:
        """A whole answer as the correct stream for `asked`: whole SSE events, the end mark included.

        `evidence` goes as `x_semcache` to where clients that put the stream together have it in their answer, else
        into the last event that has a JSON object; nowhere if the protocol forbids it.
        """

    def restated(self, whole: bytes, asked: Asked) -> bytes:
        """A whole answer as the answer to `asked`: what it repeats of the request that it was made for, but says
        nothing of the answer itself (labels, whom it names), is this request's.
        """

    def error(self, status: int, code: str, message: str) -> dict[str, Any]:
        """An error of ours in the protocol's shape."""

    def error_event(self, code: str, message: str) -> bytes:
        """The same as an SSE event, for a stream that has begun."""
