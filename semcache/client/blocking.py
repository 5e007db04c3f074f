"""`Client`: the calls, for programs that wait. Sends bytes and nothing else; what they mean is said in `core`."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from types import TracebackType
from typing import Any, Final, Generic, ParamSpec, Protocol, Self, TypeVar, overload

import httpx2

from semcache.client import admin_calls, calls
from semcache.client.answers import Imported, Job
from semcache.client.core import Call, Core, Reply
from semcache.client.deadline import DeadlineTransport, within

P = ParamSpec("P")
T = TypeVar("T")

BROKEN: Final = (httpx2.TransportError, httpx2.DecodingError, OSError)
"""What a call ends with where there was no usable answer."""


class _Runs(Protocol):
    def run(self, call: Call[T]) -> T: ...


class Blocking(Generic[P, T]):
    """A method made of a call: `lookup = Blocking(calls.lookup)` takes its arguments and gives its answer."""

    def __init__(self, ask: Callable[P, Call[T]]) -> None:
        self._ask = ask
        self.__doc__ = ask.__doc__

    @overload
    def __get__(self, client: None, kind: type) -> Self: ...
    @overload
    def __get__(self, client: _Runs, kind: type) -> Callable[P, T]: ...
    def __get__(self, client: _Runs | None, kind: type) -> Self | Callable[P, T]:
        if client is None:
            return self
        ask, run = self._ask, client.run

        @functools.wraps(ask)
        def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return run(ask(*args, **kwargs))

        return method


class Client:
    """A client of one service. Thread-safe; keeps its connections until `close`, or the end of a `with` block.

    `base_url`, `api_key`: default SEMCACHE_URL (else http://127.0.0.1:8080) and SEMCACHE_API_KEY.
    `namespace`: of every call that names none. `timeout_s`: all that one lookup or store may take, from the first
    byte to the last; `slow_timeout_s`: the same for all other calls.
    `fail_open`: a lookup that cannot be made is a miss (`reason="cache_unavailable"`), and a store keeps nothing;
    after three failures in a row both do so at once, for two seconds. False: they raise CacheUnavailable.
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
        transport: httpx2.BaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`transport`: how requests travel, in place of sockets; `monotonic`: the clock of the pause after failures."""
        self._core = Core(
            base_url,
            api_key=api_key,
            namespace=namespace,
            timeout_s=timeout_s,
            slow_timeout_s=slow_timeout_s,
            fail_open=fail_open,
            monotonic=monotonic,
        )
        self._http = httpx2.Client(
            base_url=self._core.base_url,
            headers=self._core.headers,
            transport=transport or DeadlineTransport(),
            trust_env=False,
        )
        self.admin = Admin(self)
        """The admin plane."""

    lookup = Blocking(calls.lookup)
    store = Blocking(calls.store)
    lookup_many = Blocking(calls.lookup_many)
    store_many = Blocking(calls.store_many)
    entry = Blocking(calls.entry)
    delete = Blocking(calls.delete)
    feedback = Blocking(calls.feedback)
    stats = Blocking(calls.stats)
    readyz = Blocking(calls.readyz)

    def run(self, call: Call[T]) -> T:
        """Make a call of `semcache.client.calls`."""
        refused = self._core.refuse(call)
        if refused is not None:
            return refused.value
        timeout_s = self._core.timeout_s(call)
        try:
            with within(timeout_s):
                answer = self._http.request(
                    call.method,
                    call.path,
                    params=call.query,
                    content=call.body,
                    headers=self._core.headers_of(call),
                    timeout=timeout_s,
                )
        except BROKEN as error:
            return self._core.lost(call, f"{type(error).__name__}: {error}")
        return self._core.settle(call, Reply(answer.status_code, answer.content))

    def stream(self, call: Call[Any]) -> Iterator[bytes]:
        """The answer of a call as it comes; each part of it may take as long as a slow call."""
        timeout_s = self._core.timeout_s(call)
        try:
            with self._http.stream(call.method, call.path, params=call.query, timeout=timeout_s) as answer:
                if answer.status_code != 200:
                    self._core.settle(call, Reply(answer.status_code, answer.read()))
                yield from answer.iter_bytes()
        except BROKEN as error:
            self._core.lost(call, f"{type(error).__name__}: {error}")

    def play(self, script: Generator[Call[Any] | float, Any, T]) -> T:
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
                answer = self.run(step)
            else:
                time.sleep(step)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Admin:
    """The admin plane of a client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    rebuild = Blocking(admin_calls.rebuild)
    job = Blocking(admin_calls.job)
    cancel = Blocking(admin_calls.cancel)
    invalidate = Blocking(admin_calls.invalidate)
    invalidations = Blocking(admin_calls.invalidations)
    config = Blocking(admin_calls.config)
    warm = Blocking(admin_calls.warm)

    def run(self, call: Call[T]) -> T:
        """Make a call of `semcache.client.admin_calls`."""
        return self._client.run(call)

    def wait(self, job_id: str) -> Job:
        """Wait until a job has finished; returns how. Raises ClientError, CacheUnavailable."""
        return self._client.play(admin_calls.wait(job_id))

    def export(
        self, *, namespace: str | None = None, vectors: bool = True, after: str | None = None
    ) -> Iterator[bytes]:
        """All entries as JSON lines, for `file.writelines(...)`; `after` goes on behind an entry.

        Raises ClientError, CacheUnavailable, the latter also where the export breaks off.
        """
        lines = admin_calls.ExportLines()
        for chunk in self._client.stream(admin_calls.export(namespace=namespace, vectors=vectors, after=after)):
            yield from lines.feed(chunk)
        lines.end()

    def import_(self, lines: Iterable[bytes]) -> Imported:
        """Take the lines of an export, such as an open file; doing it again does no harm.

        Raises ClientError, CacheUnavailable.
        """
        return self._client.play(admin_calls.import_(lines))
