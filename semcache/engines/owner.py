"""The owner of a model: one thread, a bounded queue, micro-batches, deadlines.

Callers queue tasks from the event loop. The owner thread takes what is there, without waiting for more: an idle
model answers at once, a busy one finds a batch grown meanwhile. Calls that were cancelled or whose time is over are
dropped when their turn comes. Waiters are woken by their own deadline, so that a hung model holds nobody. Where more
comes than the model can do, the newest go first: in their turn all would be answered a little too late.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from semcache.errors import Unavailable
from semcache.ports import EmbedderState

log = logging.getLogger(__name__)

HANG_S = 10.0
"""A batch that takes longer than this and than twice the deadline counts as hung: callers are refused at once."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
"""Between two attempts to load a model that failed; doubles from the first to the longest."""

JOIN_S = 5.0
"""How long `aclose` waits for the owner thread; one hung in native code is left behind (it is a daemon)."""

T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """A blocking model. It is loaded, used and unloaded by its owner thread alone; `abort` is for others."""

    def load(self) -> None:
        """Get ready. Raises Unavailable; may be called again, also after a run that raised it."""

    def unload(self) -> None:
        """Give everything back."""

    def abort(self) -> None:
        """From any thread, at the end of the service: make `load` and runs return or raise soon, for good."""


class Refusals(NamedTuple):
    """The errors of one port."""

    unavailable: type[Unavailable]
    timeout: type[Unavailable]
    overloaded: type[Unavailable]


class Owner(Generic[T, R]):
    """Runs an engine's tasks in a thread of its own. Its methods belong to event loops, never to that thread."""

    def __init__(
        self,
        engine: Engine,
        *,
        name: str,
        run: Callable[[Sequence[T]], Sequence[R]],
        size: Callable[[T], int],
        refusals: Refusals,
        queue: int,
        batch: int,
        deadline_s: float,
        ready: Callable[[], str] = lambda: "",
    ) -> None:
        """`run`: a batch of tasks to their results, in the thread; raises Unavailable where the model is gone and must
        be loaded again, anything else where a task is at fault. `size`: about how much of a batch a task fills, at
        least 1. `queue`: tasks that may wait; `batch`: the largest size of a batch of more than one task;
        `deadline_s`: default of `ask`; `ready`: what the log says of a loaded model.
        """
        self._engine = engine
        self._name = name
        self._run = run
        self._size = size
        self._refusals = refusals
        self._limit = queue
        self._batch = batch
        self._deadline_s = deadline_s
        self._ready = ready
        self._hang_s = max(HANG_S, 2 * deadline_s)
        self._pause_s = FIRST_PAUSE_S  # the owner thread's own, as is the next
        self._complaint = ""
        self._wake = threading.Condition()
        # All below is guarded by `_wake`.
        self._queue: deque[tuple[_Job[T, R], int]] = deque()
        self._waiting = 0
        self._state = EmbedderState(ready=False, detail="not started")
        self._busy_since: float | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def state(self) -> EmbedderState:
        """Ready, or why not: preparing, failed (and why), hung, stopped."""
        with self._wake:
            return self._state_now()

    async def start(self) -> None:
        """Start the thread, which loads the model; returns at once."""
        with self._wake:
            if self._thread is not None or self._closed:
                return
            self._state = EmbedderState(ready=False, detail="preparing")
            self._thread = threading.Thread(target=self._own, name=f"semcache-{self._name}", daemon=True)
            self._thread.start()

    async def ask(self, tasks: Sequence[T], *, deadline_s: float | None = None) -> list[R]:
        """One result a task, in order. At most `queue` tasks in one call.

        Raises one of the refusals, within `deadline_s`; at once while the model is not ready, and where more tasks
        wait than may.
        """
        if not tasks:
            return []
        limit = self._deadline_s if deadline_s is None else deadline_s
        loop = asyncio.get_running_loop()
        job: _Job[T, R] = _Job(tasks, loop, time.monotonic(), limit)
        self._enqueue(job)
        late = loop.call_later(limit, self._late, job, limit)  # less work than `asyncio.timeout`
        try:
            return await job.future
        finally:
            late.cancel()
            job.abandoned = True

    async def aclose(self) -> None:
        """Refuse new tasks, fail the waiting ones, stop the thread; returns within about `JOIN_S`."""
        with self._wake:
            self._closed = True
            self._state = EmbedderState(ready=False, detail="stopped")
            thread = self._thread
            self._wake.notify_all()
        self._engine.abort()
        if thread is not None:
            await asyncio.to_thread(thread.join, JOIN_S)
            if thread.is_alive():
                log.warning("the thread of the %s is hung and is left behind", self._name)
        with self._wake:
            self._refuse_all(self._refusals.unavailable(f"{self._name}: stopped"))

    def _late(self, job: _Job[T, R], limit: float) -> None:
        if not job.future.done():
            job.future.set_exception(self._refusals.timeout(f"{self._name}: no answer within {limit:g} s"))

    def _state_now(self) -> EmbedderState:
        if self._busy_since is not None and time.monotonic() - self._busy_since > self._hang_s:
            return EmbedderState(ready=False, detail=f"hung for more than {self._hang_s:g} s")
        return self._state

    def _enqueue(self, job: _Job[T, R]) -> None:
        with self._wake:
            state = self._state_now()
            if not state.ready:
                raise self._refusals.unavailable(f"{self._name}: {state.detail}")
            if self._waiting + len(job.tasks) > self._limit:
                raise self._refusals.overloaded(f"{self._name}: {self._waiting} wait, {self._limit} may")
            self._queue.extend((job, at) for at in range(len(job.tasks)))
            self._waiting += len(job.tasks)
            self._wake.notify()

    # --- the owner thread ------------------------------------------------------------------------------------

    def _own(self) -> None:
        while not self._closed:
            try:
                self._engine.load()
                self._serve()
            except Unavailable as error:
                self._fail(error)
            except Exception as error:  # the edge of the thread: a dead owner would hang every call
                log.exception("the %s failed", self._name)
                self._fail(self._refusals.unavailable(f"{type(error).__name__}: {error}"))
            with self._wake:
                self._wake.wait_for(lambda: self._closed, self._pause_s)
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._engine.unload()

    def _serve(self) -> None:
        """Run batches until closed; Unavailable ends it."""
        with self._wake:
            if self._closed:
                return
            self._state = EmbedderState(ready=True)
        self._complaint = ""
        log.info("%s ready%s", self._name, self._ready())
        while (taken := self._take()) is not None:
            self._deliver(taken, self._results([job.tasks[at] for job, at in taken]))
            self._pause_s = FIRST_PAUSE_S  # it answered: a later death is a new one

    def _take(self) -> list[tuple[_Job[T, R], int]] | None:
        """The next batch, at least one task; None when closed. Dead calls fall out here."""
        with self._wake:
            self._busy_since = None
            taken: list[tuple[_Job[T, R], int]] = []
            size = 0
            while not taken:
                self._wake.wait_for(lambda: bool(self._queue) or self._closed)
                if self._closed:
                    return None
                now = time.monotonic()
                while self._queue:
                    newest = self._queue[0][0].late(now)
                    job, at = self._queue[-1 if newest else 0]
                    alive = not job.dead(now)
                    size += self._size(job.tasks[at]) if alive else 0
                    if taken and size > self._batch:
                        break
                    if newest:
                        self._queue.pop()
                    else:
                        self._queue.popleft()
                    self._waiting -= 1
                    if alive:
                        taken.append((job, at))
            self._busy_since = time.monotonic()
            return taken

    def _results(self, tasks: Sequence[T]) -> list[R | Unavailable]:
        """Run a batch; where it fails for its tasks' sake, one by one, so that one bad task spoils no other."""
        try:
            return list(self._run(tasks))
        except Unavailable as error:
            self._state_failed(error)
            return [error] * len(tasks)
        except Exception as error:  # whatever a model raises for a task; its waiter is told
            if len(tasks) > 1:
                return [result for task in tasks for result in self._results([task])]
            log.exception("the %s failed at a task of size %d", self._name, self._size(tasks[0]))
            return [self._refusals.unavailable(f"{type(error).__name__}: {error}")]

    def _deliver(self, taken: Sequence[tuple[_Job[T, R], int]], results: Sequence[R | Unavailable]) -> None:
        """Hand results over, one wake-up for each event loop, and stop serving if the model is gone."""
        finished: dict[asyncio.AbstractEventLoop, list[_Job[T, R]]] = {}
        for (job, at), result in zip(taken, results, strict=True):
            if job.settle(at, result):
                finished.setdefault(job.loop, []).append(job)
        with self._wake:
            self._busy_since = None
            gone = not self._state.ready and not self._closed
        _wake_loops(finished)  # last: who is woken wants the interpreter
        if gone:
            raise self._refusals.unavailable(self._state.detail)

    def _state_failed(self, error: Unavailable) -> None:
        with self._wake:
            if not self._closed:
                self._state = EmbedderState(ready=False, detail=str(error))

    def _fail(self, error: Unavailable) -> None:
        self._state_failed(error)
        with self._wake:
            self._busy_since = None
            if not self._closed and str(error) != self._complaint:  # said once, however often it is tried
                log.error("%s unavailable: %s", self._name, error)
            self._complaint = str(error)
            self._refuse_all(error)

    def _refuse_all(self, error: Unavailable) -> None:
        finished: dict[asyncio.AbstractEventLoop, list[_Job[T, R]]] = {}
        for job, at in self._queue:
            if job.settle(at, error):
                finished.setdefault(job.loop, []).append(job)
        self._queue.clear()
        self._waiting = 0
        _wake_loops(finished)


class _Job(Generic[T, R]):
    """One call of `ask`."""

    __slots__ = ("_left", "_results", "_time_s", "abandoned", "expires", "future", "loop", "tasks")

    def __init__(self, tasks: Sequence[T], loop: asyncio.AbstractEventLoop, now: float, time_s: float) -> None:
        self.tasks = tasks
        self.loop = loop
        self.expires = now + time_s
        self.future: asyncio.Future[list[R]] = loop.create_future()
        self.abandoned = False
        self._results: dict[int, R | Unavailable] = {}
        self._left = len(tasks)
        self._time_s = time_s

    def dead(self, now: float) -> bool:
        """Whether nobody waits for it any more."""
        return self.abandoned or self.expires <= now

    def late(self, now: float) -> bool:
        """Whether it still counts, and has waited for more than half of the time that it has."""
        return self.expires - now < self._time_s / 2 and not self.dead(now)

    def settle(self, at: int, result: R | Unavailable) -> bool:
        """Keep one result; True when it was the last."""
        self._results[at] = result
        self._left -= 1
        return self._left == 0

    def finish(self) -> None:
        """In the event loop: wake the waiter, if it is still there."""
        if self.future.done():
            return
        results: list[R] = []
        for at in range(len(self.tasks)):
            result = self._results[at]
            if isinstance(result, Unavailable):
                self.future.set_exception(type(result)(str(result)))  # its own: others wait for it too
                return
            results.append(result)
        self.future.set_result(results)


def _wake_loops(finished: dict[asyncio.AbstractEventLoop, list[_Job[T, R]]]) -> None:
    for loop, jobs in finished.items():
        try:
            loop.call_soon_threadsafe(_finish_all, jobs)
        except RuntimeError:  # the loop is closed: nobody waits there any more
            log.debug("%d answers for a closed event loop", len(jobs))


def _finish_all(jobs: Sequence[_Job[T, R]]) -> None:
    for job in jobs:
        job.finish()
