"""What every call has in common, without I/O: who calls, what an answer means, and what a broken cache turns into.

A `Call` says what is asked and how its answer reads; `Core` says what to do with an answer, or with the lack of one.
The drivers (`blocking`, `asynchronous`) only send bytes.

The rule of failing open. A lookup or store that gets no usable answer (no connection, no time, a 5xx) gives the
call's `instead`, and so does one that the service turns away for what it holds or for the moment (413, 429): those
depend on the traffic, not on the program. Any other 4xx is a mistake in the program or its key, and is raised.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NoReturn, TypeVar

import msgspec

from semcache.client.breaker import Breaker
from semcache.client.errors import CacheUnavailable, ClientError

log = logging.getLogger("semcache.client")

T = TypeVar("T")

URL_VARIABLE: Final = "SEMCACHE_URL"
KEY_VARIABLE: Final = "SEMCACHE_API_KEY"
DEFAULT_URL: Final = "http://127.0.0.1:8080"
UNAVAILABLE: Final = "cache_unavailable"
"""The reason of a miss, and of a store that kept nothing, where the cache could not be used."""

_REASON_OF: Final = {413: "too_large", 429: "rate_limited"}
_SAY_AGAIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer as it came."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One call: what is sent, and how what comes back reads."""

    method: str
    path: str
    read: Callable[[bytes], T]
    """The body of a good answer to its value; may raise msgspec's errors."""
    body: bytes | None = None
    content_type: str = "application/json"
    query: Mapping[str, str] = field(default_factory=dict)
    instead: Callable[[str], T] | None = None
    """What a call that may fail open gives, for a reason."""
    missing: Callable[[], T] | None = None
    """What a 404 means, where it is an answer and no mistake."""
    also: tuple[int, ...] = ()
    """Statuses beyond 2xx whose body is read as well."""
    quick: bool = False
    """Someone waits for a model's answer: it has the short deadline."""


@dataclass(frozen=True, slots=True)
class Given(Generic[T]):
    """An answer that needs no call."""

    value: T


class Problem(msgspec.Struct, frozen=True):
    """The parts of a problem document that a caller is told."""

    detail: str = ""
    code: str = ""
    field: str | None = None
    request_id: str | None = None


_problems: Final = msgspec.json.Decoder(Problem)


class Core:
    """The state of one client beside its connections."""

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        namespace: str | None = None,
        timeout_s: float = 0.5,
        slow_timeout_s: float = 30.0,
        fail_open: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_url = (base_url or os.environ.get(URL_VARIABLE) or DEFAULT_URL).rstrip("/")
        if not self.base_url.startswith(("http://", "https://")):
            raise ValueError(f"base_url {self.base_url!r} does not start with http:// or https://")
        self.headers = dict[str, str]()
        key = api_key or os.environ.get(KEY_VARIABLE)
        if key:
            self.headers["x-api-key"] = key
        if namespace is not None:
            self.headers["x-cache-namespace"] = namespace
        self._timeout_s = timeout_s
        self._slow_timeout_s = slow_timeout_s
        self._fail_open = fail_open
        self._monotonic = monotonic
        self._breaker = Breaker(monotonic)
        self._said_at: float | None = None
        self._unsaid = 0

    def headers_of(self, call: Call[Any]) -> dict[str, str]:
        """The header fields of a call, beside those of all calls."""
        return {} if call.body is None else {"content-type": call.content_type}

    def timeout_s(self, call: Call[Any]) -> float:
        """Seconds that the whole call may take."""
        return self._timeout_s if call.quick else self._slow_timeout_s

    def refuse(self, call: Call[T]) -> Given[T] | None:
        """None to go on; what the call gives without being made, while the cache is known to be down.

        Raises CacheUnavailable for a quick call that may not fail open.
        """
        if not call.quick or self._breaker.admit():
            return None
        return Given(self._instead(call, "it failed several times in a row and is left alone for a moment"))

    def settle(self, call: Call[T], reply: Reply) -> T:
        """What an answer means. Raises ClientError, or CacheUnavailable where the call may not fail open."""
        if 200 <= reply.status < 300 or reply.status in call.also:
            try:
                value = call.read(reply.body)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                return self.lost(call, f"it did not answer as semcache does: {error}")
            self._answered(call)
            return value
        found = _problem(reply)
        if reply.status >= 500 or reply.status < 400:
            return self.lost(call, f"HTTP {reply.status}: {found.detail}", reply.status, found)
        self._answered(call)
        if reply.status == 404 and call.missing is not None and found.code == "not_found":
            return call.missing()
        if call.instead is not None and self._fail_open and reply.status in _REASON_OF:
            return call.instead(_REASON_OF[reply.status])
        raise ClientError(
            found.detail or f"HTTP {reply.status}",
            status=reply.status,
            code=found.code or "unexpected",
            field=found.field,
            request_id=found.request_id,
        )

    def lost(self, call: Call[T], why: str, status: int = 0, found: Problem | None = None) -> T:
        """There was no usable answer: counts it. Raises CacheUnavailable where the call may not fail open."""
        if call.quick:
            self._breaker.failed()
        return self._instead(call, why, status, found)

    def _answered(self, call: Call[Any]) -> None:
        if call.quick:  # others have more time: they say nothing of whether the cache is quick enough
            self._breaker.succeeded()

    def _instead(self, call: Call[T], why: str, status: int = 0, found: Problem | None = None) -> T:
        if call.instead is None or not self._fail_open:
            self._raise(why, status, found)
        self._say(why)
        return call.instead(UNAVAILABLE)

    def _raise(self, why: str, status: int, found: Problem | None) -> NoReturn:
        detail = f"the cache at {self.base_url} cannot be used: {why}"
        if found is not None and found.code:
            raise CacheUnavailable(detail, status=status, code=found.code, request_id=found.request_id)
        raise CacheUnavailable(detail, status=status)

    def _say(self, why: str) -> None:
        """Once a minute, with the number of those that were left out."""
        now = self._monotonic()
        if self._said_at is not None and now - self._said_at < _SAY_AGAIN_S:
            self._unsaid += 1
            return
        more = f" ({self._unsaid} more in the minute before)" if self._unsaid else ""
        log.warning("the cache at %s cannot be used, so calls go on without it: %s%s", self.base_url, why, more)
        self._said_at, self._unsaid = now, 0


def _problem(reply: Reply) -> Problem:
    try:
        return _problems.decode(reply.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # a proxy's page, say
        return Problem(detail=reply.body[:200].decode("utf-8", "replace"))
