"""Passing on: what is not cached goes to upstream and comes back as it is, at the client's pace.

A client that leaves ends the call of upstream. Of the routes whose protocol is known the answer is listened to, so that
what it cost is counted.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from semcache.errors import SemcacheError, UpstreamUnavailable
from semcache.gateway import evidence
from semcache.gateway.ask import Reply
from semcache.gateway.dialect import Asked, Dialect
from semcache.gateway.errands import Errand
from semcache.gateway.fetching import is_stream, without_length
from semcache.gateway.prices import Prices
from semcache.gateway.recorder import NOTHING, Recorder, Recording
from semcache.models import Bypass, BypassReason, CacheStatus
from semcache.ports import Observer, UpstreamAnswer


class Passing:
    """Calls upstream on a client's behalf."""

    def __init__(
        self,
        *,
        observer: Observer,
        prices: Prices,
        limit: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`limit`: bytes of an answer beyond which it is no longer listened to."""
        self._observer = observer
        self._prices = prices
        self._limit = limit
        self._monotonic = monotonic

    async def plain(self, errand: Errand, reason: BypassReason) -> Reply:
        """Pass on what nobody here reads. Raises UpstreamUnavailable."""
        started = self._monotonic()
        answer = await self._send(errand, started)
        shown = evidence.headers(CacheStatus.BYPASS, Bypass(reason=reason), fwd_status=answer.status)
        return Reply(
            status=answer.status,
            headers=[*answer.headers, *shown],
            chunks=self._relay(errand, answer, None, started),
        )

    async def heard(self, errand: Errand, dialect: Dialect, asked: Asked, reason: BypassReason) -> Reply:
        """Pass on a request of a protocol that we know, and tell what it cost. Raises UpstreamUnavailable."""
        started = self._monotonic()
        answer = await self._send(errand, started)
        bypass = Bypass(reason=reason)
        sent = [
            *without_length(answer.headers),
            *evidence.headers(CacheStatus.BYPASS, bypass, fwd_status=answer.status),
        ]
        recorder = Recorder(dialect, stream=is_stream(answer), limit=self._limit)
        if is_stream(answer) or answer.status >= 300:
            chunks = self._relay(errand, answer, recorder if answer.status < 300 else None, started)
            return Reply(status=answer.status, headers=sent, chunks=chunks)
        body = b"".join([chunk async for chunk in self._relay(errand, answer, recorder, started)])
        cost = self._prices.cost(errand.model, recorder.finish().answered, provider=errand.provider)
        shown = evidence.of_bypass(bypass, cost_usd=cost, latency_ms=(self._monotonic() - started) * 1000)
        return Reply(status=answer.status, headers=sent, body=evidence.splice(body, shown))

    async def _send(self, errand: Errand, started: float) -> UpstreamAnswer:
        try:
            return await errand.upstream.send(errand.outgoing)
        except UpstreamUnavailable as error:
            self._failed(errand, error, started)
            raise

    async def _relay(
        self, errand: Errand, answer: UpstreamAnswer, recorder: Recorder | None, started: float
    ) -> AsyncIterator[bytes]:
        recording = NOTHING
        try:
            async for chunk in answer.chunks():
                if recorder is not None:
                    recorder.feed(chunk)
                yield chunk
            if recorder is not None:
                recording = recorder.finish()
        except SemcacheError as error:
            self._failed(errand, error, started)
            raise
        else:
            cost = self._prices.cost(errand.model, recording.answered, provider=errand.provider)
            self._called(errand, answer.status, started, recording, cost)
        finally:
            await answer.aclose()

    def _failed(self, errand: Errand, error: SemcacheError, started: float) -> None:
        self._observer.degraded("upstream", error.code, str(error))
        self._called(errand, None, started, NOTHING, None)

    def _called(
        self, errand: Errand, status: int | None, started: float, recording: Recording, cost: float | None
    ) -> None:
        seconds = self._monotonic() - started
        self._observer.called(errand.called(status, seconds, recording.answered.usage, cost))
