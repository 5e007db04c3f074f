"""The renewer lets copies live on whose records are there: it asks the store for that, many at a time.

What changes a record is in the change log (`watcher`); only what the server evicts by itself is not. So nothing is read
again, and to ask is no use of a record: what nobody asks for is still the first that the server evicts. While the store
does not answer, copies come of age (`policy.copies.RENEWED_S`), and lookups ask for themselves.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from semcache.errors import Unavailable
from semcache.near import Near
from semcache.ports import EntryStore

log = logging.getLogger(__name__)

EVERY_S: Final = 15.0
_AHEAD_S: Final = 30.0
"""Copies are renewed that would come of age within this: one round may fail."""


class Renewer:
    """Keeps the copies of a near cache young."""

    def __init__(self, near: Near, entries: EntryStore) -> None:
        self._near = near
        self._entries = entries

    async def run(self) -> None:
        """Renew every so often, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.renew()
            except Unavailable as error:
                log.debug("copies come of age, the store was not asked reason=%s", error.code)

    async def renew(self) -> None:
        """Renew what would soon be too old, and drop what is gone. Raises StoreUnavailable."""
        aging = self._near.aging(_AHEAD_S)
        if not aging:
            return
        at_s = self._near.now()
        clocks, gone = await self._entries.gone(aging)
        self._near.drop(gone)
        self._near.renew(aging, clocks, at_s)
