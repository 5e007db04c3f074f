"""Kept answers that are told again: which of them a route may give, and how they are told to who asked."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from semcache import memory
from semcache.direct import Header
from semcache.gateway import evidence
from semcache.gateway.bodies import json_object
from semcache.gateway.dialect import Asked, Dialect
from semcache.gateway.recorder import UNREADABLE
from semcache.models import CacheStatus, Hit, RefusedReason, Strategy, Tier
from semcache.policy.generation import Finish, may_keep
from semcache.settings import GatewaySettings

_BARE: Final = 500
"""Bytes of a retelling without the fields of its request, about."""


def sound(whole: bytes, dialect: Dialect, gateway: GatewaySettings, tier: Tier | None) -> dict[str, Any] | None:
    """A whole answer, read; None where it is no sound one of this protocol.

    `tier`: of a record, which must be one that this route would have kept: they are written by hand, too, and under
    other settings. None for what upstream says just now.
    """
    response = json_object(whole)
    answered = UNREADABLE if response is None else dialect.judge(response)
    if response is None or answered.finish is Finish.UNKNOWN:
        return None
    if tier is not None:
        kept = may_keep(answered, gateway)
        if isinstance(kept, RefusedReason) or kept.rank < Strategy(tier.value).rank:
            return None
    return response


class Retelling(msgspec.Struct, frozen=True):
    """How exact hits of a request that asks for no stream are told, for `Direct`."""

    dialect: Dialect
    asked: Asked
    gateway: GatewaySettings

    def around(self, hit: Hit) -> tuple[list[Header], bytes, bytes] | None:
        """See `Telling.around`."""
        if sound(hit.entry.response, self.dialect, self.gateway, hit.tier) is None:
            return None
        around = evidence.around(self.dialect.restated(hit.entry.response, self.asked))
        if around is None:
            return None
        return evidence.headers(CacheStatus.HIT, hit), *around

    @property
    def weight(self) -> int:
        """See `Telling.weight`."""
        return _BARE + memory.of_json(self.asked.params)


class Retellings:
    """Makes them: one for all requests that differ in their messages only, as those of one application do."""

    def __init__(self, gateway: GatewaySettings) -> None:
        self._gateway = gateway
        self._last: dict[str, Retelling] = {}

    def of(self, dialect: Dialect, asked: Asked) -> Retelling:
        """How a request is answered. Its messages are not held."""
        asked = msgspec.structs.replace(asked, messages=[])
        last = self._last.get(dialect.name)
        if last is None or last.asked != asked:
            last = self._last[dialect.name] = Retelling(dialect, asked, self._gateway)
        return last
