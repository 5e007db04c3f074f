"""The embeddings cache: each input text on its own, exactly; upstream is asked for the missing ones alone.

An embedding is a function of model and text, so no prompt is personal or ages here: an input is kept under a role that
no rule of prompts looks at, and is never compared for meaning. What of an item's JSON upstream sent (numbers or base64)
is given back byte for byte; the two encodings are different parameters, hence different entries.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from semcache.cache import SemanticCache
from semcache.errors import NotCached, StoreUnavailable, UpstreamUnavailable
from semcache.gateway import evidence
from semcache.gateway.ask import Ask, Reply
from semcache.gateway.errands import Errand, Errands
from semcache.gateway.fetching import without_length
from semcache.gateway.passing import Passing
from semcache.gateway.prices import Prices
from semcache.gateway.versions import Versions
from semcache.models import (
    Bypass,
    BypassReason,
    CacheRequest,
    CacheStatus,
    FillToken,
    Hit,
    Miss,
    MissReason,
    Outcome,
    Strategy,
    Usage,
)
from semcache.policy.generation import Answered, Finish
from semcache.ports import CallEvent, LookupEvent, Observer
from semcache.settings import Settings

PROTOCOL: Final = "openai.embeddings"
PATH: Final = "/v1/embeddings"
_AT_ONCE: Final = 32
_JSON: Final = (b"content-type", b"application/json")


class _Kept(msgspec.Struct, frozen=True):
    """An entry's response: the vector as upstream spelled it, and its share of the tokens."""

    embedding: msgspec.Raw
    tokens: int


class _Vector(msgspec.Struct):
    embedding: msgspec.Raw
    index: int


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    total_tokens: int = 0


class _Answer(msgspec.Struct):
    data: list[_Vector]
    model: str
    usage: _Usage = msgspec.field(default_factory=_Usage)


_kept = msgspec.json.Decoder(_Kept)
_answers = msgspec.json.Decoder(_Answer)


class Embeddings:
    """Answers `/v1/embeddings`."""

    def __init__(
        self,
        settings: Settings,
        *,
        cache: SemanticCache,
        errands: Errands,
        passing: Passing,
        prices: Prices,
        versions: Versions,
        observer: Observer,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._errands = errands
        self._passing = passing
        self._prices = prices
        self._versions = versions
        self._observer = observer
        self._monotonic = monotonic

    async def answer(self, ask: Ask) -> Reply:
        """Answer one request. Raises UpstreamUnavailable, NotCached, RateLimited, and what routing raises."""
        started = self._monotonic()
        read = _read(ask.body)
        if read is None:
            return await self._pass_on(ask, _model_of(ask.body), BypassReason.NOT_UNDERSTOOD)
        body, inputs = read
        if ask.directives.no_store:
            return await self._pass_on(ask, body["model"], BypassReason.NO_STORE)
        try:
            errand = await self._errands.prepare(ask, body["model"], "openai")
        except StoreUnavailable as error:
            self._observer.degraded("store", error.code, str(error))
            return await self._pass_on(ask, body["model"], BypassReason.STORE_UNAVAILABLE)
        batch = _Batch(body, inputs, errand)
        await self._look_up(batch)
        reply = await self._complete(batch, started) if batch.missing else None
        if reply is not None:
            return reply
        return self._reply(batch, started)

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

    async def _look_up(self, batch: _Batch) -> None:
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

    async def _complete(self, batch: _Batch, started: float) -> Reply | None:
        """Ask upstream for what is missing; a reply only where upstream has no embeddings for us."""
        ask = batch.errand.ask
        if ask.directives.only_if_cached:
            raise NotCached("not all inputs are cached, and the request asked for `only-if-cached`")
        await ask.spend()
        reply = await self._fetch(batch)
        if reply is None and not batch.same_version and batch.cached_inputs:
            # Upstream has gone over to another model: its vectors mean nothing beside those of the one before.
            batch.forget()
            reply = await self._fetch(batch)
        return reply

    async def _fetch(self, batch: _Batch) -> Reply | None:
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
        found = _understood(raw, len(batch.missing)) if answer.status == 200 else None
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

    async def _store(self, batch: _Batch, found: _Answer, cost_usd: float | None, latency_ms: float) -> None:
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
                ttl_s=directives.ttl_s or self._settings.ttl.static,
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
        self._observer.called(
            CallEvent(
                namespace=errand.counted_in,
                model=errand.model,
                upstream=errand.upstream.name,
                status=status,
                seconds=self._monotonic() - called,
                usage=usage,
                cost_usd=cost,
            )
        )

    def _reply(self, batch: _Batch, started: float) -> Reply:
        ms = (self._monotonic() - started) * 1000
        if batch.missing:
            shown = evidence.of_miss(batch.worst, cost_usd=batch.cost_usd, latency_ms=ms)
            sent = evidence.headers(CacheStatus.MISS, batch.worst, fwd_status=200)
        else:
            shown = evidence.of_hit(batch.oldest, latency_ms=ms)
            sent = evidence.headers(CacheStatus.HIT, batch.oldest)
        shown["saved_usd"] = batch.saved_usd
        shown["cached_inputs"], shown["inputs"] = batch.cached_inputs, len(batch.order)
        body = evidence.splice(batch.answer(), shown)
        return Reply(status=200, headers=[_JSON, *batch.headers, *sent], body=body)


class _Batch:
    """The inputs of one request, equal ones once."""

    def __init__(self, body: dict[str, Any], inputs: list[Any], errand: Errand) -> None:
        self._body = body
        self.errand = errand
        known: dict[bytes, int] = {}
        self._inputs: list[Any] = []
        self.order: list[int] = []
        """For each input as it was given: its number among the unique ones."""
        for one in inputs:
            key = msgspec.json.encode(one)
            if key not in known:
                known[key] = len(self._inputs)
                self._inputs.append(one)
            self.order.append(known[key])
        self.unique = range(len(self._inputs))
        params = {name: value for name, value in body.items() if name not in ("input", "model")}
        params["protocol"] = PROTOCOL
        self.requests: list[CacheRequest] = [
            errand.request([{"role": "input", "input": one}], params, None) for one in self._inputs
        ]
        self.vectors: dict[int, _Kept] = {}
        self.fills: dict[int, FillToken | None] = {}
        self.missing: list[int] = []
        self.worst = Miss(reason=MissReason.NOT_FOUND)
        self.oldest: Hit
        self.headers: list[tuple[bytes, bytes]] = []
        self.cost_usd: float | None = None
        self.saved_usd: float | None = None
        self.model = errand.model
        self.same_version = True
        """What upstream said last is of the version that the kept ones are of."""

    def take(self, number: int, outcome: Outcome) -> None:
        """What the cache said of an input."""
        if isinstance(outcome, Hit):
            try:
                self.vectors[number] = _kept.decode(outcome.entry.response)
            except msgspec.DecodeError:  # an entry that somebody stored by hand: fetched anew
                self._lacks(number, Miss(reason=MissReason.NOT_FOUND))
                return
            if not hasattr(self, "oldest") or outcome.entry.created_ms < self.oldest.entry.created_ms:
                self.oldest = outcome
            if outcome.entry.cost_usd is not None:
                self.saved_usd = (self.saved_usd or 0.0) + outcome.entry.cost_usd
            reported = (outcome.entry.metadata or {}).get("upstream_model")
            self.model = reported if isinstance(reported, str) else self.model
        else:
            self._lacks(number, outcome)

    def _lacks(self, number: int, outcome: Miss | Bypass) -> None:
        self.missing.append(number)
        self.missing.sort()
        self.fills[number] = outcome.fill if isinstance(outcome, Miss) else None
        if isinstance(outcome, Miss):
            self.worst = outcome

    @property
    def cached_inputs(self) -> int:
        """Inputs, equal ones counted each, that the cache had."""
        lacking = set(self.missing)
        return sum(number not in lacking for number in self.order)

    def body_for_missing(self) -> bytes:
        """The request's body, asking for the missing inputs only; the very bytes where all are missing."""
        if len(self.missing) == len(self.order):
            return self.errand.ask.body
        return msgspec.json.encode({**self._body, "input": [self._inputs[number] for number in self.missing]})

    def forget(self) -> None:
        """What is kept does not count: all inputs are missing, and nothing is to be stored."""
        self.vectors.clear()
        self.missing = list(self.unique)
        self.fills = dict.fromkeys(self.unique)
        self.saved_usd = None

    def fill(self, found: _Answer, cost_usd: float | None) -> None:
        """Take in what upstream said, in any order, and what that cost; tokens are shared out by length."""
        self.model = found.model
        if cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + cost_usd
        lengths = [max(1, len(self._inputs[number])) for number in self.missing]
        shares = _shared_out(found.usage.prompt_tokens, lengths)
        for vector in found.data:
            number = self.missing[vector.index]
            self.vectors[number] = _Kept(vector.embedding, shares[vector.index])

    def answer(self) -> bytes:
        """The body as upstream would have given it for all inputs."""
        tokens = sum(self.vectors[number].tokens for number in self.order)
        data = b",".join(
            b'{"object":"embedding","index":%d,"embedding":%b}' % (at, bytes(self.vectors[number].embedding))
            for at, number in enumerate(self.order)
        )
        model = msgspec.json.encode(self.model)
        usage = b'{"prompt_tokens":%d,"total_tokens":%d}' % (tokens, tokens)
        return b'{"object":"list","data":[%b],"model":%b,"usage":%b}' % (data, model, usage)


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


def _read(raw: bytes) -> tuple[dict[str, Any], list[Any]] | None:
    """The body and its inputs; None for what is no embeddings request."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body["model"]:
        return None
    given = body.get("input")
    if isinstance(given, str):
        return body, [given]
    if not isinstance(given, list) or not given:
        return None
    if all(isinstance(one, str) for one in given):
        return body, given
    if all(type(one) is int for one in given):
        return body, [given]
    if all(isinstance(one, list) and one and all(type(token) is int for token in one) for one in given):
        return body, given
    return None


def _model_of(raw: bytes) -> str | None:
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) and model else None


def _understood(raw: bytes, count: int) -> _Answer | None:
    """Upstream's answer, if it has a vector for each input that was asked for."""
    try:
        found = _answers.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if sorted(vector.index for vector in found.data) == list(range(count)) else None


def _shared_out(total: int, lengths: Sequence[int]) -> list[int]:
    """Whole numbers in the ratio of `lengths` that add up to `total`."""
    whole = sum(lengths)
    shares, given, passed = [], 0, 0
    for length in lengths:
        passed += length
        upto = total * passed // whole
        shares.append(upto - given)
        given = upto
    return shares
