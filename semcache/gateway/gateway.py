"""The gateway: a provider's request is understood and judged, then answered by an exchange, or passed on.

Knows no protocol (that is the dialects'), no HTTP framework and no store.
"""

from __future__ import annotations

import logging

from semcache.errors import RequestError, StoreUnavailable
from semcache.gateway.ask import Ask, Reply
from semcache.gateway.bodies import unambiguous
from semcache.gateway.dialect import Asked, Dialect
from semcache.gateway.errands import Errand
from semcache.gateway.exchange import Exchange, Parts, json_object, refuse_if_only_cached
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

    async def answer(self, ask: Ask, dialect: Dialect) -> Reply:
        """Answer one request.

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
        return await Exchange(self._parts, errand, dialect, asked, started).answer()

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
