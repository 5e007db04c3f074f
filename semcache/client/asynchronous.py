"""`AsyncClient`: the calls, for asyncio. Sends bytes and nothing else; what they mean is said in `core`."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable
from types import TracebackType
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar, overload

import httpx2

from semcache.client import admin_calls, calls
from semcache.client.answers import Imported, Job
from semcache.client.blocking import BROKEN
from semcache.client.core import Call, Core, Reply
from semcache.client.deadline import LIMITS, ssl_context

P = ParamSpec("P")
T = TypeVar("T")


class _Runs(Protocol):
    async def run(self, call: Call[T]) -> T: ...


class Awaited(Generic[P, T]):
    """A coroutine method made of a call: `lookup = Awaited(calls.lookup)`."""

    def __init__(self, ask: Callable[P, Call[T]]) -> None:
        self._ask = ask
        self.__doc__ = ask.__doc__

    @overload
    def __get__(self, client: None, kind: type) -> Self: ...
    @overload
    def __get__(self, client: _Runs, kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: _Runs | None, kind: type) -> Self | Callable[P, Coroutine[Any, Any, T]]:
        if client is None:
            return self
        ask, run = self._ask, client.run

        @functools.wraps(ask)
        async def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return await run(ask(*args, **kwargs))

        return method


class AsyncClient:
    """A client of one service; its arguments and its rules are those of `Client`.

    May be used from several event loops, one after the other or at once: connections belong to a loop, so each has
    its own. `aclose` closes those of the loop that it is called on.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        namespace: str | None = None,
        timeout_s: float = 0.5,
        slow_timeout_s: float = 30.0,
        fail_open: bool = True,
        transport: Callable[[], httpx2.AsyncBaseTransport] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`transport` makes what requests travel by, in place of sockets; it is called once for each event loop."""
        self._core = Core(
            base_url,
            api_key=api_key,
            namespace=namespace,
            timeout_s=timeout_s,
            slow_timeout_s=slow_timeout_s,
            fail_open=fail_open,
            monotonic=monotonic,
        )
        self._transport = transport
        self._https: dict[asyncio.AbstractEventLoop, httpx2.AsyncClient] = {}
        self.admin = AsyncAdmin(self)
        """The admin plane."""

    lookup = Awaited(calls.lookup)
    store = Awaited(calls.store)
    lookup_many = Awaited(calls.lookup_many)
    store_many = Awaited(calls.store_many)
    entry = Awaited(calls.entry)
    delete = Awaited(calls.delete)
    feedback = Awaited(calls.feedback)
    stats = Awaited(calls.stats)
    readyz = Awaited(calls.readyz)

    async def run(self, call: Call[T]) -> T:
        """Make a call of `semcache.client.calls`."""
        refused = self._core.refuse(call)
        if refused is not None:
            return refused.value
        try:
            async with asyncio.timeout(self._core.timeout_s(call)):
                answer = await self._http().request(
                    call.method,
                    call.path,
                    params=call.query,
                    content=call.body,
                    headers=self._core.headers_of(call),
                    timeout=None,
                )
        except TimeoutError:
            return self._core.lost(call, f"no whole answer in {self._core.timeout_s(call):g} s")
        except BROKEN as error:
            return self._core.lost(call, f"{type(error).__name__}: {error}")
        return self._core.settle(call, Reply(answer.status_code, answer.content))

    async def stream(self, call: Call[Any]) -> AsyncIterator[bytes]:
        """The answer of a call as it comes; each part of it may take as long as a slow call."""
        timeout_s = self._core.timeout_s(call)
        try:
            async with self._http().stream(call.method, call.path, params=call.query, timeout=timeout_s) as answer:
                if answer.status_code != 200:
                    self._core.settle(call, Reply(answer.status_code, await answer.aread()))
                async for chunk in answer.aiter_bytes():
                    yield chunk
        except BROKEN as error:
            self._core.lost(call, f"{type(error).__name__}: {error}")

    async def play(self, script: Generator[Call[Any] | float, Any, T]) -> T:
        """Make the calls of a script, pausing for the seconds that stand between them."""
        answer: Any = None
        while True:
            try:
                step = script.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            answer = None
            if isinstance(step, Call):
                answer = await self.run(step)
            else:
                await asyncio.sleep(step)

    def _http(self) -> httpx2.AsyncClient:
        """The connections of the running loop."""
        loop = asyncio.get_running_loop()
        found = self._https.get(loop)
        if found is None:
            for other in [
                other for other in list(self._https) if other.is_closed()
            ]:  # nothing can be closed there any more
                self._https.pop(other, None)
            found = self._https[loop] = httpx2.AsyncClient(
                base_url=self._core.base_url,
                headers=self._core.headers,
                transport=self._transport() if self._transport is not None else None,
                trust_env=False,
                verify=ssl_context(),
                limits=LIMITS,
            )
        return found

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        found = self._https.pop(asyncio.get_running_loop(), None)
        if found is not None:
            await found.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class AsyncAdmin:
    """The admin plane of a client."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    rebuild = Awaited(admin_calls.rebuild)
    job = Awaited(admin_calls.job)
    cancel = Awaited(admin_calls.cancel)
    invalidate = Awaited(admin_calls.invalidate)
    invalidations = Awaited(admin_calls.invalidations)
    config = Awaited(admin_calls.config)
    warm = Awaited(admin_calls.warm)

    async def run(self, call: Call[T]) -> T:
        """Make a call of `semcache.client.admin_calls`."""
        return await self._client.run(call)

    async def wait(self, job_id: str) -> Job:
        """Wait until a job has finished; returns how. Raises ClientError, CacheUnavailable."""
        return await self._client.play(admin_calls.wait(job_id))

    async def export(
        self, *, namespace: str | None = None, vectors: bool = True, after: str | None = None
    ) -> AsyncIterator[bytes]:
        """All entries as JSON lines; `after` goes on behind an entry.

        Raises ClientError, CacheUnavailable, the latter also where the export breaks off.
        """
        lines = admin_calls.ExportLines()
        async for chunk in self._client.stream(admin_calls.export(namespace=namespace, vectors=vectors, after=after)):
            for line in lines.feed(chunk):
                yield line
        lines.end()

    async def import_(self, lines: Iterable[bytes]) -> Imported:
        """Take the lines of an export, such as an open file; doing it again does no harm.

        Raises ClientError, CacheUnavailable.
        """
        return await self._client.play(admin_calls.import_(lines))
