"""Upstream's refusals that are a function of the request, remembered for a moment in this process.

Only statuses that say "this request is wrong", whoever sends it and whenever: no credential, quota or race is in them.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from semcache.gateway.ask import Header

STATUSES: Final = frozenset({400, 404, 413, 422})
_MOST: Final = 1000
_LARGEST: Final = 16_384
"""Bytes of a body that is worth keeping."""


class Negatives:
    """Entry id -> status, headers and body, for `ttl_s` seconds; off at 0."""

    def __init__(self, ttl_s: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ttl_s = ttl_s
        self._monotonic = monotonic
        self._kept: OrderedDict[str, tuple[float, int, list[Header], bytes]] = OrderedDict()

    def get(self, entry_id: str) -> tuple[int, list[Header], bytes] | None:
        """What upstream said of this request lately."""
        found = self._kept.get(entry_id)
        if found is None:
            return None
        if self._monotonic() >= found[0]:
            del self._kept[entry_id]
            return None
        return found[1:]

    def put(self, entry_id: str, status: int, headers: list[Header], body: bytes) -> None:
        """Remember a refusal, if it is one."""
        if self._ttl_s <= 0 or status not in STATUSES or len(body) > _LARGEST:
            return
        self._kept.pop(entry_id, None)
        self._kept[entry_id] = (self._monotonic() + self._ttl_s, status, headers, body)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
