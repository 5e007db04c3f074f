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
        if flight.waiters == 0 and not flight.task.done():
            # Nobody waits: dropped before it costs a batch, and forgotten at once, lest another boards.
            self._forget(flight)
            flight.task.cancel()

    async def _join(self, wanted: dict[_Key, str], end: float) -> dict[_Key, Embedding | None]:
        """Wait for the flights that carry `wanted`, started here where there is none.

        Leaves out what an earlier caller's shorter deadline cut off: the caller asks again on its own time.
        """
        loop = asyncio.get_running_loop()
        left = end - loop.time()
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
            _, late = await asyncio.wait({flight.task for flight in boarded}, timeout=left)
        finally:
            for flight in boarded:
                self._leave(flight)
        if late:
            raise EmbedderTimeout("no embedding within the deadline")
        found: dict[_Key, Embedding | None] = {}
        for key, flight in flights.items():
            if (error := flight.failure()) is None:
                found[key] = flight.task.result()[key]
            elif flight.end >= end or not isinstance(error, EmbedderTimeout):
                raise type(error)(str(error)) from error  # its own: others wait for the same flight
        return found

    def _take_off(self, texts: dict[_Key, str], end: float, left: float) -> _Flight:
        flight = _Flight(asyncio.create_task(self._compute(texts, left)), frozenset(texts), end)
        for key in texts:
            self._flights[key] = flight
        flight.task.add_done_callback(lambda _: self._land(flight))
        return flight

    async def _compute(self, texts: dict[_Key, str], deadline_s: float) -> dict[_Key, Embedding | None]:
        vectors = await self._inner.embed(list(texts.values()), deadline_s=deadline_s)
        return dict(zip(texts, vectors, strict=True))

    def _land(self, flight: _Flight) -> None:
        self._forget(flight)
        if flight.failure() is None:
            self._kept.update(flight.task.result())
            while len(self._kept) > self._entries:
                self._kept.popitem(last=False)

    def _forget(self, flight: _Flight) -> None:
        for key in flight.keys:
            if self._flights.get(key) is flight:
                del self._flights[key]


def _key(space: str, text: str) -> _Key:
    return space, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class _Flight:
    """One call of the inner embedder, and how many callers wait for it."""

    __slots__ = ("end", "keys", "task", "waiters")

    def __init__(self, task: asyncio.Task[dict[_Key, Embedding | None]], keys: frozenset[_Key], end: float) -> None:
        self.task = task
        self.keys = keys
        self.end = end
        self.waiters = 0

    def failure(self) -> BaseException | None:
        """Of a flight that is over: why it brought nothing; None if it did."""
        if self.task.cancelled():
            return EmbedderUnavailable("the embedder is stopped")
        return self.task.exception()
