"""The embeddings cache: each input text on its own, exactly; upstream is asked for the missing ones alone.

An embedding is a function of model and text, so no prompt is personal or ages here: an input is kept under a role that
no rule of prompts looks at, and is never compared for meaning. What of an item's JSON upstream sent (numbers or base64)
is given back byte for byte; the two encodings are different parameters, hence different entries.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from semcache.cache import SemanticCache
from semcache.coalesce import Coalescer, Flight, FlightLost
from semcache.errors import NotCached, SemcacheError, StoreUnavailable, UpstreamUnavailable
from semcache.gateway import evidence
from semcache.gateway.ask import Ask, Reply
from semcache.gateway.embedding_batch import Batch, Vectors, read, understood
from semcache.gateway.errands import Errand, Errands
from semcache.gateway.fetching import without_length
from semcache.gateway.passing import Passing
from semcache.gateway.prices import Prices
from semcache.gateway.versions import Versions
from semcache.models import (
    Bypass,
    BypassReason,
    CacheStatus,
    Strategy,
    Usage,
)
from semcache.policy.deny import DenyList
from semcache.policy.generation import Answered, Finish
from semcache.ports import Boarding, LookupEvent, Observer
from semcache.settings import Settings

log = logging.getLogger(__name__)

PATH: Final = "/v1/embeddings"
_AT_ONCE: Final = 32
_JSON: Final = (b"content-type", b"application/json")


class _Led(msgspec.Struct, frozen=True):
    """What a call of our own came to."""

    refusal: Reply | None
    """Upstream's, where it had no embeddings for us."""


class Embeddings:
    """Answers `/v1/embeddings`."""

    def __init__(
        self,
        settings: Settings,
        *,
        cache: SemanticCache,
        errands: Errands,
        passing: Passing,
        coalescer: Coalescer,
        prices: Prices,
        versions: Versions,
        observer: Observer,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._errands = errands
        self._passing = passing
        self._coalescer = coalescer
        self._prices = prices
        self._versions = versions
        self._observer = observer
        self._monotonic = monotonic
        self._deny = DenyList(settings.gateway.deny)

    async def answer(self, ask: Ask) -> Reply:
        """Answer one request. Raises UpstreamUnavailable, NotCached, RateLimited, and what routing raises."""
        started = self._monotonic()
        asked = read(ask.body)
        if asked is None:
            return await self._pass_on(ask, _model_of(ask.body), BypassReason.NOT_UNDERSTOOD)
        body, inputs = asked
        if ask.directives.no_store:
            return await self._pass_on(ask, body["model"], BypassReason.NO_STORE)
        if any(isinstance(one, str) and self._deny.found(one) for one in inputs):
            return await self._pass_on(ask, body["model"], BypassReason.DENIED_PATTERN)
        try:
            errand = await self._errands.prepare(ask, body["model"], "openai")
        except StoreUnavailable as error:
            self._observer.degraded("store", error.code, str(error))
            return await self._pass_on(ask, body["model"], BypassReason.STORE_UNAVAILABLE)
        batch = Batch(body, inputs, errand)
        await self._look_up(batch)
        if not batch.missing:
            return self._reply(batch, started)
        if ask.directives.only_if_cached:
            raise NotCached("not all inputs are cached, and the request asked for `only-if-cached`")
        await ask.spend()
        led = await self._together(batch)
        if led is None and batch.missing:  # others have asked for some of it: what they got is kept by now
            batch = Batch(body, inputs, errand)
            await self._look_up(batch)
            led = _Led(await self._complete(batch) if batch.missing else None)
        return (led and led.refusal) or self._reply(batch, started)

    async def _pass_on(self, ask: Ask, model: str | None, reason: BypassReason) -> Reply:
        errand = self._errands.untenanted(ask, model, "openai")
        self._observer.looked_up(
            LookupEvent(
                namespace=ask.namespace, model=errand.model, outcome=Bypass(reason=reason), seconds=0.0, stages={}
            )
        )
        if ask.directives.only_if_cached:
            raise NotCached("this request bypasses the cache, and it asked for `only-if-cached`")
        await ask.spend()
        return await self._passing.plain(errand, reason)

    async def _look_up(self, batch: Batch) -> None:
        directives = batch.errand.ask.directives

        async def one(number: int) -> None:
            outcome = await self._cache.lookup(
                batch.requests[number],
                strategy=Strategy.EXACT,
                max_age_s=directives.max_age_s,
                fresh=directives.no_cache,
            )
            batch.take(number, outcome)

        await _in_turn(one, batch.unique)

    async def _together(self, batch: Batch) -> _Led | None:
        """Ask upstream in a flight of the first missing input, so that identical requests at once make one call.

        None where it was somebody else's flight: what is still missing is to be looked up again. Raises what asking
        raises.
        """
        fill, ask = batch.fills[batch.missing[0]], batch.errand.ask
        if fill is None or ask.directives.no_cache or not ask.may_store:  # nothing would be there for the others
            return _Led(await self._complete(batch))
        told: list[_Led | SemcacheError] = []

        async def work(flight: Flight) -> None:
            try:
                refusal = await self._complete(batch)
            except SemcacheError as error:
                told.append(error)
                return
            told.append(_Led(refusal))
            shared = batch.share() if refusal is None and batch.same_version else b""
            if 0 < len(shared) <= self._settings.limits.response_bytes:
                flight.push(shared)

        passage = await self._coalescer.board(fill.entry_id, since_ms=fill.issued_ms, work=work)
        if passage.boarding is Boarding.FOLLOW and passage.flight is not None:
            await self._follow(passage.flight, batch)
        elif passage.flight is not None:
            await passage.flight.settled()
        if passage.boarding is not Boarding.LEAD or not told:
            return None
        if isinstance(told[0], SemcacheError):
            raise told[0]
        return told[0]

    async def _follow(self, flight: Flight, batch: Batch) -> None:
        try:
            async for shared in flight.frames():
                batch.take_shared(shared)
        except FlightLost as error:
            log.info("a flight of embeddings was lost, the request looks again: %s", error)

    async def _complete(self, batch: Batch) -> Reply | None:
        """Ask upstream for what is missing; a reply only where upstream has no embeddings for us."""
        reply = await self._fetch(batch)
        if reply is None and not batch.same_version and batch.cached_inputs:
            # Upstream has gone over to another model: its vectors mean nothing beside those of the one before.
            batch.forget()
            reply = await self._fetch(batch)
        return reply

    async def _fetch(self, batch: Batch) -> Reply | None:
        errand = batch.errand
        outgoing = msgspec.structs.replace(errand.outgoing, body=batch.body_for_missing())
        called = self._monotonic()
        try:
            answer = await errand.upstream.send(outgoing)
            try:
                raw = b"".join([chunk async for chunk in answer.chunks()])
            finally:
                await answer.aclose()
        except UpstreamUnavailable as error:
            self._observer.degraded("upstream", error.code, str(error))
            self._called(errand, None, called, None, None)
            raise
        found = understood(raw, len(batch.missing)) if answer.status == 200 else None
        answered = Answered(
            finish=Finish.NATURAL,
            usage=None if found is None else Usage(input_tokens=found.usage.prompt_tokens),
            model=None if found is None else found.model,
        )
        cost = self._prices.cost(errand.model, answered, provider="openai")
        self._called(errand, answer.status, called, answered.usage, cost)
        back = without_length(answer.headers)
        if found is None:  # an error, or no embeddings: for the client to judge, as it came
            shown = evidence.headers(CacheStatus.MISS, batch.worst, fwd_status=answer.status)
            return Reply(status=answer.status, headers=[*back, *shown], body=raw)
        batch.fill(found, cost)
        batch.headers = [header for header in back if header[0] != b"content-type"]
        await self._store(batch, found, cost, (self._monotonic() - called) * 1000)
        return None

    async def _store(self, batch: Batch, found: Vectors, cost_usd: float | None, latency_ms: float) -> None:
        errand, directives = batch.errand, batch.errand.ask.directives
        try:
            batch.same_version = await self._versions.observe(
                errand.upstream.name, errand.model, found.model, errand.label
            )
        except StoreUnavailable as error:
            self._observer.degraded("store", error.code, str(error))
            return
        if not batch.same_version or not errand.ask.may_store:
            return
        cost = None if cost_usd is None else cost_usd / len(batch.missing)

        async def one(number: int) -> None:
            fill = batch.fills[number]
            if fill is None:
                return
            kept = batch.vectors[number]
            await self._cache.store(
                batch.requests[number],
                msgspec.json.encode(kept),
                ttl_s=self._settings.ttl.static if directives.ttl_s is None else directives.ttl_s,
                tags=directives.tags,
                usage=Usage(input_tokens=kept.tokens),
                cost_usd=cost,
                latency_ms=latency_ms,
                metadata={"upstream": errand.upstream.name, "upstream_model": found.model},
                fill=fill,
                reach=Strategy.EXACT,
            )

        await _in_turn(one, batch.missing)

    def _called(
        self, errand: Errand, status: int | None, called: float, usage: Usage | None, cost: float | None
    ) -> None:
        self._observer.called(errand.called(status, self._monotonic() - called, usage, cost))

    def _reply(self, batch: Batch, started: float) -> Reply:
        ms = (self._monotonic() - started) * 1000
        if batch.missing or batch.collapsed:
            shared = not batch.missing
            shown = evidence.of_miss(batch.worst, cost_usd=batch.cost_usd, latency_ms=ms)
            shown["cost_usd"] = 0.0 if shared else batch.cost_usd
            sent = evidence.headers(CacheStatus.MISS, batch.worst, fwd_status=200, collapsed=shared)
        else:
            shown = evidence.of_hit(batch.oldest, latency_ms=ms)
            sent = evidence.headers(CacheStatus.HIT, batch.oldest)
        shown["saved_usd"] = batch.saved_usd
        shown["cached_inputs"], shown["inputs"] = batch.cached_inputs, len(batch.order)
        body = evidence.splice(batch.answer(), shown)
        return Reply(status=200, headers=[_JSON, *batch.headers, *sent], body=body)


async def _in_turn(one: Callable[[int], Any], numbers: Sequence[int]) -> None:
    """Work on all, some at a time."""
    waiting = iter(numbers)

    async def work() -> None:
        for number in waiting:
            await one(number)

    if len(numbers) == 1:
        await one(numbers[0])
        return
    async with asyncio.TaskGroup() as group:
        for _ in range(min(_AT_ONCE, len(numbers))):
            group.create_task(work())


def _model_of(raw: bytes) -> str | None:
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) and model else None
