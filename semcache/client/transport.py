"""Transports that cache: give one to the HTTP client of a provider's SDK, and no proxy is needed.

    cache = Client()
    openai = OpenAI(http_client=httpx2.Client(transport=CachingTransport(cache)))

Chat completions, responses and messages are looked up first; a miss passes through byte for byte and is recorded, a
stream as it is read. Everything else passes. A cache that is down changes nothing. Works under httpx2 and under httpx,
by whichever module the request is of.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import httpx2

from semcache.client.answers import Lookup
from semcache.client.errors import ClientError
from semcache.client.exchange import Exchange, Headers, Recording, Rules, bypass, forwarded
from semcache.errors import RequestError
from semcache.models import BypassReason

if TYPE_CHECKING:
    from semcache.client.asynchronous import AsyncClient
    from semcache.client.blocking import Client
    from semcache.client.core import Call
    from semcache.gateway.dialect import Dialect
    from semcache.settings import GatewaySettings

log = logging.getLogger("semcache.client")


class _Caching:
    """What the two transports share: everything but waiting."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def dialect(self, request: Any) -> Dialect | None:
        """The protocol of a request, by its method and path; None for one that only passes, its body unread."""
        return self._rules.dialect(request.method, request.url.path)

    def exchange(self, request: Any) -> tuple[Exchange | None, str]:
        """The exchange of a request of a dialect, its body read; None, and why, for one that only passes."""
        url = request.url
        dialect = self.dialect(request)
        assert dialect is not None
        headers = dict[bytes, bytes]()
        for raw, value in request.headers.raw:
            name = raw.lower()
            headers[name] = headers[name] + b", " + value if name in headers else value
        where = f"{url.scheme}://{url.netloc.decode('ascii')}{url.raw_path.decode('ascii')}"
        try:
            exchange = Exchange(self._rules, dialect, where, headers, request.content)
        except RequestError as error:
            log.debug("passed on, not understood: %s", error)
            return None, BypassReason.NOT_UNDERSTOOD.value
        reason = exchange.refusal
        return (exchange, "") if reason is None else (None, reason)

    def outgoing(self, request: Any, *, readable: bool) -> Any:
        """The request as it goes to the provider."""
        return type(request)(
            request.method,
            request.url,
            headers=forwarded(request.headers.raw, readable=readable),
            stream=request.stream,
            extensions=request.extensions,
        )


def _rules(policy: GatewaySettings | None, model_versions: Mapping[str, str] | None) -> Rules:
    from semcache.settings import GatewaySettings

    return Rules(policy or GatewaySettings(), model_versions or {})


class CachingTransport(httpx2.BaseTransport):
    """For `httpx2.Client` and `httpx.Client`. Closes the inner transport with itself; the cache's client is yours."""

    def __init__(
        self,
        cache: Client,
        inner: Any = None,
        *,
        policy: GatewaySettings | None = None,
        model_versions: Mapping[str, str] | None = None,
    ) -> None:
        """`inner`: what reaches the provider; default the module's own HTTPTransport. `policy`: what may be cached, as
        the gateway's settings say it. `model_versions`: by model name; a new one leaves all older answers behind.
        """
        self._cache = cache
        self._inner = inner
        self._caching = _Caching(_rules(policy, model_versions))

    def handle_request(self, request: Any) -> Any:
        """Answer a request from the cache, or pass it on. Raises what the inner transport raises."""
        module = _module(request)
        if self._inner is None:
            self._inner = module.HTTPTransport()
        exchange, reason = None, BypassReason.NOT_CACHED.value
        if self._caching.dialect(request) is not None:
            request.read()
            exchange, reason = self._caching.exchange(request)
        if exchange is None:
            answer = self._inner.handle_request(self._caching.outgoing(request, readable=False))
            return _said(answer, bypass(reason))
        lookup = exchange.lookup
        if lookup is not None:
            exchange.take(self._ask(lookup))
        ready = exchange.answer()
        if ready is not None:
            status, headers, chunks = ready
            return module.Response(status, headers=headers, stream=_kinds(module).whole(chunks))
        answer = self._inner.handle_request(self._caching.outgoing(request, readable=True))
        recording = exchange.recording(answer.status_code, answer.headers)
        if recording is not None:
            answer.stream = _kinds(module).recorded(answer.stream, recording, self._keep)
        return _said(answer, exchange.said())

    def _ask(self, call: Call[Lookup]) -> Lookup:
        try:
            return self._cache.run(call)
        except ClientError as error:
            return _refused(error)

    def _keep(self, call: Call[Any]) -> None:
        try:
            self._cache.run(call)
        except ClientError as error:
            _refused(error)

    def close(self) -> None:
        """Close the inner transport."""
        if self._inner is not None:
            self._inner.close()


class AsyncCachingTransport(httpx2.AsyncBaseTransport):
    """For `httpx2.AsyncClient` and `httpx.AsyncClient`; otherwise as `CachingTransport`."""

    def __init__(
        self,
        cache: AsyncClient,
        inner: Any = None,
        *,
        policy: GatewaySettings | None = None,
        model_versions: Mapping[str, str] | None = None,
    ) -> None:
        """The arguments are those of `CachingTransport`."""
        self._cache = cache
        self._inner = inner
        self._caching = _Caching(_rules(policy, model_versions))

    async def handle_async_request(self, request: Any) -> Any:
        """Answer a request from the cache, or pass it on. Raises what the inner transport raises."""
        module = _module(request)
        if self._inner is None:
            self._inner = module.AsyncHTTPTransport()
        exchange, reason = None, BypassReason.NOT_CACHED.value
        if self._caching.dialect(request) is not None:
            await request.aread()
            exchange, reason = self._caching.exchange(request)
        if exchange is None:
            answer = await self._inner.handle_async_request(self._caching.outgoing(request, readable=False))
            return _said(answer, bypass(reason))
        lookup = exchange.lookup
        if lookup is not None:
            exchange.take(await self._ask(lookup))
        ready = exchange.answer()
        if ready is not None:
            status, headers, chunks = ready
            return module.Response(status, headers=headers, stream=_kinds(module).async_whole(chunks))
        answer = await self._inner.handle_async_request(self._caching.outgoing(request, readable=True))
        recording = exchange.recording(answer.status_code, answer.headers)
        if recording is not None:
            answer.stream = _kinds(module).async_recorded(answer.stream, recording, self._keep)
        return _said(answer, exchange.said())

    async def _ask(self, call: Call[Lookup]) -> Lookup:
        try:
            return await self._cache.run(call)
        except ClientError as error:
            return _refused(error)

    async def _keep(self, call: Call[Any]) -> None:
        try:
            await self._cache.run(call)
        except ClientError as error:
            _refused(error)

    async def aclose(self) -> None:
        """Close the inner transport."""
        if self._inner is not None:
            await self._inner.aclose()


def _refused(error: ClientError) -> Lookup:
    """Said in the log and in the answer's header: an SDK would take it for the provider's error, and try again."""
    log.error("the cache refuses calls, so requests go on without it: %s", error)
    return Lookup(reason=error.code)


def _said(answer: Any, headers: Headers) -> Any:
    for name, value in headers:
        answer.headers[name.decode("ascii")] = value.decode("latin-1")
    return answer


def _module(request: Any) -> Any:
    """`httpx2`, or `httpx`: whose classes the client expects."""
    return sys.modules[type(request).__module__.partition(".")[0]]


class _Kinds:
    """Body streams, of one module's classes."""

    def __init__(self, module: Any) -> None:
        class Whole(module.SyncByteStream):  # type: ignore[misc]
            def __init__(self, chunks: Iterator[bytes]) -> None:
                self._chunks = chunks

            def __iter__(self) -> Iterator[bytes]:
                return self._chunks

        class AsyncWhole(module.AsyncByteStream):  # type: ignore[misc]
            def __init__(self, chunks: Iterator[bytes]) -> None:
                self._chunks = chunks

            async def __aiter__(self) -> AsyncIterator[bytes]:
                for chunk in self._chunks:
                    yield chunk

        class Recorded(module.SyncByteStream):  # type: ignore[misc]
            def __init__(self, stream: Any, recording: Recording, keep: Any) -> None:
                self._stream = stream
                self._recording = recording
                self._keep = keep

            def __iter__(self) -> Iterator[bytes]:
                for chunk in self._stream:
                    self._recording.feed(chunk)
                    yield chunk
                self._end()

            def close(self) -> None:
                self._stream.close()
                self._end()

            def _end(self) -> None:
                store = self._recording.end()
                if store is not None:
                    self._keep(store)

        class AsyncRecorded(module.AsyncByteStream):  # type: ignore[misc]
            def __init__(self, stream: Any, recording: Recording, keep: Any) -> None:
                self._stream = stream
                self._recording = recording
                self._keep = keep

            async def __aiter__(self) -> AsyncIterator[bytes]:
                async for chunk in self._stream:
                    self._recording.feed(chunk)
                    yield chunk
                await self._end()

            async def aclose(self) -> None:
                await self._stream.aclose()
                await self._end()

            async def _end(self) -> None:
                store = self._recording.end()
                if store is not None:
                    await self._keep(store)

        self.whole = Whole
        self.async_whole = AsyncWhole
        self.recorded = Recorded
        self.async_recorded = AsyncRecorded


_kinds = functools.cache(_Kinds)
