"""A bounded cache of embeddings before another embedder, and one computation for texts asked for at the same time.

A miss embeds a prompt, and the store after it needs the same vectors: they are still here. Kept by vector space and
SHA-256 of the text, least recently used out first. Nothing here knows what a model is.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence

from semcache.errors import EmbedderTimeout, EmbedderUnavailable
from semcache.models import Embedding
from semcache.ports import Embedder, EmbedderState

_Key = tuple[str, bytes]


class CachedEmbedder:
    """Implements `ports.Embedder` over another one. Belongs to one event loop."""

    def __init__(self, inner: Embedder, *, entries: int, deadline_s: float, free: bool = True) -> None:
        """`entries`: texts kept, 0 for none (identical texts in flight still share); `deadline_s`: default.

        `free`: a text may be embedded in vain, as that costs nobody money and tells nobody what it says.
        """
        self._inner = inner
        self._entries = entries
        self._deadline_s = deadline_s
        self._free = free
        self._kept: OrderedDict[_Key, Embedding | None] = OrderedDict()
        self._flights: dict[_Key, _Flight] = {}
        self.hits = 0
        self.misses = 0

    @property
    def space(self) -> str:
        """The inner embedder's vector space."""
        return self._inner.space

    @property
    def dimension(self) -> int:
        """Components of a vector."""
        return self._inner.dimension

    def state(self) -> EmbedderState:
        """The inner embedder's state: what is kept answers in any state."""
        return self._inner.state()

    async def start(self) -> None:
        """Start the inner embedder."""
        await self._inner.start()

    async def aclose(self) -> None:
        """Stop what is in flight, then the inner embedder."""
        tasks = {flight.task for flight in self._flights.values()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._inner.aclose()

    async def embed(self, texts: Sequence[str], *, deadline_s: float | None = None) -> list[Embedding | None]:
        """See `ports.Embedder.embed`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + (self._deadline_s if deadline_s is None else deadline_s)
        space = self._inner.space
        keys = [_key(space, text) for text in texts]
        found: dict[_Key, Embedding | None] = {}
        for key in keys:
            if key in self._kept:
                self._kept.move_to_end(key)
                found[key] = self._kept[key]
                self.hits += 1
        wanted = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        while wanted:
            found |= await self._join(wanted, end)
            wanted = {key: text for key, text in wanted.items() if key not in found}
        return [found[key] for key in keys]

    def begin(self, text: str) -> Callable[[], None] | None:
        """Have a text embedded that will probably be asked for, so that `embed` finds it under way, or done.

        Call what is returned once that is settled: what nobody waits for then is dropped, if it has not cost anything
        yet. None where nothing was begun. Never raises: what goes wrong is for `embed` to find out.
        """
        if not self._free:
            return None
        key = _key(self._inner.space, text)
        if key in self._kept or key in self._flights:
            return None
        self.misses += 1
        deadline_s = self._deadline_s
        flight = self._take_off({key: text}, asyncio.get_running_loop().time() + deadline_s, deadline_s)
        flight.waiters += 1
        return functools.partial(self._leave, flight)

    def _leave(self, flight: _Flight) -> None:
        flight.waiters -= 1
        if flight.waiters == 0 and not flight.over:
            # Nobody waits: dropped before it costs a batch, and forgotten at once, lest another boards.
            self._forget(flight)
            flight.task.cancel()

    async def _join(self, wanted: dict[_Key, str], end: float) -> dict[_Key, Embedding | None]:
        """Wait for the flights that carry `wanted`, started here where there is none.

        Leaves out what an earlier caller's shorter deadline cut off: the caller asks again on its own time.
        """
        left = end - asyncio.get_running_loop().time()
        if left <= 0:
            raise EmbedderTimeout("no embedding within the deadline")
        new = {key: text for key, text in wanted.items() if key not in self._flights}
        self.misses += len(new)
        if new:
            self._take_off(new, end, left)
        flights = {key: self._flights[key] for key in wanted}
        boarded = set(flights.values())
        for flight in boarded:
            flight.waiters += 1
        try:
            for flight in boarded:
                await flight.landing(end)
        finally:
            for flight in boarded:
                self._leave(flight)
        found: dict[_Key, Embedding | None] = {}
        for key, flight in flights.items():
            if (error := flight.failure) is None:
                found[key] = flight.found[key]
            elif flight.end >= end or not isinstance(error, EmbedderTimeout):
                raise type(error)(str(error)) from error  # its own: others wait for the same flight
        return found

    def _take_off(self, texts: dict[_Key, str], end: float, left: float) -> _Flight:
        flight = _Flight(frozenset(texts), end)
        flight.task = asyncio.create_task(self._compute(flight, texts, left))
        for key in texts:
            self._flights[key] = flight
        flight.task.add_done_callback(lambda task: self._ended(flight, task))
        return flight

    async def _compute(self, flight: _Flight, texts: dict[_Key, str], deadline_s: float) -> None:
        vectors = await self._inner.embed(list(texts.values()), deadline_s=deadline_s)
        flight.found = dict(zip(texts, vectors, strict=True))
        self._kept.update(flight.found)
        while len(self._kept) > self._entries:
            self._kept.popitem(last=False)
        self._land(flight)  # now, not in the turn of the event loop in which the task has ended

    def _ended(self, flight: _Flight, task: asyncio.Task[None]) -> None:
        if not flight.over:
            flight.failure = EmbedderUnavailable("the embedder is stopped") if task.cancelled() else task.exception()
            self._land(flight)

    def _land(self, flight: _Flight) -> None:
        self._forget(flight)
        flight.land()

    def _forget(self, flight: _Flight) -> None:
        for key in flight.keys:
            if self._flights.get(key) is flight:
                del self._flights[key]


def _key(space: str, text: str) -> _Key:
    return space, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class _Flight:
    """One call of the inner embedder, and how many callers wait for it."""

    __slots__ = ("_waiting", "end", "failure", "found", "keys", "over", "task", "waiters")

    task: asyncio.Task[None]

    def __init__(self, keys: frozenset[_Key], end: float) -> None:
        self.keys = keys
        self.end = end
        self.waiters = 0
        self.over = False
        self.found: dict[_Key, Embedding | None] = {}
        self.failure: BaseException | None = None
        """Why it brought nothing, where it is over and did not."""
        self._waiting: list[asyncio.Future[None]] = []

    async def landing(self, end: float) -> None:
        """Wait until it is over. Raises EmbedderTimeout at `end`."""
        if self.over:
            return
        loop = asyncio.get_running_loop()
        landed = loop.create_future()
        self._waiting.append(landed)
        # One that has to end before needs no clock beside its own.
        late = None if self.end <= end else loop.call_at(end, _tell, landed)
        try:
            await landed
        finally:
            if late is not None:
                late.cancel()
        if not self.over:
            raise EmbedderTimeout("no embedding within the deadline")

    def land(self) -> None:
        """It is over: tell all who wait for it."""
        self.over = True
        for landed in self._waiting:
            _tell(landed)


def _tell(landed: asyncio.Future[None]) -> None:
    if not landed.done():  # else its caller went away
        landed.set_result(None)
