"""The gateway: a provider's request is understood and judged, then answered by an exchange, or passed on.

Knows no protocol (that is the dialects'), no HTTP framework and no store.
"""

from __future__ import annotations

import logging

import msgspec

from semcache.errors import RequestError, StoreUnavailable
from semcache.gateway.ask import Ask, Reply
from semcache.gateway.bodies import json_object, unambiguous
from semcache.gateway.dialect import Asked, Dialect
from semcache.gateway.errands import Errand
from semcache.gateway.exchange import Exchange, Parts, refuse_if_only_cached
from semcache.gateway.prepared import Known, Preparations, Prepared
from semcache.models import Bypass, BypassReason
from semcache.policy.deny import DenyList
from semcache.policy.generation import forbidden, may_cache, prompts
from semcache.ports import LookupEvent

log = logging.getLogger(__name__)


class Gateway:
    """Answers the provider routes whose answers may be cached."""

    def __init__(self, parts: Parts) -> None:
        """Raises ConfigError for a deny pattern that is none."""
        self._parts = parts
        self._deny = DenyList(parts.settings.gateway.deny)
        self._preparations = Preparations(parts.settings.near.identities, parts.cache.remembered)

    def prepared(self, known: Known, ours: frozenset[bytes]) -> Prepared | None:
        """A request as it was prepared before, if it would be so now; for `again`."""
        prepared = self._preparations.get(known, ours)
        if prepared is None:
            return None
        errand = prepared.errand
        if not self._parts.errands.in_force(errand.upstream.name, errand.model, errand.label, errand.secret):
            self._preparations.drop(known)
            return None
        return prepared

    async def again(self, ask: Ask, dialect: Dialect, prepared: Prepared) -> Reply:
        """As `answer`, for a request that was prepared. `ask`: this call's."""
        started = self._parts.monotonic()
        errand = msgspec.structs.replace(prepared.errand, ask=ask)
        prepared = Prepared(prepared.asked, errand, prepared.request)
        return await Exchange(self._parts, prepared, dialect, started).answer()

    async def answer(self, ask: Ask, dialect: Dialect, known: Known | None = None) -> Reply:
        """Answer one request. `known`: by what it is prepared faster the next time.

        Raises UpstreamUnavailable where upstream has no answer, NotCached for `only-if-cached`, RateLimited,
        and what routing raises.
        """
        started = self._parts.monotonic()
        asked = self.understood(ask, dialect)
        if asked is None:
            return await self._misunderstood(ask, dialect)
        try:
            errand = await self._parts.errands.prepare(ask, asked.model, dialect.provider)
        except StoreUnavailable as error:
            self._parts.observer.degraded("store", error.code, str(error))
            errand = self._parts.errands.untenanted(ask, asked.model, dialect.provider)
            return await self._bypass(errand, dialect, asked, BypassReason.STORE_UNAVAILABLE, started)
        reason = self.reason_to_bypass(ask, asked)
        if reason is not None:
            return await self._bypass(errand, dialect, asked, reason, started)
        prepared = Prepared(asked, errand, errand.request(asked.messages, asked.params, asked.user))
        exchange = Exchange(self._parts, prepared, dialect, started)
        reply = await exchange.answer()
        if known is not None and exchange.hit:
            self._preparations.put(known, prepared, self._parts.cache.whose(prepared.request))
        return reply

    def understood(self, ask: Ask, dialect: Dialect) -> Asked | None:
        """What is asked; None for a body that is no request of the protocol."""
        body = unambiguous(ask.body)
        try:
            return None if body is None else dialect.read(body)
        except RequestError as error:
            log.debug("passed on, not understood: %s", error)
            return None

    def reason_to_bypass(self, ask: Ask, asked: Asked) -> BypassReason | None:
        """Why a request is only passed on, before it is looked up; None if it is not."""
        if ask.directives.no_store:
            return BypassReason.NO_STORE
        gateway = self._parts.settings.gateway
        return may_cache(asked.traits, gateway) or forbidden(prompts(asked.messages), gateway, self._deny)

    async def _misunderstood(self, ask: Ask, dialect: Dialect) -> Reply:
        model = (json_object(ask.body) or {}).get("model")
        errand = self._parts.errands.untenanted(ask, model if isinstance(model, str) else None, dialect.provider)
        self._count(errand, BypassReason.NOT_UNDERSTOOD, 0.0)
        refuse_if_only_cached(ask)
        await ask.spend()
        return await self._parts.passing.plain(errand, BypassReason.NOT_UNDERSTOOD)

    async def _bypass(
        self, errand: Errand, dialect: Dialect, asked: Asked, reason: BypassReason, started: float
    ) -> Reply:
        self._count(errand, reason, self._parts.monotonic() - started)
        refuse_if_only_cached(errand.ask)
        await errand.ask.spend()
        return await self._parts.passing.heard(errand, dialect, asked, reason)

    def _count(self, errand: Errand, reason: BypassReason, seconds: float) -> None:
        self._parts.observer.looked_up(
            LookupEvent(
                namespace=errand.counted_in,
                model=errand.model,
                outcome=Bypass(reason=reason),
                seconds=seconds,
                stages={},
            )
        )
