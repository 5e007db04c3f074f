"""An encoder behind the Embedder port: one owner thread, a bounded queue, micro-batches, deadlines.

Callers queue texts from the event loop. The owner thread takes what is there, without waiting for more: an idle
embedder answers at once, a busy one finds a batch grown meanwhile. Requests that were cancelled or whose time is over
are dropped when their turn comes. Waiters are woken by their own deadline, so that a hung model holds nobody.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from semcache.embedders.encoder import Encoder
from semcache.errors import EmbedderOverloaded, EmbedderTimeout, EmbedderUnavailable
from semcache.models import Embedding
from semcache.ports import EmbedderState

log = logging.getLogger(__name__)

HANG_S = 10.0
"""A batch that takes longer than this and than twice the deadline counts as hung: callers are refused at once."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
"""Between two attempts to load a model that failed; doubles from the first to the longest."""

JOIN_S = 5.0
"""How long `aclose` waits for the owner thread; one hung in native code is left behind (it is a daemon)."""


class BatchingEmbedder:
    """Implements `ports.Embedder` over an `Encoder`. Its methods belong to event loops, never to the owner thread."""

    def __init__(self, encoder: Encoder, *, queue: int, batch: int, deadline_s: float) -> None:
        """`queue`: texts that may wait; `batch`: most windows in one batch; `deadline_s`: default of `embed`."""
        self._encoder = encoder
        self._limit = queue
        self._batch = batch
        self._deadline_s = deadline_s
        self._hang_s = max(HANG_S, 2 * deadline_s)
        self._pause_s = FIRST_PAUSE_S  # the owner thread's own
        self._wake = threading.Condition()
        # All below is guarded by `_wake`.
        self._queue: deque[tuple[_Job, int]] = deque()
        self._waiting = 0
        self._state = EmbedderState(ready=False, detail="not started")
        self._busy_since: float | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def space(self) -> str:
        """The encoder's vector space."""
        return self._encoder.space

    @property
    def dimension(self) -> int:
        """Components of a vector."""
        return self._encoder.dimension

    def state(self) -> EmbedderState:
        """Ready, or why not: preparing, failed (and why), hung, stopped."""
        with self._wake:
            return self._state_now()

    async def start(self) -> None:
        """Start the owner thread, which loads the model; returns at once."""
        with self._wake:
            if self._thread is not None or self._closed:
                return
            self._state = EmbedderState(ready=False, detail="preparing")
            self._thread = threading.Thread(target=self._own, name="semcache-embedder", daemon=True)
            self._thread.start()

    async def embed(self, texts: Sequence[str], *, deadline_s: float | None = None) -> list[Embedding | None]:
        """See `ports.Embedder.embed`. At most `queue` texts in one call."""
        if not texts:
            return []
        limit = self._deadline_s if deadline_s is None else deadline_s
        job = _Job(texts, asyncio.get_running_loop(), time.monotonic() + limit)
        self._enqueue(job)
        try:
            async with asyncio.timeout(limit):
                return await job.future
        except TimeoutError:
            raise EmbedderTimeout(f"no embedding within {limit:g} s") from None
        finally:
            job.abandoned = True

    async def aclose(self) -> None:
        """Refuse new texts, fail the waiting ones, stop the thread; returns within about `JOIN_S`."""
        with self._wake:
            self._closed = True
            self._state = EmbedderState(ready=False, detail="stopped")
            thread = self._thread
            self._wake.notify_all()
        self._encoder.abort()
        if thread is not None:
            await asyncio.to_thread(thread.join, JOIN_S)
            if thread.is_alive():
                log.warning("the embedder's thread is hung and is left behind")
        with self._wake:
            self._refuse_all(EmbedderUnavailable("the embedder is stopped"))

    def _state_now(self) -> EmbedderState:
        if self._busy_since is not None and time.monotonic() - self._busy_since > self._hang_s:
            return EmbedderState(ready=False, detail=f"hung for more than {self._hang_s:g} s")
        return self._state

    def _enqueue(self, job: _Job) -> None:
        with self._wake:
            state = self._state_now()
            if not state.ready:
                raise EmbedderUnavailable(f"embedder: {state.detail}")
            if self._waiting + len(job.texts) > self._limit:
                raise EmbedderOverloaded(f"{self._waiting} texts are waiting, {self._limit} may")
            self._queue.extend((job, at) for at in range(len(job.texts)))
            self._waiting += len(job.texts)
            self._wake.notify()

    # --- the owner thread ------------------------------------------------------------------------------------

    def _own(self) -> None:
        while not self._closed:
            try:
                self._encoder.load()
                self._serve()
            except EmbedderUnavailable as error:
                self._fail(error)
            except Exception as error:  # the edge of the thread: a dead owner would hang every call
                log.exception("the embedder failed")
                self._fail(EmbedderUnavailable(f"{type(error).__name__}: {error}"))
            with self._wake:
                self._wake.wait_for(lambda: self._closed, self._pause_s)
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._encoder.unload()

    def _serve(self) -> None:
        """Encode until closed; EmbedderUnavailable ends it."""
        with self._wake:
            if self._closed:
                return
            self._state = EmbedderState(ready=True)
        log.info("embedder ready, space %s", self._encoder.space)
        while (tasks := self._take()) is not None:
            self._deliver(tasks, self._encode([job.texts[at] for job, at in tasks]))
            self._pause_s = FIRST_PAUSE_S  # it answered: a later death is a new one

    def _take(self) -> list[tuple[_Job, int]] | None:
        """The next batch, at least one text; None when closed. Dead requests fall out here."""
        with self._wake:
            self._busy_since = None
            taken: list[tuple[_Job, int]] = []
            windows = 0
            while not taken:
                self._wake.wait_for(lambda: bool(self._queue) or self._closed)
                if self._closed:
                    return None
                now = time.monotonic()
                while self._queue:
                    job, at = self._queue[0]
                    alive = not job.abandoned and job.expires > now
                    windows += self._encoder.windows(job.texts[at]) if alive else 0
                    if taken and windows > self._batch:
                        break
                    self._queue.popleft()
                    self._waiting -= 1
                    if alive:
                        taken.append((job, at))
            self._busy_since = time.monotonic()
            return taken

    def _encode(self, texts: Sequence[str]) -> list[_Result]:
        """Encode a batch; where it fails for its texts' sake, one by one, so that one bad text spoils no other."""
        try:
            return list(self._encoder.encode(texts))
        except EmbedderUnavailable as error:
            self._state_failed(error)
            return [error] * len(texts)
        except Exception as error:  # whatever a model raises for a text; its waiter is told
            if len(texts) > 1:
                return [result for text in texts for result in self._encode([text])]
            log.exception("a text of %d characters could not be embedded", len(texts[0]))
            return [EmbedderUnavailable(f"{type(error).__name__}: {error}")]

    def _deliver(self, tasks: Sequence[tuple[_Job, int]], results: Sequence[_Result]) -> None:
        """Hand results over, one wake-up for each event loop, and stop serving if the model is gone."""
        finished: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        for (job, at), result in zip(tasks, results, strict=True):
            if job.settle(at, result):
                finished.setdefault(job.loop, []).append(job)
        _wake_loops(finished)
        with self._wake:
            self._busy_since = None
            if not self._state.ready and not self._closed:
                raise EmbedderUnavailable(self._state.detail)

    def _state_failed(self, error: EmbedderUnavailable) -> None:
        with self._wake:
            if not self._closed:
                self._state = EmbedderState(ready=False, detail=str(error))

    def _fail(self, error: EmbedderUnavailable) -> None:
        self._state_failed(error)
        with self._wake:
            self._busy_since = None
            if not self._closed:
                log.error("embedder unavailable: %s", error)
            self._refuse_all(error)

    def _refuse_all(self, error: EmbedderUnavailable) -> None:
        finished: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        for job, at in self._queue:
            if job.settle(at, error):
                finished.setdefault(job.loop, []).append(job)
        self._queue.clear()
        self._waiting = 0
        _wake_loops(finished)


_Result = Embedding | EmbedderUnavailable | None


class _Job:
    """One call of `embed`."""

    __slots__ = ("_left", "_results", "abandoned", "expires", "future", "loop", "texts")

    def __init__(self, texts: Sequence[str], loop: asyncio.AbstractEventLoop, expires: float) -> None:
        self.texts = texts
        self.loop = loop
        self.expires = expires
        self.future: asyncio.Future[list[Embedding | None]] = loop.create_future()
        self.abandoned = False
        self._results: list[_Result] = [None] * len(texts)
        self._left = len(texts)

    def settle(self, at: int, result: _Result) -> bool:
        """Keep one result; True when it was the last."""
        self._results[at] = result
        self._left -= 1
        return self._left == 0

    def finish(self) -> None:
        """In the event loop: wake the waiter, if it is still there."""
        if self.future.done():
            return
        results: list[Embedding | None] = []
        for result in self._results:
            if isinstance(result, EmbedderUnavailable):
                self.future.set_exception(type(result)(str(result)))  # its own: others wait for it too
                return
            results.append(result)
        self.future.set_result(results)


def _wake_loops(finished: dict[asyncio.AbstractEventLoop, list[_Job]]) -> None:
    for loop, jobs in finished.items():
        try:
            loop.call_soon_threadsafe(_finish_all, jobs)
        except RuntimeError:  # the loop is closed: nobody waits there any more
            log.debug("%d embeddings for a closed event loop", len(jobs))


def _finish_all(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        job.finish()
