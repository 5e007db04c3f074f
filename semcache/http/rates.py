"""Rate limits at the edge: whose rate a call spends, and what its answer says of it.

A call is its API key's, else its client's address's: the peer of the connection, never what a header claims; of an
IPv6 address the /64, which is one customer's. Behind a proxy all callers have the proxy's address: give them keys.
The counting is a port's (`ports.RateLimiter`). A store that does not answer lets calls pass, and is told of. While
`rate.enabled` is off, nothing is asked and nothing is said.
"""

from __future__ import annotations

import functools
import ipaddress
import math
from typing import Final

from semcache.errors import RateLimited, StoreUnavailable
from semcache.http.exchange import Call, Header
from semcache.ports import Allowance
from semcache.settings import RateSettings

GENERATION: Final = "generation"
EMBEDDINGS: Final = "embeddings"
DATA: Final = "data"


async def take(call: Call, route_class: str, *, cost: int = 1) -> list[Header]:
    """Count a call, `cost` times; returns the headers that tell of it, which the answer gets by itself.

    Raises RateLimited past the limit; then nothing was spent.
    """
    return await _ask(call, route_class, cost, spend=True)


async def look(call: Call, route_class: str) -> list[Header]:
    """As `take`, and spends nothing: for calls that count only if the cache has no answer. Then `take` follows."""
    return await _ask(call, route_class, 1, spend=False)


async def _ask(call: Call, route_class: str, cost: int, *, spend: bool) -> list[Header]:
    settings = call.site.settings.rate
    if not settings.enabled:
        return []
    service = call.site.service
    most = _per_minute(settings, route_class)
    try:
        allowance = await service.store.rates.take(
            caller_of(call), route_class, per_minute=most, cost=cost, spend=spend
        )
    except StoreUnavailable as error:
        service.observers.degraded("rates", error.code, str(error))
        return []
    call.rate_headers = _headers(allowance)
    if not allowance.allowed:
        raise _limited(allowance, route_class, cost)
    return call.rate_headers


def caller_of(call: Call) -> str:
    """Whose rate a call spends."""
    credential = call.credential
    return f"key:{credential.id}" if credential.keyed else f"address:{network_of(call.peer or '')}"


@functools.lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one; anything else as it is (a unix socket has none)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _per_minute(settings: RateSettings, route_class: str) -> int:
    limits = {
        GENERATION: settings.generation_per_minute,
        EMBEDDINGS: settings.embeddings_per_minute,
        DATA: settings.data_per_minute,
    }
    return limits[route_class]


def _headers(allowance: Allowance) -> list[Header]:
    return [
        (b"x-ratelimit-limit", b"%d" % allowance.limit),
        (b"x-ratelimit-remaining", b"%d" % allowance.remaining),
        (b"x-ratelimit-reset", b"%d" % _seconds(allowance.reset_s)),
    ]


def _seconds(exact: float) -> int:
    """Rounded up; a millisecond more is the way there and back."""
    return math.ceil(exact - 0.001)


def _limited(allowance: Allowance, route_class: str, cost: int) -> RateLimited:
    wait_s = max(1, _seconds(allowance.reset_s))
    detail = f"more than {allowance.limit} {route_class} requests a minute; try again in {wait_s} s"
    if cost > allowance.limit:
        detail = f"this counts as {cost} requests, and {allowance.limit} a minute may be made: send less at a time"
    elif cost > 1:
        detail = f"this counts as {cost} requests, and {allowance.remaining} are left; try again in {wait_s} s"
    return RateLimited(detail, retry_after_s=wait_s)
