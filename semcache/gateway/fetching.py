"""Fetching: one call of upstream, pushed into a flight as it comes, recorded, and kept if it deserves it.

Runs as a task of its own. Clients come and go; the answer is fetched to its end, since others may wait for it and the
next caller will.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from semcache.cache import SemanticCache
from semcache.errors import SemcacheError, UpstreamUnavailable
from semcache.gateway import frames
from semcache.gateway.ask import Header
from semcache.gateway.causes import cause_of
from semcache.gateway.dialect import Asked, Dialect
from semcache.gateway.errands import Errand
from semcache.gateway.frames import End, Head, Piece
from semcache.gateway.negatives import Negatives
from semcache.gateway.prices import Prices
from semcache.gateway.recorder import NOTHING, Recorder, Recording
from semcache.gateway.versions import Versions
from semcache.models import CacheRequest, FillToken, Refused, RefusedReason, StoreOutcome, Strategy
from semcache.policy.generation import may_keep, widest
from semcache.ports import Observer, StoreEvent, UpstreamAnswer
from semcache.settings import Settings

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where frames go: a flight."""

    token: int

    def push(self, frame: bytes) -> None:
        """Take the next frame."""

    def out(self) -> None:
        """No more of what readers pass on."""

    def land(self) -> None:
        """No more frames."""

    async def ease(self) -> bool:
        """Wait, of an answer that will not be kept, for a reader who is far behind; False where nobody reads on."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to fetch, and for whom it is kept."""

    errand: Errand
    dialect: Dialect
    asked: Asked
    request: CacheRequest
    fill: FillToken | None
    """Of the miss; None where the store could not be read: then nothing is kept."""
    embedded: bool = False
    """The lookup has embedded the prompt."""


class Fetched(msgspec.Struct, frozen=True):
    """What came of an order."""

    status: int | None = None
    """Upstream's HTTP status; None where it gave no whole answer."""
    cost_usd: float | None = None
    outcome: StoreOutcome | None = None
    """What became of the answer; None where nothing could be kept."""


class _Deserted(Exception):
    """Nobody reads an answer that will not be kept: upstream may stop."""


class Fetcher:
    """Does orders."""

    def __init__(
        self,
        settings: Settings,
        *,
        cache: SemanticCache,
        observer: Observer,
        prices: Prices,
        versions: Versions,
        negatives: Negatives,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._observer = observer
        self._prices = prices
        self._versions = versions
        self._negatives = negatives
        self._monotonic = monotonic

    async def fetch(self, sink: Sink, order: Order) -> Fetched:
        """Do an order. The sink has every frame, and has landed, before anything is stored."""
        ahead: asyncio.Task[None] | None = None
        if order.fill is not None and not order.embedded and widest(order.asked.traits) is Strategy.SEMANTIC:
            ahead = asyncio.create_task(self._cache.anticipate(order.request), name="anticipate")
        try:
            return await self._fetch(sink, order)
        finally:
            if ahead is not None:
                ahead.cancel()  # done by now, as a rule: upstream takes longer than an embedding
                (failed,) = await asyncio.gather(ahead, return_exceptions=True)
                if isinstance(failed, Exception):  # a defect, and no reason to lose the answer
                    log.error("a prompt could not be embedded ahead of its store", exc_info=failed)

    async def _fetch(self, sink: Sink, order: Order) -> Fetched:
        started = self._monotonic()
        errand = order.errand
        outgoing = errand.outgoing
        status: int | None = None
        recording = NOTHING
        body = b""
        try:
            answer = await errand.upstream.send(outgoing)
            try:
                status = answer.status
                epoch, fence = (order.fill.epoch, order.fill.fence) if order.fill is not None else (0, 0)
                sent = without_length(answer.headers)
                cause = cause_of(outgoing) if status >= 300 else ""
                head = Head(status, sent, is_stream(answer), order.asked.shape, epoch, fence, cause)
                sink.push(frames.encode(head))
                recording, body = await self._relay(sink, order, answer, head)
            finally:
                await answer.aclose()
        except SemcacheError as error:  # UpstreamUnavailable, or what HTTP cannot carry
            self._observer.degraded("upstream", error.code, str(error))
            cause = "" if isinstance(error, UpstreamUnavailable) else cause_of(outgoing)
            sink.push(frames.encode(End(error=error.code, detail=str(error), cause=cause)))
            sink.land()
            self._called(order, None, recording, None, self._monotonic() - started)
            return Fetched()
        except _Deserted:
            self._called(order, status, recording, None, self._monotonic() - started)
            return Fetched(status)
        seconds = self._monotonic() - started
        cost = self.cost(errand, recording)
        end = End(
            whole=recording.whole if head.stream else None,
            usage=recording.answered.usage,
            cost_usd=cost,
            seconds=seconds,
        )
        sink.push(frames.encode(end))
        sink.land()
        await asyncio.sleep(0)  # readers first: their answer is out before the call is counted and its answer stored
        self._called(order, status, recording, cost, seconds)
        if status >= 300:
            if order.fill is not None:
                self._negatives.put(order.fill, head.cause, status, head.headers, body)
            return Fetched(status, cost)
        if status != 200:  # accepted, or a part: no answer that could be given again
            recording = NOTHING
        return Fetched(status, cost, await self._keep(sink, order, recording, cost, seconds))

    def cost(self, errand: Errand, recording: Recording) -> float | None:
        """What an answer cost, in USD; None where nobody knows."""
        return self._prices.cost(errand.model, recording.answered, provider=errand.provider)

    async def _relay(self, sink: Sink, order: Order, answer: UpstreamAnswer, head: Head) -> tuple[Recording, bytes]:
        """The recording of a good answer, or the body of another."""
        if head.status >= 300:
            parts = []
            async for chunk in answer.chunks():
                sink.push(frames.encode(Piece(chunk)))
                parts.append(chunk)
            return NOTHING, b"".join(parts)
        recorder = Recorder(order.dialect, stream=head.stream, limit=self._settings.limits.response_bytes)
        last = b""
        async for chunk in answer.chunks():
            if not chunk:
                continue
            sink.push(frames.encode(Piece(chunk)))
            if head.stream:  # readers first: they pass on what has come, and at last that it was all, before it is read
                await asyncio.sleep(0)
            recorder.feed(last if head.stream else chunk)
            last = chunk
            if recorder.overflowed and not await sink.ease():
                raise _Deserted
        if head.stream:
            sink.push(frames.encode(frames.ALL))
            sink.out()
            await asyncio.sleep(0)
            recorder.feed(last)
        return recorder.finish(), b""

    def _called(
        self, order: Order, status: int | None, recording: Recording, cost: float | None, seconds: float
    ) -> None:
        self._observer.called(order.errand.called(status, seconds, recording.answered.usage, cost))

    async def _keep(
        self, sink: Sink, order: Order, recording: Recording, cost: float | None, seconds: float
    ) -> StoreOutcome | None:
        if order.fill is None:
            return None
        reach = await self._reach(order, recording)
        if isinstance(reach, RefusedReason) or recording.whole is None:
            reason = reach if isinstance(reach, RefusedReason) else RefusedReason.UNREADABLE
            refused = Refused(reason=reason)
            errand = order.errand
            self._observer.stored(
                StoreEvent(namespace=errand.counted_in, model=errand.model, outcome=refused, seconds=0.0)
            )
            return refused
        directives = order.errand.ask.directives
        return await self._cache.store(
            order.request,
            recording.whole,
            ttl_s=directives.ttl_s,
            tags=directives.tags,
            usage=recording.answered.usage,
            cost_usd=cost,
            latency_ms=seconds * 1000,
            metadata={"upstream": order.errand.upstream.name, "upstream_model": recording.answered.model},
            fill=msgspec.structs.replace(order.fill, flight=sink.token),
            reach=reach,
        )

    async def _reach(self, order: Order, recording: Recording) -> Strategy | RefusedReason:
        """How widely the answer may be found, or why it is not kept."""
        if not order.errand.ask.may_store:
            return RefusedReason.NO_STORE
        kept = may_keep(recording.answered, self._settings.gateway)
        if isinstance(kept, RefusedReason):
            return kept
        try:
            same = await self._versions.observe(
                order.errand.upstream.name, order.errand.model, recording.answered.model, order.errand.label
            )
        except SemcacheError as error:
            self._observer.degraded("store", error.code, str(error))
            return RefusedReason.STORE_UNAVAILABLE
        if not same:
            return RefusedReason.MODEL_VERSION_CHANGED
        return kept.tightest(widest(order.asked.traits))


def is_stream(answer: UpstreamAnswer) -> bool:
    """Whether the body is a stream of events."""
    types = [value for name, value in answer.headers if name == b"content-type"]
    return bool(types) and types[0].lower().startswith(b"text/event-stream")


def without_length(headers: list[Header]) -> list[Header]:
    """Headers of a body that may grow by our evidence."""
    return [header for header in headers if header[0] != b"content-length"]
