"""From an admitted ask to an errand: which upstream, in whose namespace, of which model version, with what headers."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from semcache.errors import StoreUnavailable
from semcache.gateway.ask import Ask
from semcache.gateway.counted import Counted
from semcache.gateway.headers import Provider, forward, provider_key
from semcache.gateway.http_upstream import HttpUpstream
from semcache.gateway.routing import Upstreams
from semcache.gateway.tenancy import Tenancy
from semcache.gateway.versions import Versions
from semcache.models import CacheRequest, Usage
from semcache.ports import CallEvent, UpstreamRequest

UNKNOWN_MODEL: Final = "(none)"
"""Under which requests are counted that name no model."""
_QUERY: Final = "query"
_COUNTED: Final = Counted()


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """An ask that is understood as far as routing goes."""

    ask: Ask
    provider: Provider
    upstream: HttpUpstream
    model: str
    namespace: str
    """In which it is looked up, kept and counted. The caller's own choice for what is only passed on."""
    label: str = ""
    """The model version in force."""
    secret: int | None = None
    """Which of the gateway's secrets its namespace is made with (`Tenancy.number`); None: with none."""
    readable: bool = True
    """The answer is read here, so it comes uncompressed."""
    as_json: bool = False
    """Others may get the answer, so the body goes up as what it was read as, whatever it is called."""
    counted: Counted = _COUNTED
    """Which header fields are part of the request's identity."""

    @property
    def outgoing(self) -> UpstreamRequest:
        """What upstream is sent. Made when it is asked for: hits need none."""
        ask = self.ask
        headers = forward(ask.headers, drop=ask.ours, readable=self.readable, as_json=self.as_json)
        headers = self.upstream.authorize(headers, self.provider)
        return UpstreamRequest(method=ask.method, path=ask.path, query=ask.query, headers=headers, body=ask.body)

    @property
    def counted_in(self) -> str:
        """The namespace that statistics know."""
        return self.ask.namespace

    def called(
        self,
        status: int | None,
        seconds: float,
        usage: Usage | None,
        cost_usd: float | None,
        *,
        coalesced: bool = False,
    ) -> CallEvent:
        """What observers are told of a call on this errand; of a caller who shared another's, `coalesced`."""
        return CallEvent(
            namespace=self.ask.namespace,
            model=self.model,
            upstream=self.upstream.name,
            status=status,
            seconds=seconds,
            usage=usage,
            cost_usd=cost_usd,
            coalesced=coalesced,
        )

    def request(self, messages: list[dict[str, Any]], params: dict[str, Any], user: str | None) -> CacheRequest:
        """What the cache is asked."""
        return CacheRequest(
            messages=messages,
            model=self.model,
            model_version=self.label,
            namespace=self.namespace,
            params=params | self._api(),
            principal=self.ask.principal(user),
            reworded=self.ask.directives.context == "semantic",
        )

    def _api(self) -> dict[str, Any]:
        """The headers and the query, as far as they can change an answer."""
        told = self.counted.told(self.ask.headers)
        if _QUERY in told:  # a header of that name is not the query
            told[f"{_QUERY}:"] = told.pop(_QUERY)
        if self.ask.query:
            told[_QUERY] = self.ask.query.decode("latin-1")
        return {"api": told} if told else {}


class Errands:
    """Prepares errands."""

    def __init__(self, upstreams: Upstreams, tenancy: Tenancy, versions: Versions, counted: Counted) -> None:
        self._counted = counted
        self._upstreams = upstreams
        self._tenancy = tenancy
        self._versions = versions

    async def prepare(self, ask: Ask, model: str, provider: Provider) -> Errand:
        """Route a request whose answer may be kept.

        Raises NoUpstream, UnknownModel; StoreUnavailable where its namespace cannot be told without the store.
        """
        upstream = self._upstreams.choose(model, provider)
        key = None if upstream.has_key else provider_key(ask.headers, drop=ask.ours)
        namespace = await self._tenancy.namespace(ask.namespace, key)
        secret = None if key is None else self._tenancy.number
        label = await self._label(upstream.name, model)
        return Errand(
            ask=ask,
            provider=provider,
            upstream=upstream,
            model=model or UNKNOWN_MODEL,
            namespace=namespace,
            label=label,
            secret=secret,
            as_json=True,
            counted=self._counted,
        )

    def in_force(self, upstream: str, model: str, label: str, secret: int | None) -> bool:
        """Whether a request would be prepared now as it was before, with this label and the secret of this number."""
        if secret is not None and self._tenancy.confirmed != secret:
            return False
        return self._versions.label(upstream, model) == label

    async def _label(self, upstream: str, model: str) -> str:
        try:
            return self._versions.label(upstream, model)
        except StoreUnavailable:  # nothing was read yet: the service has just started
            await self._versions.refresh()
        return self._versions.label(upstream, model)

    def untenanted(self, ask: Ask, model: str | None, provider: Provider, *, readable: bool = True) -> Errand:
        """Route a request that is only passed on. `readable`: see `Errand`.

        Raises NoUpstream, UnknownModel.
        """
        upstream = self._upstreams.choose(model, provider)
        return _passed_on(ask, upstream, provider, model=model, readable=readable)

    def to(self, upstream: HttpUpstream, ask: Ask, provider: Provider) -> Errand:
        """Pass a request on to a certain upstream."""
        return _passed_on(ask, upstream, provider)


def _passed_on(
    ask: Ask, upstream: HttpUpstream, provider: Provider, *, model: str | None = None, readable: bool = True
) -> Errand:
    return Errand(
        ask=ask,
        provider=provider,
        upstream=upstream,
        model=model or UNKNOWN_MODEL,
        namespace=ask.namespace,
        readable=readable,
    )
