"""Upstream's refusals that are a function of the request, remembered for a moment in this process.

Only statuses that say "this request is wrong", whenever it is sent: no quota or race is in them. What was wrong may be
what no identity knows of (`causes`), so a refusal is for those alone who would send upstream the very same.
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
    """Entry id and cause -> status, headers and body, for `ttl_s` seconds; off at 0."""

    def __init__(self, ttl_s: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ttl_s = ttl_s
        self._monotonic = monotonic
        self._kept: OrderedDict[tuple[str, str], tuple[float, FillToken, _Said]] = OrderedDict()

    def get(self, fill: FillToken, cause: Callable[[], str]) -> _Said | None:
        """What upstream said of this request lately, if nothing was invalidated since it was asked.

        `cause`: makes the request's (`cause_of`); asked for where anything is remembered.
        """
        if not self._kept:
            return None
        key = fill.entry_id, cause()
        found = self._kept.get(key)
        if found is None:
            return None
        until, then, said = found
        if self._monotonic() >= until or (then.epoch, then.fence) != (fill.epoch, fill.fence):
            del self._kept[key]
            return None
        return said

    def put(self, fill: FillToken, cause: str, status: int, headers: list[Header], body: bytes) -> None:
        """Remember a refusal, if it is one. `fill`: of the miss."""
        key = fill.entry_id, cause
        if self._ttl_s <= 0 or status not in STATUSES or len(body) > _LARGEST:
            return
        self._kept.pop(key, None)
        self._kept[key] = (self._monotonic() + self._ttl_s, fill, (status, headers, body))
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
