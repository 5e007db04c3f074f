"""One request that may be cached, on its way to an answer: from what is kept, from a flight, or by upstream.

Whatever goes wrong on our side ends in the request being passed on.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cached_property, partial
from typing import Any, Final

import msgspec

from semcache.cache import SemanticCache
from semcache.coalesce import Coalescer, Flight, FlightLost, Work
from semcache.direct import Question, lean
from semcache.errors import NotCached, Unavailable, UpstreamTimeout, UpstreamUnavailable
from semcache.gateway import evidence, frames
from semcache.gateway.ask import Ask, Header, Reply
from semcache.gateway.causes import cause_of
from semcache.gateway.dialect import Dialect
from semcache.gateway.errands import Errands
from semcache.gateway.fetching import Fetcher, Order
from semcache.gateway.frames import End, Head, Piece
from semcache.gateway.negatives import Negatives
from semcache.gateway.passing import Passing
from semcache.gateway.prepared import Prepared
from semcache.gateway.telling import Retellings, sound
from semcache.models import (
    Bypass,
    CacheStatus,
    Hit,
    Miss,
    MissReason,
    Stale,
    Strategy,
    Tier,
    base_namespace,
)
from semcache.near import Again
from semcache.policy.generation import widest
from semcache.policy.staleness import Windows, usable, windows
from semcache.ports import Boarding, LookupEvent, Observer, StaleEvent
from semcache.settings import Settings

log = logging.getLogger(__name__)

PRIVATE: Final = frozenset({401, 403, 429})
"""Statuses about the credential that asked: nobody else gets them; followers ask with their own."""
_TRIES: Final = 3
"""How often a request looks again after a flight that it followed was lost, before it goes alone."""
_EVENTS: Final = (b"content-type", b"text/event-stream; charset=utf-8")
_JSON: Final = (b"content-type", b"application/json")


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What all exchanges share."""

    settings: Settings
    cache: SemanticCache
    errands: Errands
    fetcher: Fetcher
    passing: Passing
    coalescer: Coalescer
    negatives: Negatives
    observer: Observer
    retellings: Retellings
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Exchange:
    """One request that may be cached, on its way to an answer."""

    def __init__(self, parts: Parts, prepared: Prepared, dialect: Dialect, started: float) -> None:
        errand, asked = prepared.errand, prepared.asked
        self._parts = parts
        self._errand = errand
        self._ask = errand.ask
        self._dialect = dialect
        self._asked = asked
        self._started = started
        self._event: LookupEvent | None = None
        self._request = prepared.request
        self._disappointed = False
        """It followed one whose error is not its own."""

    @property
    def _windows(self) -> Windows:
        return windows(self._ask.directives, self._parts.settings.gateway, self._parts.settings.ttl)

    @cached_property
    def _cause(self) -> str:
        """To whom its errors may go, and whose it may have. Hits need none."""
        return cause_of(self._errand.outgoing)

    @property
    def hit(self) -> bool:
        """Whether the last lookup found an answer."""
        return self._event is not None and isinstance(self._event.outcome, Hit)

    async def answer(self) -> Reply:
        """The answer. Raises UpstreamUnavailable, NotCached, RateLimited.

        However often it looks, it is one lookup to those who count: the last.
        """
        try:
            return await self._answer()
        finally:
            if self._event is not None:
                self._parts.observer.looked_up(self._event)

    async def _answer(self) -> Reply:
        parts, directives = self._parts, self._ask.directives
        fresh, spent = directives.no_cache, False
        miss = Miss(reason=MissReason.NOT_FOUND)
        for _ in range(_TRIES):
            self._event = await parts.cache.find(
                self._request,
                strategy=_narrowest(directives.strategy, widest(self._asked.traits)),
                context=directives.context,
                threshold=directives.threshold,
                max_age_s=directives.max_age_s,
                fresh=fresh,
            )
            outcome = self._event.outcome
            if isinstance(outcome, Hit):
                reply = self._from_hit(outcome)
                if reply is not None:
                    return reply
                log.warning("an entry of %s may not answer %s: fetched anew", self._errand.model, self._dialect.name)
                fresh = True
                continue
            refuse_if_only_cached(self._ask)
            if isinstance(outcome, Bypass):
                await self._ask.spend()
                return await parts.passing.heard(self._errand, self._dialect, self._asked, outcome.reason)
            reply = self._without_upstream(outcome)
            if reply is not None:
                return reply
            if not spent:
                await self._ask.spend()
                spent = True
            miss = outcome
            reply = await self._by_flight(miss)
            if reply is not None:
                return reply
        return await self._alone(miss)

    # -- from what is kept ----------------------------------------------------------------------------------------

    def _from_hit(self, hit: Hit) -> Reply | None:
        entry = hit.entry
        shown = evidence.of_hit(hit, latency_ms=self._ms())
        status = CacheStatus.SEMANTIC_HIT if hit.tier is Tier.SEMANTIC else CacheStatus.HIT
        reply = self._kept(entry.response, shown, evidence.headers(status, hit), hit.tier)
        if reply is None or reply.around is None or hit.tier is not Tier.EXACT:
            return reply
        again = self._again(hit, *reply.around) if self._parts.cache.keeps(entry) else None
        return msgspec.structs.replace(reply, again=again, question=partial(self._question, hit))

    def _question(self, hit: Hit) -> Question | None:
        parts, errand = self._parts, self._errand
        identity = lean(parts.cache.whose(self._request), hit)
        if identity is None:
            return None
        return Question(
            identity=identity,
            namespace=sys.intern(base_namespace(errand.namespace)),
            model=sys.intern(errand.model),
            max_age_s=self._ask.directives.max_age_s,
            in_force=partial(parts.errands.in_force, errand.upstream.name, errand.model, errand.label, errand.secret),
            telling=parts.retellings.of(self._dialect, self._asked),
        )

    def _again(self, hit: Hit, before: bytes, after: bytes) -> Again:
        parts, errand = self._parts, self._errand
        return Again(
            entry=hit.entry,
            before=before,
            after=after,
            namespace=base_namespace(errand.namespace),
            model=errand.model,
            max_age_s=self._ask.directives.max_age_s,
            in_force=partial(parts.errands.in_force, errand.upstream.name, errand.model, errand.label, errand.secret),
        )

    def _without_upstream(self, miss: Miss) -> Reply | None:
        """A remembered refusal, or an expired answer that may be served while it is refreshed."""
        if miss.fill is None:
            return None
        negative = self._parts.negatives.get(miss.fill, lambda: self._cause)
        if negative is not None and not self._ask.directives.no_cache:
            status, headers, body = negative
            return Reply(
                status=status,
                headers=[*headers, *evidence.headers(CacheStatus.HIT, miss, reason="negative")],
                body=body,
            )
        if miss.stale is None or self._ask.directives.no_cache:
            return None
        if not usable(miss.stale, self._windows.while_revalidate_s, self._ask.directives.max_age_s):
            return None
        self._parts.coalescer.begin(miss.fill.entry_id, since_ms=miss.fill.issued_ms, work=self._work(miss))
        return self._stale(miss.stale, "revalidating")

    def _stale(self, stale: Stale, reason: str) -> Reply | None:
        errand = self._errand
        shown = evidence.of_stale(stale, reason, latency_ms=self._ms())
        reply = self._kept(
            stale.entry.response, shown, evidence.headers(CacheStatus.STALE, stale, reason=reason), Tier.EXACT
        )
        if reply is not None:
            self._parts.observer.served_stale(StaleEvent(namespace=errand.counted_in, model=errand.model, stale=stale))
        return reply

    async def _stale_if_error(self, miss: Miss, reason: str) -> Reply | None:
        """The expired answer that the lookup found, if it is still there: upstream may have taken minutes to fail, and
        meanwhile it may have been invalidated, or another have taken its place."""
        explicit = self._ask.directives.stale_if_error_s is not None
        if miss.stale is None or (self._ask.directives.no_cache and not explicit):
            return None
        if not usable(miss.stale, self._windows.if_error_s):
            return None
        event = await self._parts.cache.find(self._request, strategy=Strategy.EXACT)
        if isinstance(event.outcome, Hit):
            self._event = event
            return self._from_hit(event.outcome)
        there = event.outcome.stale if isinstance(event.outcome, Miss) else None
        return None if there is None else self._stale(there, reason)

    def _kept(
        self, whole: bytes, shown: dict[str, Any], headers: list[Header], tier: Tier | None = None
    ) -> Reply | None:
        """A whole answer in the form that was asked for; None where it is no sound one (`telling.sound`)."""
        response = sound(whole, self._dialect, self._parts.settings.gateway, tier)
        if response is None:
            return None
        if not self._asked.stream:
            own = self._dialect.restated(whole, self._asked)
            around = evidence.around(own)
            body = own if around is None else evidence.between(around[0], shown, around[1])
            return Reply(status=200, headers=[_JSON, *headers], body=body, around=around)
        events = self._dialect.replay(response, self._asked, shown)
        pace = self._parts.settings.gateway.replay_events_per_s
        if pace <= 0:
            return Reply(status=200, headers=[_EVENTS, *headers], body=b"".join(events))
        return Reply(status=200, headers=[_EVENTS, *headers], chunks=self._paced(list(events), 1 / pace))

    async def _paced(self, events: list[bytes], pause_s: float) -> AsyncIterator[bytes]:
        for number, event in enumerate(events):
            if number:
                await self._parts.sleep(pause_s)
            yield event

    # -- from upstream --------------------------------------------------------------------------------------------

    def _work(self, miss: Miss) -> Work:
        order = Order(
            errand=self._errand,
            dialect=self._dialect,
            asked=self._asked,
            request=self._request,
            fill=miss.fill,
            embedded=self._event is not None and "embed" in self._event.stages,
        )

        async def work(flight: Flight) -> None:
            await self._parts.fetcher.fetch(flight, order)

        return work

    async def _by_flight(self, miss: Miss) -> Reply | None:
        """The answer of a flight, led or followed; None to look again."""
        name = await self._flight_of(miss)
        since_ms = None if miss.fill is None else miss.fill.issued_ms
        # Who may not have what is kept may not have what was asked for before either (RFC 9111, section 4: a request
        # that cannot reuse the answer of a collapsed call is forwarded).
        join = not self._ask.directives.no_cache
        passage = await self._parts.coalescer.board(name, since_ms=since_ms, work=self._work(miss), join=join)
        if passage.boarding is Boarding.FOLLOW and not join:
            return await self._alone(miss)
        if passage.flight is None:
            return None
        led = passage.boarding is Boarding.LEAD
        try:
            return await self._ride(miss, passage.flight.frames(), led=led)
        except FlightLost as error:
            log.info("a flight was lost, the request looks again: %s", error)
            return None

    async def _flight_of(self, miss: Miss) -> str:
        """The name of its flight. Where the store told nothing, a flight of those alone to whom it told nothing, as
        what it brings is not kept."""
        if miss.fill is not None:
            return miss.fill.entry_id
        return f"unread {await self._parts.cache.entry_id(self._request)}"

    async def _despite_another(self, miss: Miss) -> Reply | None:
        """The answer after another's error that may not be ours; None to look again, as all do who followed it: one of
        them leads, and if it has an answer, that is everybody's. Should it have an error too, who asks otherwise waits
        for nobody else, but for those who ask upstream the very same; here, in a flight of their own."""
        if not self._disappointed:
            self._disappointed = True
            return None
        name = f"{await self._flight_of(miss)} {self._cause}"
        passage = await self._parts.coalescer.board(name, since_ms=None, work=self._work(miss))
        if passage.flight is None:
            return None
        return await self._ride(miss, passage.flight.frames(), led=passage.boarding is Boarding.LEAD)

    async def _alone(self, miss: Miss) -> Reply:
        """Without the others: nobody shares this call, and it shares nobody's."""
        flight = self._parts.coalescer.solo(self._work(miss))
        reply = await self._ride(miss, flight.frames(), led=True)
        assert reply is not None  # only followers are told to look again
        return reply

    async def _ride(self, miss: Miss, coming: AsyncIterator[bytes], *, led: bool) -> Reply | None:
        """What comes of a flight's frames. Raises FlightLost before anything was sent to the client."""
        first = frames.decode(await anext(coming))
        assert not isinstance(first, Piece)
        if not led and isinstance(first, Head) and (first.status in PRIVATE or _overtaken(first, miss)):
            return await self._alone(miss)
        if not led and first.cause and first.cause != self._cause:
            return await self._despite_another(miss)
        if isinstance(first, End):
            stale = await self._stale_if_error(miss, first.error)
            if stale is not None:
                return stale
            raise _error_of(first)
        if first.status >= 500:
            stale = await self._stale_if_error(miss, f"upstream_{first.status}")
            if stale is not None:
                return stale
        if first.stream and self._asked.stream and (led or first.shape == self._asked.shape):
            return self._reply(miss, first, led=led, chunks=self._relayed(miss, coming, led=led))
        body, end = await _rest(coming)
        if end.error:
            stale = await self._stale_if_error(miss, end.error)
            if stale is not None:
                return stale
            raise _error_of(end)
        if not led:
            self._shared(first, end)
        return await self._whole(miss, first, body, end, led=led)

    async def _whole(self, miss: Miss, head: Head, body: bytes, end: End, *, led: bool) -> Reply:
        shown = evidence.of_miss(miss, cost_usd=end.cost_usd, coalesced=not led, latency_ms=self._ms())
        if head.status >= 300:
            return self._reply(miss, head, led=led, body=body)
        if led and head.stream == self._asked.stream:
            return self._reply(miss, head, led=led, body=body if head.stream else evidence.splice(body, shown))
        whole = end.whole if head.stream else body
        if led or whole is None:  # upstream answers in another form than asked, or the stream was not complete
            return self._reply(miss, head, led=led, body=body) if led else await self._alone(miss)
        headers = evidence.headers(evidence.status_of(miss), miss, collapsed=True)
        return self._kept(whole, shown, headers) or await self._alone(miss)

    def _reply(
        self, miss: Miss, head: Head, *, led: bool, body: bytes = b"", chunks: AsyncIterator[bytes] | None = None
    ) -> Reply:
        shown = evidence.headers(evidence.status_of(miss), miss, collapsed=not led, fwd_status=head.status)
        return Reply(status=head.status, headers=[*head.headers, *shown], body=body, chunks=chunks)

    async def _relayed(self, miss: Miss, coming: AsyncIterator[bytes], *, led: bool) -> AsyncIterator[bytes]:
        """The stream as it comes. One that breaks ends in the protocol's error event, then in a cut connection."""
        try:
            async for data in coming:
                frame = frames.decode(data)
                if isinstance(frame, Piece):
                    if frame.data:
                        yield frame.data
                    elif led:  # what its end tells is for those who share the call
                        return
                elif isinstance(frame, End):
                    if frame.error:
                        raise _error_of(frame)
                    if not led:
                        self._shared(None, frame)
        except Unavailable as error:
            yield self._dialect.error_event(error.code, str(error))
            raise

    def _shared(self, head: Head | None, end: End) -> None:
        status = 200 if head is None else head.status
        self._parts.observer.called(self._errand.called(status, end.seconds, end.usage, end.cost_usd, coalesced=True))

    def _ms(self) -> float:
        return (self._parts.monotonic() - self._started) * 1000


async def _rest(coming: AsyncIterator[bytes]) -> tuple[bytes, End]:
    parts: list[bytes] = []
    async for data in coming:
        frame = frames.decode(data)
        if isinstance(frame, Piece):
            parts.append(frame.data)
        elif isinstance(frame, End):
            return b"".join(parts), frame
    raise FlightLost("a flight ended without its last frame")


def _overtaken(head: Head, miss: Miss) -> bool:
    """Whether something was invalidated after a flight's answer was asked for and before this request was looked up."""
    fill = miss.fill
    return fill is not None and (head.epoch != fill.epoch or head.fence < fill.fence)


def _error_of(end: End) -> UpstreamUnavailable:
    kind = UpstreamTimeout if end.error == UpstreamTimeout.code else UpstreamUnavailable
    return kind(end.detail)


def refuse_if_only_cached(ask: Ask) -> None:
    """Raises NotCached where the caller wants nothing else."""
    if ask.directives.only_if_cached:
        raise NotCached("nothing is cached for this request, and it asked for `only-if-cached`")


def _narrowest(first: Strategy | None, second: Strategy) -> Strategy:
    return second if first is None else first.tightest(second)
