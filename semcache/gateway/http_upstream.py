"""One provider over HTTP/1.1. Implements `ports.Upstream`; knows no protocol, no cache and no caller.

It keeps no cookies, follows no redirects and adds no header fields but those that frame a message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import msgspec

from semcache.errors import RequestError, UpstreamTimeout, UpstreamUnavailable
from semcache.gateway.connection import Connection, Silent, Trouble, Unsendable
from semcache.gateway.headers import Headers, Provider, authorize, back
from semcache.gateway.pool import Busy, Late, Pool, ProxyRefused, Refused
from semcache.gateway.redaction import SHORTEST, redacted
from semcache.gateway.retries import Failure, repeatable, verdict
from semcache.ports import UpstreamAnswer, UpstreamRequest
from semcache.settings import UpstreamSettings

log = logging.getLogger(__name__)

DRAIN_BYTES: Final = 64 * 1024
DRAIN_S: Final = 1.0
"""What of a refused try's body is read, so that its connection can be used again."""
FRESH_S: Final = 60.0
"""How long a failure is held against an upstream that nobody has asked since."""
_DOTS: Final = re.compile(r"[/\\]\.{1,2}([/\\]|$)")


class Health(msgspec.Struct, frozen=True):
    """What the last calls say of an upstream; nobody asks for the sake of asking."""

    ok: bool
    detail: str = ""


class HttpUpstream:
    """One provider. Belongs to the event loop of its first `send`."""

    def __init__(
        self,
        name: str,
        settings: UpstreamSettings,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`clock`: Unix seconds, for dates in `Retry-After`; `chance`: from [0, 1), for the jitter of pauses."""
        self._name = name
        self.settings = settings
        self._sleep = sleep
        self._clock = clock
        self._monotonic = monotonic
        self._chance = chance
        base = urlsplit(settings.base_url)
        self._origin = f"{base.scheme}://{base.netloc}"
        self._prefix = quote(base.path.rstrip("/"), safe="/%:@!$&'()*+,;=~") or "/v1"
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()
        self._closed = False
        self._failed: tuple[float, str] | None = None

    @property
    def name(self) -> str:
        """See `Upstream.name`."""
        return self._name

    @property
    def has_key(self) -> bool:
        """Whether the operator's key is used here, whatever key a caller brings."""
        return bool(self.settings.api_key and self.settings.api_key.get_secret_value())

    @property
    def secret(self) -> bytes | None:
        """The operator's key, where what upstream says of an error may repeat it; None without one."""
        key = self.settings.api_key.get_secret_value() if self.settings.api_key is not None else ""
        return key.encode("latin-1") if len(key) >= SHORTEST else None

    def authorize(self, headers: Headers, provider: Provider) -> Headers:
        """The headers with the operator's key, if there is one; else as they are."""
        key = self.settings.api_key
        return authorize(headers, provider, key.get_secret_value()) if key is not None and self.has_key else headers

    def target(self, path: str, query: bytes = b"") -> bytes:
        """What the server is asked for: `path` below the base URL and `query`, both byte for byte.

        Raises RequestError for a path that is not percent-encoded or leads elsewhere: the operator's key is for what
        lies below the base URL.
        """
        if not path.startswith("/v1/") or not path.isascii() or _DOTS.search(unquote(path)):
            raise RequestError("a provider's path begins with /v1/, is percent-encoded and has no dot segments")
        target = (self._prefix + path.removeprefix("/v1")).encode("ascii")
        return target + b"?" + query if query else target

    def health(self) -> Health:
        """How the last call went; a failure that is older than FRESH_S says nothing of now."""
        if self._failed is None:
            return Health(True)
        at, detail = self._failed
        age_s = self._monotonic() - at
        return Health(age_s > FRESH_S, f"{detail} ({age_s:.0f} s ago)")

    def failed(self, detail: str) -> None:
        """Remember a failure for `health`."""
        self._failed = (self._monotonic(), detail)

    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        """See `Upstream.send`. `timeout_s` counts from here, tries and pauses included.

        Raises RequestError for what HTTP cannot carry.
        """
        deadline = asyncio.get_running_loop().time() + self.settings.timeout_s
        answer = await self._tries(request, self.target(request.path, request.query), deadline)
        if isinstance(answer, _Unanswered):
            self.failed(str(answer.error))
            raise answer.error from answer.cause
        if answer.status >= 500:
            self.failed(f"answered {answer.status}")
        elif answer.status in (401, 403) and self.has_key:
            self.failed(f"answered {answer.status} to the operator's key")
        else:
            self._failed = None
        return answer

    async def aclose(self) -> None:
        """End all connections; what is being read breaks off."""
        self._closed = True
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    async def _tries(self, request: UpstreamRequest, target: bytes, deadline: float) -> _Answer | _Unanswered:
        again = repeatable(request.method, request.path)
        attempt = 0
        while True:
            came = await self._once(request, target, deadline)
            pause = verdict(
                came.status if isinstance(came, _Answer) else came.kind,
                attempt=attempt,
                retries=self.settings.retries,
                again=again,
                headers=came.headers if isinstance(came, _Answer) else (),
                now_s=self._clock(),
                chance=self._chance(),
            )
            if pause is None or pause >= deadline - asyncio.get_running_loop().time():
                return came
            ended = f"upstream {self._name} answered {came.status}" if isinstance(came, _Answer) else str(came.error)
            log.info("%s; once more in %.1f s", ended, pause)
            if isinstance(came, _Answer):
                await came.drain()
            await self._sleep(pause)
            attempt += 1

    async def _once(self, request: UpstreamRequest, target: bytes, deadline: float) -> _Answer | _Unanswered:
        pool = self._pool or await self._open()
        try:
            sent = pool.written(request.method, target, request.headers, request.body)
        except Unsendable as error:
            raise RequestError(f"the request cannot be sent on: {error}") from error
        try:
            connection = await pool.at_hand()
            if connection is None:
                async with asyncio.timeout_at(deadline):
                    connection = await pool.take()
        except (Trouble, TimeoutError) as error:
            return self.translated(error)
        answer = _Answer(self, pool, connection, deadline)
        try:
            await answer.ask(sent, bodiless=request.method == "HEAD")
        except (Trouble, TimeoutError) as error:
            await answer.aclose()
            return self.translated(error)
        except BaseException:
            await answer.aclose()
            raise
        if not 200 <= answer.status <= 599:  # of no class that HTTP knows, so nobody can be told
            await answer.aclose()
            odd = UpstreamUnavailable(f"upstream {self._name} answered with the status {answer.status}")
            return _Unanswered(Failure.BROKEN, odd, odd)
        return answer

    async def open(self) -> None:
        """Get ready for the first `send`, which does so else. Raises UpstreamUnavailable."""
        if self._pool is None:
            await self._open()

    async def _open(self) -> Pool:
        async with self._opening:
            if self._closed:
                raise UpstreamUnavailable(f"upstream {self._name} is closed")
            if self._pool is None:
                size, connect_s = self.settings.pool_size, self.settings.connect_timeout_s
                try:  # reading the certificates takes a while: not on the loop
                    self._pool = await asyncio.to_thread(Pool, self._origin, size=size, connect_s=connect_s)
                except (OSError, ValueError) as error:  # no certificates; a scheme that nobody speaks here
                    raise UpstreamUnavailable(f"the proxy of upstream {self._name} cannot be used: {error}") from error
            return self._pool

    def translated(self, error: Exception) -> _Unanswered:
        """A foreign exception in our terms."""
        kind, ours, words = next(row[1:] for row in _TABLE if isinstance(error, row[0]))
        detail = words.format(name=self._name, size=self.settings.pool_size, timeout_s=self.settings.timeout_s)
        said = str(error) if ours is UpstreamUnavailable and kind is not Failure.BUSY else ""
        return _Unanswered(kind, ours(f"{detail}: {said}" if said else detail), error)


class _Unanswered(msgspec.Struct, frozen=True):
    """How a try ended without an answer."""

    kind: Failure
    error: UpstreamUnavailable
    cause: Exception


class _Answer:
    """An answer whose body is still to be read. Implements `ports.UpstreamAnswer`."""

    def __init__(self, upstream: HttpUpstream, pool: Pool, connection: Connection, deadline: float) -> None:
        self._upstream = upstream
        self._pool = pool
        self._connection: Connection | None = connection
        self._deadline = deadline
        self._silence_s = upstream.settings.silence_s
        self._secret: bytes | None = None
        self.status = 0
        self.headers: Headers = []

    async def ask(self, sent: bytes, *, bodiless: bool) -> None:
        """Send the request, and wait for status and headers. Raises Trouble, TimeoutError."""
        connection = self._connection
        assert connection is not None
        await connection.ask(sent, bodiless=bodiless, deadline=self._deadline, silence_s=self._silence_s)
        self.status = connection.status
        self.headers = back(connection.headers)
        self._secret = self._upstream.secret if self.status >= 400 else None
        if self._secret is not None:
            hidden = b"*" * len(self._secret)
            self.headers = [(name, value.replace(self._secret, hidden)) for name, value in self.headers]

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """See `UpstreamAnswer.chunks`. What has come is yielded as it is, decoded in no way; but for the operator's
        key, of which no error tells.
        """
        return self._chunks() if self._secret is None else redacted(self._chunks(), self._secret)

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            while (connection := self._connection) is not None:
                try:
                    part = await connection.part(deadline=self._deadline, silence_s=self._silence_s)
                except (Trouble, TimeoutError) as error:
                    ours = self._upstream.translated(error).error
                    self._upstream.failed(str(ours))
                    raise ours from error
                if part is None:
                    return
                yield part
        finally:
            await self.aclose()

    async def drain(self) -> None:
        """Read what little an error says, so that its connection stays; end the connection where there is more."""
        size = 0
        try:
            async with asyncio.timeout(DRAIN_S), contextlib.aclosing(self.chunks()) as parts:
                async for part in parts:
                    size += len(part)
                    if size > DRAIN_BYTES:
                        break
        except (UpstreamUnavailable, TimeoutError) as error:
            log.debug("the rest of a refusal was lost: %r", error)
        await self.aclose()

    async def aclose(self) -> None:
        """See `UpstreamAnswer.aclose`; it may be called again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give(connection)


_TABLE: Final[tuple[tuple[type[Exception], Failure, type[UpstreamUnavailable], str], ...]] = (
    # what was it, what it is to us, what to say; the first line that fits counts
    (Busy, Failure.BUSY, UpstreamUnavailable, "all {size} connections to upstream {name} are busy"),
    (Late, Failure.REFUSED, UpstreamTimeout, "upstream {name} did not take the connection in time"),
    (Refused, Failure.REFUSED, UpstreamUnavailable, "upstream {name} cannot be reached"),
    (ProxyRefused, Failure.REFUSED, UpstreamUnavailable, "the proxy does not lead to upstream {name}"),
    (Silent, Failure.SILENT, UpstreamTimeout, "upstream {name} was silent for too long"),
    (TimeoutError, Failure.SILENT, UpstreamTimeout, "upstream {name} did not finish within {timeout_s:g} s"),
    (Trouble, Failure.BROKEN, UpstreamUnavailable, "upstream {name} broke the connection"),
)
