"""The serving process: the embedded server first, then uvicorn, one worker in this process or several spawned ones.

The parent alone owns the socket and the embedded server. Workers get the settings and the server's URL from it, end
when it ends, and a worker that dies is replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from types import FrameType
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from semcache.errors import ConfigError, SemcacheError
from semcache.folders import unwritable
from semcache.http import logs
from semcache.http.connection import Connection
from semcache.settings import Settings, variable

log = logging.getLogger(__name__)

_GRACE_S: Final = 15
"""How long requests under way may take to finish after the signal to stop."""
_BACKLOG: Final = 2048
_PARENT_S: Final = 1.0


def run(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code. Says in one line why it cannot, where it cannot."""
    logs.configure(settings.log_level)
    try:
        listener = _listen(settings.host, settings.port)
    except ConfigError as error:
        print(f"semcache: {error}", file=sys.stderr)  # noqa: T201
        return 1
    _warn_of_folder(settings)
    with listener, _signals_kept():
        try:
            with _embedded(settings) as server_url:
                if settings.workers == 1:
                    return _serve_here(settings, server_url, listener)
                return _serve_workers(settings, server_url, listener)
        except SemcacheError as error:
            print(f"semcache: {error}", file=sys.stderr)  # noqa: T201
            return 1


def _warn_of_folder(settings: Settings) -> None:
    """An index needs no folder, so none stops the start; but whoever named it would learn of it only at the end."""
    problem = unwritable(settings.index_dir)
    if problem:
        log.warning(
            "index_dir [%s]: %s: no snapshot is written, and every start reads the whole store",
            variable("index_dir"),
            problem,
        )


# -- one process ------------------------------------------------------------------------------------------------------


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening."""
        await super().startup(sockets)
        if self.started:
            print(self._ready, flush=True)  # noqa: T201


def _serve_here(settings: Settings, server_url: str | None, listener: socket.socket) -> int:
    from semcache.http.app import create_app
    from semcache.service import Service

    app = create_app(Service(settings, server_url=server_url))
    _wrap_lifespan(app, _drained_by_signals(app))
    server = _Server(_config(app, settings), _ready_line(settings, listener))
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again once it has finished
        server.run(sockets=[listener])
    return 0 if server.started else 1


def _config(app: Any, settings: Settings, *, factory: bool = False) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=factory,
        workers=settings.workers,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # a peer's address must be the peer's: the loopback rule stands on it
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE_S,
    )


# -- several processes ------------------------------------------------------------------------------------------------


class WorkerFactory:
    """Makes the app of one worker, in the worker. It travels there through the spawn pipe, not the environment."""

    def __init__(self, settings: Settings, server_url: str | None) -> None:
        self._settings = settings
        self._server_url = server_url
        self._parent = os.getpid()

    def __call__(self) -> FastAPI:
        """The app, which ends its process once the parent is gone."""
        from semcache.http.app import create_app
        from semcache.service import Service

        logs.configure(self._settings.log_level)
        app = create_app(Service(self._settings, server_url=self._server_url))
        _wrap_lifespan(app, _drained_by_signals(app))
        _wrap_lifespan(app, self._ended_with_parent())
        return app

    @contextlib.asynccontextmanager
    async def _ended_with_parent(self) -> AsyncIterator[None]:
        watch = asyncio.create_task(self._end_with_parent())
        try:
            yield
        finally:
            watch.cancel()

    async def _end_with_parent(self) -> None:
        while True:
            await asyncio.sleep(_PARENT_S)
            if os.getppid() != self._parent:
                break
        log.error("the parent process is gone, this worker ends")
        os.kill(os.getpid(), signal.SIGTERM)


def _wrap_lifespan(app: FastAPI, around: contextlib.AbstractAsyncContextManager[None]) -> None:
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with around, inner(app) as state:
            yield state

    app.router.lifespan_context = lifespan


@contextlib.asynccontextmanager
async def _drained_by_signals(app: FastAPI) -> AsyncIterator[None]:
    """Not ready from the very signal to stop on. uvicorn has set its handlers by now, and puts back older ones."""
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def drain(signum: int, frame: FrameType | None, before: Any = before) -> None:
            app.state.site.draining = True
            before(signum, frame)

        signal.signal(number, drain)
    yield


class _Supervisor(Multiprocess):
    """uvicorn's supervisor, which also says when the first worker serves."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], ready: str) -> None:
        super().__init__(config, sockets)
        self._ready = ready

    def init_processes(self) -> None:
        """Start the workers."""
        super().init_processes()
        if all(process.wait_until_ready(60.0, self.should_exit) for process in self.processes):
            print(self._ready, flush=True)  # noqa: T201


def _serve_workers(settings: Settings, server_url: str | None, listener: socket.socket) -> int:
    from semcache.http.metrics import MULTIPROC_ENV

    asyncio.run(_put_together(settings, server_url))
    listener.set_inheritable(True)
    with tempfile.TemporaryDirectory(prefix="semcache-metrics-") as counters:
        os.environ[MULTIPROC_ENV] = counters
        config = _config(WorkerFactory(settings, server_url), settings, factory=True)
        supervisor = _Supervisor(config, [listener], _ready_line(settings, listener))
        try:
            supervisor.run()
        finally:
            del os.environ[MULTIPROC_ENV]
    return 0


async def _put_together(settings: Settings, server_url: str | None) -> None:
    """Raises ConfigError for what every worker would die of, and be replaced, for ever."""
    from semcache.http.app import create_app
    from semcache.service import Service

    service = Service(settings, server_url=server_url)
    try:
        create_app(service)
    finally:
        await service.aclose()


# -- what the parent owns ---------------------------------------------------------------------------------------------


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConfigError that says what is wrong with the address, and what to do."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise ConfigError(f"host {host!r} cannot be resolved: {error.strerror} (SEMCACHE_HOST)") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {port} on {host} is in use: stop what uses it, or choose another with SEMCACHE_PORT or --port"
            ) from error
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


@contextlib.contextmanager
def _embedded(settings: Settings) -> Iterator[str | None]:
    """The embedded server's URL while it runs; None where the operator has a store of their own."""
    if settings.redis_url is not None:
        from semcache.stores import connect

        asyncio.run(connect.check(settings))
        yield None
        return
    from semcache.stores.embedded import EmbeddedServer

    server = EmbeddedServer(settings.data_dir, settings.store)
    try:
        try:
            url = server.start()
        except OSError as error:  # a full disk, for one
            raise ConfigError(
                f"data_dir [{variable('data_dir')}]: cannot use {settings.data_dir}: {error.strerror}"
            ) from error
        server.watch()
        yield url
    finally:
        server.stop()


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """SIGTERM ends us by way of every `finally`, also before uvicorn listens for it and after it has finished."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        log.info("stopped before it served")
    finally:
        signal.signal(signal.SIGTERM, before)


def _ready_line(settings: Settings, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    store = "embedded" if settings.redis_url is None else "redis"
    return (
        f"semcache ready: {url} docs={url}/docs store={store} embedder={settings.embedder} workers={settings.workers}"
    )
