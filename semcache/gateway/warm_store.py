"""Warm lists in the store: the items in chunks, and how far they have been done, so that any replica can go on.

    warm:<id>            HASH    chunks, total, and the record of progress
    warm:<id>:<chunk>    HASH    position in the chunk -> item as JSON

All of it is gone `KEEP_S` after its last change. A server at its memory bound may evict a chunk; then the list says so.
It knows neither what an item asks for nor who does it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from semcache.admin.job_record import KEEP_S
from semcache.errors import SemcacheError
from semcache.gateway.warm_list import WarmItem
from semcache.ports import Control

_CHUNK_ITEMS: Final = 200
_CHUNK_BYTES: Final = 256_000
_SHOWN: Final = 20


class Problem(msgspec.Struct, frozen=True):
    """An item that came to nothing."""

    line: int
    outcome: str
    reason: str


class Progress(msgspec.Struct, kw_only=True):
    """What the items before `position` came to; spent money counts whenever it was spent."""

    position: int = 0
    """Items finished without a gap, from the first."""
    counts: dict[str, int] = {}
    """Outcome -> items."""
    reasons: dict[str, int] = {}
    """Reason -> items that were refused or failed."""
    problems: list[Problem] = []
    """The first few of those."""
    cost_usd: float = 0.0
    stopped: str = ""
    """Why it ended before its last item: `budget_spent`, `price_unknown`, `upstream_fails`, `cancelled`."""

    def count(self, line: int, outcome: str, reason: str) -> None:
        """Take in the item at `position`."""
        self.position += 1
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        if outcome in ("refused", "failed"):
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
            if len(self.problems) < _SHOWN:
                self.problems.append(Problem(line, outcome, reason))


class WarmLists:
    """Keeps warm lists in a Control."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def keep(self, items: Sequence[WarmItem]) -> str:
        """Write a list; returns its id. Raises StoreUnavailable."""
        await self._control.names("warm:")  # lets go of the names of lists that are gone
        list_id = secrets.token_hex(8)
        chunks = _chunked(items)
        for number, chunk in enumerate(chunks):
            await self._control.hset(f"warm:{list_id}:{number}", chunk, ttl_s=KEEP_S)
        sizes = msgspec.json.encode([len(chunk) for chunk in chunks]).decode()
        await self._control.hset(f"warm:{list_id}", {"chunks": sizes}, ttl_s=KEEP_S)
        return list_id

    async def progress(self, list_id: str) -> Progress:
        """How far a list has come. Raises StoreUnavailable."""
        fields = await self._control.hget_all(f"warm:{list_id}")
        return msgspec.json.decode(fields.get("progress", "{}"), type=Progress)

    async def record(self, list_id: str, progress: Progress) -> None:
        """Write how far it has come. Raises StoreUnavailable."""
        text = msgspec.json.encode(progress).decode()
        await self._control.hset(f"warm:{list_id}", {"progress": text}, ttl_s=KEEP_S)

    async def items(self, list_id: str, after: int) -> AsyncIterator[WarmItem]:
        """The items from position `after` on, a chunk read at a time.

        Raises StoreUnavailable, or SemcacheError where the server has evicted some of them.
        """
        fields = await self._control.hget_all(f"warm:{list_id}")
        if "chunks" not in fields:
            raise _evicted()
        start = 0
        for number, size in enumerate(msgspec.json.decode(fields["chunks"], type=list[int])):
            if start + size > after:
                chunk = await self._control.hget_all(f"warm:{list_id}:{number}")
                if len(chunk) != size:
                    raise _evicted()
                for at in range(max(0, after - start), size):
                    yield msgspec.json.decode(chunk[str(at)], type=WarmItem)
            start += size

    async def forget(self, list_id: str) -> None:
        """Let the items go; what came of them stays with the job. Raises StoreUnavailable."""
        fields = await self._control.hget_all(f"warm:{list_id}")
        sizes = msgspec.json.decode(fields.get("chunks", "[]"), type=list[int])
        names = [f"warm:{list_id}:{number}" for number in range(len(sizes))]
        await asyncio.gather(*(self._control.hset(name, {"0": ""}, ttl_s=0.001) for name in names))


def _chunked(items: Sequence[WarmItem]) -> list[dict[str, str]]:
    chunks: list[dict[str, str]] = []
    size = _CHUNK_BYTES
    for item in items:
        text = msgspec.json.encode(item).decode()
        if size + len(text) > _CHUNK_BYTES or len(chunks[-1]) == _CHUNK_ITEMS:
            chunks.append({})
            size = 0
        chunks[-1][str(len(chunks[-1]))] = text
        size += len(text)
    return chunks


def _evicted() -> SemcacheError:
    return SemcacheError("the store has evicted items of this list before they were done: send the list again")
