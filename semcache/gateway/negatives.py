"""Upstream's refusals that are a function of the request, remembered for a moment in this process.

Only statuses that say "this request is wrong", whoever sends it and whenever: no credential, quota or race is in them.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from semcache.gateway.ask import Header
from semcache.models import FillToken

STATUSES: Final = frozenset({400, 404, 413, 422})
_MOST: Final = 1000
_LARGEST: Final = 16_384
"""Bytes of a body that is worth keeping."""


_Said = tuple[int, list[Header], bytes]


class Negatives:
    """Entry id -> status, headers and body, for `ttl_s` seconds; off at 0."""

    def __init__(self, ttl_s: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ttl_s = ttl_s
        self._monotonic = monotonic
        self._kept: OrderedDict[str, tuple[float, FillToken, _Said]] = OrderedDict()

    def get(self, fill: FillToken) -> _Said | None:
        """What upstream said of this request lately, if nothing was invalidated since it was asked."""
        found = self._kept.get(fill.entry_id)
        if found is None:
            return None
        until, then, said = found
        if self._monotonic() >= until or (then.epoch, then.fence) != (fill.epoch, fill.fence):
            del self._kept[fill.entry_id]
            return None
        return said

    def put(self, fill: FillToken, status: int, headers: list[Header], body: bytes) -> None:
        """Remember a refusal, if it is one. `fill`: of the miss."""
        entry_id = fill.entry_id
        if self._ttl_s <= 0 or status not in STATUSES or len(body) > _LARGEST:
            return
        self._kept.pop(entry_id, None)
        self._kept[entry_id] = (self._monotonic() + self._ttl_s, fill, (status, headers, body))
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
