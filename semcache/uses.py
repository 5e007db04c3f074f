"""Uses: which entries were served since the last flush. Written in one go, and kept while the store is away."""

from __future__ import annotations

from typing import Final

from semcache.errors import SemcacheError
from semcache.models import Entry
from semcache.ports import EntryStore, Touch

MOST: Final = 10_000
"""Entries remembered between two flushes; hits of further ones go uncounted, memory stays bounded."""


class Uses:
    """Hit counts, recency and sliding expiries on their way to the store."""

    def __init__(self, entries: EntryStore) -> None:
        self._entries = entries
        self._uses: dict[str, Touch] = {}

    def note(self, entry: Entry) -> None:
        """An entry was served."""
        self._add(entry.entry_id, Touch(1, entry.sliding))

    def _add(self, entry_id: str, use: Touch) -> None:
        known = self._uses.get(entry_id)
        if known is not None:
            self._uses[entry_id] = Touch(known.hits + use.hits, known.slide or use.slide)
        elif len(self._uses) < MOST:
            self._uses[entry_id] = use

    async def flush(self) -> None:
        """Write what was noted; raises StoreUnavailable and keeps it for the next flush if the store is down."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            await self._entries.touch(uses)
        except SemcacheError:
            for entry_id, use in uses.items():
                self._add(entry_id, use)
            raise
