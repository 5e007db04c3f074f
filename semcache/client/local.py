"""`LocalCache`: the service in this process. The same calls and the same answers, without a port.

A thread of its own runs the event loop of a whole `Service` behind the app that `semcache serve` runs, with the
embedded server where no REDIS_URL is set. Requests are handed to that app directly, from threads and from other event
loops alike.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx2

from semcache.client.asynchronous import AsyncClient
from semcache.client.blocking import Client
from semcache.errors import ConfigError

if TYPE_CHECKING:
    from semcache.settings import Settings

T = TypeVar("T")

_URL: Final = "http://localhost"
_STORE_S: Final = 10.0
"""How long a start waits for the store; after that, calls are misses until it is there."""
_CHUNKS: Final = 16
"""Parts of an answer that may wait to be read."""
_PEER: Final = ("127.0.0.1", 0)
_END: Final = "semcache.end"


class LocalCache(Client):
    """A `Client` of a service of its own in this process; `aio` is the `AsyncClient` of the same one.

        with LocalCache(embedder="off", data_dir="cache") as cache:
            cache.lookup("What is the capital of France?", model="gpt-4o-mini")

    Settings by keyword, as in the TOML file, over the environment (SEMCACHE_DATA_DIR, SEMCACHE_REDIS_URL, ...). One
    process at a time may have a data directory; several share one cache through REDIS_URL. Closed by `close`, at the
    end of a `with` block or of the program. Raises ConfigError for settings that cannot be honoured.
    """

    def __init__(
        self,
        *,
        namespace: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 0.5,
        slow_timeout_s: float = 30.0,
        fail_open: bool = True,
        **settings: Any,
    ) -> None:
        """`timeout_s` and the others as for `Client`; the rest are settings of the service."""
        from semcache.settings import load

        self._service = _ServiceThread(load(**settings))
        options: dict[str, Any] = {
            "namespace": namespace,
            "api_key": api_key,
            "timeout_s": timeout_s,
            "slow_timeout_s": slow_timeout_s,
            "fail_open": fail_open,
        }
        super().__init__(_URL, transport=_LocalTransport(self._service), **options)
        self.aio = AsyncClient(_URL, transport=lambda: _AsyncLocalTransport(self._service), **options)
        """The same for asyncio, on any event loop."""

    def close(self) -> None:
        """Stop the service, and the embedded server if it was started."""
        super().close()
        self._service.close()


class _ServiceThread:
    """The thread, its event loop and the app on it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._app: Any = None
        self._thread = threading.Thread(target=self._run, name="semcache-local", daemon=True)
        self._thread.start()
        self._started.result()
        _running.add(self)

    def _run(self) -> None:
        from semcache.stores.embedded import EmbeddedServer

        server = None
        try:
            if self._settings.redis_url is None:
                server = EmbeddedServer(self._settings.data_dir, self._settings.store)
                server.start()
                server.watch()
            asyncio.run(self._serve(server.url if server is not None else None))
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)  # raised where the cache is being made
        finally:
            if server is not None:
                server.stop()

    async def _serve(self, server_url: str | None) -> None:
        from semcache.http.app import create_app
        from semcache.service import Service

        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        service = Service(self._settings, server_url=server_url)
        self._app = create_app(service)
        async with self._app.router.lifespan_context(self._app):
            try:
                async with asyncio.timeout(_STORE_S):
                    while not service.store_ready.is_set() and not service.fatal:  # noqa: ASYNC110 - no event for both
                        await asyncio.sleep(0.01)
            except TimeoutError:
                pass  # the service goes on trying, and says so
            if service.fatal:
                raise ConfigError(service.fatal)
            self._started.set_result(None)
            await self._stop.wait()
        self._app = None

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run something on the service's loop. Raises httpx2.ConnectError once it is closed."""
        if self._app is None or not self._thread.is_alive():
            work.close()
            raise httpx2.ConnectError("this LocalCache is closed")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def exchange(self, request: httpx2.Request, body: bytes) -> _Exchange:
        """A request to the app, not yet sent."""
        return _Exchange(self._app, request, body)

    def close(self) -> None:
        """Stop everything; returns when it has stopped."""
        _running.discard(self)
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()


_running: Final = set[_ServiceThread]()


def _close_all() -> None:
    for service in list(_running):
        service.close()


# A service's last writes need thread pools, which are gone when `atexit` calls; this is their own hook. What is
# registered last is called first, and `concurrent.futures.thread` was imported above.
threading._register_atexit(_close_all)  # type: ignore[attr-defined]


class _Exchange:
    """One request to an ASGI app. Its coroutines run on the service's loop."""

    def __init__(self, app: Any, request: httpx2.Request, body: bytes) -> None:
        self._app = app
        self._body = body
        self._asked = False
        self._parts: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._room = asyncio.Semaphore(_CHUNKS)
        self._gone = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.more = True
        """Whether the body goes on."""
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path.partition(b"?")[0],
            "query_string": request.url.query,
            "server": (request.url.host, request.url.port),
            "client": _PEER,
            "root_path": "",
        }

    async def send(self) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, headers and the first part of the body."""
        self._task = asyncio.create_task(self._app(self._scope, self._receive, self._say))
        self._task.add_done_callback(self._ended)
        try:
            start = await self._next()
            return start["status"], list(start.get("headers", [])), await self.part()
        except BaseException:
            self._task.cancel()
            raise

    async def part(self) -> bytes:
        """The next part of the body."""
        message = await self._next()
        self.more = message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body

    async def leave(self) -> None:
        """Nobody reads on."""
        self.more = False
        self._gone.set()
        if self._task is not None:
            self._task.cancel()

    async def _say(self, message: dict[str, Any]) -> None:
        await self._room.acquire()
        self._parts.put_nowait(message)

    async def _next(self) -> dict[str, Any]:
        message = await self._parts.get()
        if message["type"] == _END:
            raise httpx2.RemoteProtocolError("the service broke off its answer")
        self._room.release()
        return message

    async def _receive(self) -> dict[str, Any]:
        if self._asked:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # the app has logged it
        self._parts.put_nowait({"type": _END})


class _LocalTransport(httpx2.BaseTransport):
    """From a thread that waits."""

    def __init__(self, service: _ServiceThread) -> None:
        self._service = service

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        exchange = self._service.exchange(request, request.read())
        timeout_s = request.extensions.get("timeout", {}).get("read")
        status, headers, first = self.wait(exchange.send(), timeout_s)
        return httpx2.Response(status, headers=headers, stream=_Body(self, exchange, first, timeout_s))

    def wait(self, work: Coroutine[Any, Any, T], timeout_s: float | None) -> T:
        """What the service's loop makes of it."""
        future = self._service.submit(work)
        try:
            return future.result(timeout_s)
        except concurrent.futures.TimeoutError as error:
            future.cancel()
            raise httpx2.ReadTimeout(f"no answer in {timeout_s:g} s") from error
        except concurrent.futures.CancelledError as error:
            raise httpx2.ConnectError("this LocalCache is closed") from error


class _Body(httpx2.SyncByteStream):
    def __init__(self, transport: _LocalTransport, exchange: _Exchange, first: bytes, timeout_s: float | None) -> None:
        self._transport = transport
        self._exchange = exchange
        self._first = first
        self._timeout_s = timeout_s

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        while self._exchange.more:
            yield self._transport.wait(self._exchange.part(), self._timeout_s)

    def close(self) -> None:
        if self._exchange.more:
            self._transport.wait(self._exchange.leave(), self._timeout_s)


class _AsyncLocalTransport(httpx2.AsyncBaseTransport):
    """From a task of any event loop."""

    def __init__(self, service: _ServiceThread) -> None:
        self._service = service

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        exchange = self._service.exchange(request, await request.aread())
        status, headers, first = await self.wait(exchange.send())
        return httpx2.Response(status, headers=headers, stream=_AsyncBody(self, exchange, first))

    async def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """What the service's loop makes of it."""
        return await asyncio.wrap_future(self._service.submit(work))


class _AsyncBody(httpx2.AsyncByteStream):
    def __init__(self, transport: _AsyncLocalTransport, exchange: _Exchange, first: bytes) -> None:
        self._transport = transport
        self._exchange = exchange
        self._first = first

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._first
        while self._exchange.more:
            yield await self._transport.wait(self._exchange.part())

    async def aclose(self) -> None:
        if self._exchange.more:
            await self._transport.wait(self._exchange.leave())
