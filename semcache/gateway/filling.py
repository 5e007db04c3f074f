"""Filling: having an answer for a request nobody has made yet. What warming does for each of its items."""

from __future__ import annotations

from typing import Final

import msgspec

from semcache.coalesce import Flight
from semcache.errors import NotCached, RequestError
from semcache.gateway.ask import Ask
from semcache.gateway.dialect import Dialect
from semcache.gateway.embeddings import PATH as EMBEDDINGS_PATH
from semcache.gateway.embeddings import Embeddings
from semcache.gateway.exchange import Parts
from semcache.gateway.fetching import Fetched as Answer
from semcache.gateway.fetching import Order
from semcache.gateway.gateway import Gateway
from semcache.gateway.warming import Fetched
from semcache.models import Bypass, Hit, Miss, Stored, Strategy
from semcache.policy.generation import widest
from semcache.ports import Boarding

_ROUNDS: Final = 3


async def fill(parts: Parts, gateway: Gateway, ask: Ask, dialect: Dialect) -> Fetched:
    """Look a request up to the letter, and fetch and store its answer where there is none.

    Raises SemcacheError where it cannot be done: no upstream, no store.
    """
    asked = gateway.understood(ask, dialect)
    if asked is None:
        raise RequestError(f"this is no request of {dialect.name}", field="body")
    reason = gateway.reason_to_bypass(ask, asked)
    if reason is not None:
        return Fetched(outcome="refused", reason=reason.value, cost_usd=0.0)
    errand = await parts.errands.prepare(ask, asked.model, dialect.provider)
    request = errand.request(asked.messages, asked.params, asked.user)
    for _ in range(_ROUNDS):
        outcome = await parts.cache.lookup(request, strategy=Strategy.NORMALIZED.tightest(widest(asked.traits)))
        if isinstance(outcome, Hit):
            return Fetched(outcome="present", cost_usd=0.0)
        if isinstance(outcome, Bypass):
            return Fetched(outcome="refused", reason=outcome.reason.value, cost_usd=0.0)
        if outcome.fill is None:
            return Fetched(outcome="failed", reason=outcome.reason.value, cost_usd=0.0)
        order = Order(errand=errand, dialect=dialect, asked=asked, request=request, fill=outcome.fill)
        fetched = await _fetched(parts, outcome, order)
        if fetched is not None:
            return fetched
    return Fetched(outcome="failed", reason="flight_lost", cost_usd=0.0)


async def _fetched(parts: Parts, miss: Miss, order: Order) -> Fetched | None:
    """What our own call brought; None where somebody else's was under way: look again."""
    assert miss.fill is not None
    told: list[Answer] = []

    async def work(flight: Flight) -> None:
        told.append(await parts.fetcher.fetch(flight, order))

    passage = await parts.coalescer.board(miss.fill.entry_id, since_ms=miss.fill.issued_ms, work=work)
    if passage.flight is not None:
        await passage.flight.settled()
    if passage.boarding is not Boarding.LEAD or not told:
        return None
    answer = told[0]
    if answer.status is None or answer.status >= 300:
        reason = f"upstream_{answer.status}" if answer.status is not None else "upstream_unavailable"
        return Fetched(outcome="failed", reason=reason, cost_usd=0.0)
    if isinstance(answer.outcome, Stored):
        return Fetched(outcome="stored", cost_usd=answer.cost_usd)
    reason = answer.outcome.reason.value if answer.outcome is not None else "not_kept"
    return Fetched(outcome="refused", reason=reason, cost_usd=answer.cost_usd)


async def fill_embeddings(embeddings: Embeddings, ask: Ask) -> Fetched:
    """The same for the inputs of an embeddings request."""
    assert ask.path == EMBEDDINGS_PATH
    reply = await embeddings.answer(ask)
    if reply.chunks is not None or reply.status >= 300:
        return Fetched(outcome="failed", reason=f"upstream_{reply.status}", cost_usd=0.0)
    told = _told.decode(reply.body).x_semcache
    if told.cache_hit:
        return Fetched(outcome="present", cost_usd=told.cost_usd)
    again = msgspec.structs.replace(ask.directives, only_if_cached=True)
    try:  # what the answer cost is told by it; whether it was kept, by asking the cache alone
        await embeddings.answer(msgspec.structs.replace(ask, directives=again))
    except NotCached:
        return Fetched(outcome="refused", reason="not_kept", cost_usd=told.cost_usd)
    return Fetched(outcome="stored", cost_usd=told.cost_usd)


class _Shown(msgspec.Struct):
    cache_hit: bool
    cost_usd: float | None


class _Reply(msgspec.Struct):
    x_semcache: _Shown


_told: Final = msgspec.json.Decoder(_Reply)
