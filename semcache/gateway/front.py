"""The gateway put together: built once by the service, asked by the provider routes, closed at the end."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import msgspec

from semcache.cache import SemanticCache
from semcache.coalesce import Coalescer
from semcache.errors import Forbidden, UpstreamUnavailable
from semcache.gateway import evidence
from semcache.gateway.account import reads_no_account
from semcache.gateway.ask import Ask, Reply
from semcache.gateway.counted import Counted
from semcache.gateway.dialects import DIALECTS
from semcache.gateway.embeddings import PATH as EMBEDDINGS
from semcache.gateway.embeddings import Embeddings
from semcache.gateway.errands import Errand, Errands
from semcache.gateway.exchange import Parts
from semcache.gateway.fetching import Fetcher
from semcache.gateway.filling import fill, fill_embeddings
from semcache.gateway.gateway import Gateway
from semcache.gateway.headers import Provider
from semcache.gateway.negatives import Negatives
from semcache.gateway.passing import Passing
from semcache.gateway.prices import Prices
from semcache.gateway.routing import Upstreams
from semcache.gateway.telling import Retellings
from semcache.gateway.tenancy import Tenancy
from semcache.gateway.versions import Versions
from semcache.gateway.warming import Fetched, WarmItem
from semcache.models import Bypass, BypassReason, CacheStatus
from semcache.policy.directives import Directives
from semcache.ports import Control, Flights, Observer
from semcache.settings import Settings

log = logging.getLogger(__name__)

_BY_PATH: Final = {dialect.path: dialect for dialect in DIALECTS.values()}
_ANTHROPIC_VERSION: Final = {"/v1/messages": ((b"anthropic-version", b"2023-06-01"),)}
"""Anthropic's API refuses requests without it; a client sends it by itself."""


class Front:
    """All that a provider's client may ask of us."""

    def __init__(
        self, settings: Settings, *, cache: SemanticCache, control: Control, flights: Flights, observer: Observer
    ) -> None:
        self.upstreams = Upstreams(settings)
        self.prices = Prices(settings.prices)
        self.versions = Versions(control, settings.all_upstreams())
        self.tenancy = Tenancy(control)
        self.coalescer = Coalescer(flights, lease_s=settings.gateway.lease_s, degraded=observer.degraded)
        counted = Counted(settings.gateway.uncounted_headers)
        self.errands = Errands(self.upstreams, self.tenancy, self.versions, counted)
        self.passing = Passing(observer=observer, prices=self.prices, limit=settings.limits.response_bytes)
        negatives = Negatives(settings.gateway.negative_ttl_s)
        fetcher = Fetcher(
            settings,
            cache=cache,
            observer=observer,
            prices=self.prices,
            versions=self.versions,
            negatives=negatives,
        )
        self._parts = Parts(
            settings=settings,
            cache=cache,
            errands=self.errands,
            fetcher=fetcher,
            passing=self.passing,
            coalescer=self.coalescer,
            negatives=negatives,
            observer=observer,
            retellings=Retellings(settings.gateway),
        )
        self.generation = Gateway(self._parts)
        self.embeddings = Embeddings(
            settings,
            cache=cache,
            errands=self.errands,
            passing=self.passing,
            coalescer=self.coalescer,
            prices=self.prices,
            versions=self.versions,
            observer=observer,
        )

    async def run(self) -> None:
        """Get ready for the first call, off the event loop as it takes a moment; then follow the versions of models."""
        for upstream in self.upstreams.all:
            try:
                await upstream.open()
            except UpstreamUnavailable as error:  # whoever asks it is told the same
                log.warning("%s", error)
        await asyncio.to_thread(self.prices.load)
        await self.versions.run()

    async def aclose(self) -> None:
        """Let answers under way be stored, within bounds; then end all connections."""
        await self.coalescer.aclose()
        await self.upstreams.aclose()

    async def pass_on(self, ask: Ask, provider: Provider) -> Reply:
        """A route that is only passed on, to the first upstream of the protocol."""
        if ask.bound and not reads_no_account(ask.method, ask.path):
            upstream = self.upstreams.choose(None, provider)
            if upstream.has_key:
                raise Forbidden("the operator's account is open to keys of all namespaces only")
        errand = self.errands.untenanted(ask, None, provider, readable=False)
        await ask.spend()
        return await self.passing.plain(errand, BypassReason.NOT_CACHED)

    async def fetch(self, item: WarmItem) -> Fetched:
        """Have an answer for a request of a warm list. Raises SemcacheError where that cannot be done."""
        ask = Ask(
            method="POST",
            path=item.route,
            query=b"",
            headers=[(b"content-type", b"application/json"), *_ANTHROPIC_VERSION.get(item.route, ())],
            body=item.body,
            namespace=item.namespace,
            principal=lambda user: None if user is None else f"user:{user}",
            directives=Directives(tags=item.tags, ttl_s=item.ttl_s),
        )
        if item.route == EMBEDDINGS:
            return await fill_embeddings(self.embeddings, ask)
        return await fill(self._parts, self.generation, ask, _BY_PATH[item.route])

    async def models(self, ask: Ask, provider: Provider) -> Reply:
        """The models of all upstreams of the protocol; of one alone just as it tells them."""
        speaking = self.upstreams.speaking(provider)
        if len(speaking) < 2:
            return await self.pass_on(ask, provider)
        lists = await asyncio.gather(
            *(self._models_of(self.errands.to(upstream, ask, provider)) for upstream in speaking),
            return_exceptions=True,
        )
        found: dict[str, msgspec.Raw] = {}
        failures: list[UpstreamUnavailable] = []
        for one in lists:
            if isinstance(one, UpstreamUnavailable):
                failures.append(one)
            elif isinstance(one, BaseException):
                raise one
            else:
                for model_id, raw in one.items():
                    found.setdefault(model_id, raw)
        if not found and failures:
            raise failures[0]
        body = {"object": "list", "data": list(found.values()), "has_more": False}
        if failures:
            body["x_semcache_unavailable"] = [str(failure) for failure in failures]
        said = evidence.headers(CacheStatus.BYPASS, Bypass(reason=BypassReason.NOT_CACHED), fwd_status=200)
        return Reply(
            status=200, headers=[(b"content-type", b"application/json"), *said], body=msgspec.json.encode(body)
        )

    async def _models_of(self, errand: Errand) -> dict[str, msgspec.Raw]:
        answer = await errand.upstream.send(msgspec.structs.replace(errand.outgoing, method="GET"))
        try:
            raw = b"".join([chunk async for chunk in answer.chunks()])
        finally:
            await answer.aclose()
        try:
            listed = _models.decode(raw)
        except msgspec.DecodeError as error:
            raise UpstreamUnavailable(
                f"upstream {errand.upstream.name}: HTTP {answer.status} and no list of models"
            ) from error
        return {_ids.decode(one).id: one for one in listed.data}


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[msgspec.Raw]


_ids = msgspec.json.Decoder(_Model)
_models = msgspec.json.Decoder(_Models)
