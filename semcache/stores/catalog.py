"""Enumeration and invalidation over all shards, by the sets that the scripts keep. Implements `ports.Catalog`.

The sets may list what the server has evicted or let expire: `sweep` drops that. Whether a record meets a selector is
for the caller to judge; the sets only narrow.
"""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from semcache.models import SHARDS, base_namespace
from semcache.ports import GroupCount, Selector
from semcache.settings import Settings
from semcache.stores.entries import Floors
from semcache.stores.keys import group_hash, group_name, scopes_of, shard_named, tag_hash
from semcache.stores.lua import BULK_S, Call, Link

MAX_FENCES: Final = 10_000
"""Fence scopes that one shard keeps; past it all older fill tokens count as raced."""
_PAGE: Final = 500
"""Ids in one batch, and in one script call of a sweep."""
_SETS: Final = 32
"""Sets swept in one round trip: 100,000 partitions are a million sets over all shards."""

_ANY: Final = Selector()


class RedisCatalog:
    """`ports.Catalog` on a `Link`."""

    def __init__(self, link: Link, settings: Settings, floors: Floors) -> None:
        self._link = link
        self._bases = link.keys.bases
        self._floors = floors
        self._log_cap = settings.store.log_entries

    async def groups(self) -> list[GroupCount]:
        """See `Catalog.groups`: those with entries, sorted; evicted entries count until they are swept."""
        counts: dict[bytes, int] = {}
        for answer in await self._link.run_each("groups", [(base, ()) for base in self._bases], deadline_s=BULK_S):
            for name, count in zip(answer[::2], answer[1::2], strict=True):
                counts[name] = counts.get(name, 0) + count
        named = ((msgspec.json.decode(name, type=tuple[str, str, str]), count) for name, count in counts.items())
        return [GroupCount(*group, count) for group, count in sorted(named) if count]

    async def ids(self, *, shard: int | None = None, selector: Selector | None = None) -> AsyncIterator[list[str]]:
        """See `Catalog.ids`."""
        wanted = selector or _ANY
        for at in range(SHARDS) if shard is None else (shard,):
            async for batch in self._shard_ids(at, wanted):
                yield batch

    async def coldest(self, count: int, *, namespace: str | None = None) -> list[str]:
        """See `Catalog.coldest`: coldest first."""
        if count < 1:
            return []
        if namespace is not None:
            return await self._coldest_of(namespace, count)
        head = count // SHARDS * 2 + 16
        while True:
            heads = await self._link.commands(
                [("ZRANGE", base + b"use", 0, head - 1, "WITHSCORES") for base in self._bases], deadline_s=BULK_S
            )
            scored = [_scored(answer) for answer in heads]
            merged = heapq.nsmallest(count, (item for items in scored for item in items))
            # Exact when no shard was cut off before the last one taken; else look further down.
            if all(len(items) < head or (len(merged) == count and items[-1] >= merged[-1]) for items in scored):
                return [entry_id for _, entry_id in merged]
            head *= 4

    async def raise_epoch(self, namespace: str) -> int:
        """See `Catalog.raise_epoch`. Raises StoreUnavailable where a shard did not answer: call again."""
        calls: list[Call] = [
            (base, (namespace, self._floors.get(namespace, at))) for at, base in enumerate(self._bases)
        ]
        epochs: list[int] = await self._link.run_each("raise_epoch", calls, deadline_s=BULK_S)
        for at, epoch in enumerate(epochs):
            self._floors.saw(namespace, at, epoch)
        return max(epochs)

    async def raise_fence(self, selector: Selector) -> None:
        """See `Catalog.raise_fence`. Entry ids touch their own shards only."""
        if selector.entry_ids:
            by_shard: dict[int, list[str]] = {}
            for entry_id, scope in zip(selector.entry_ids, scopes_of(selector), strict=True):
                by_shard.setdefault(shard_named(entry_id), []).append(scope)
        else:
            by_shard = dict.fromkeys(range(SHARDS), scopes_of(selector))
        known = self._floors.fences
        calls: list[Call] = [(self._bases[at], (MAX_FENCES, known[at], *scopes)) for at, scopes in by_shard.items()]
        fences: list[int] = await self._link.run_each("raise_fence", calls, deadline_s=BULK_S)
        for at, fence in zip(by_shard, fences, strict=True):
            self._floors.saw_fence(at, fence)

    async def distrust(self, shard: int) -> None:
        """See `Catalog.distrust`."""
        fence = await self._link.run("distrust", self._bases[shard], (self._floors.fences[shard],), deadline_s=BULK_S)
        self._floors.saw_fence(shard, fence)

    async def sweep(self, shard: int) -> int:
        """See `Catalog.sweep`: how many entries were dropped from the list. The change log tells their ids."""
        base = self._bases[shard]
        swept = await self._sweep_use(base)
        groups, tags = await self._link.commands(
            [("HKEYS", base + b"groups"), ("SMEMBERS", base + b"tags")], deadline_s=BULK_S
        )
        for kind, names in (("g", list(groups)), ("t", list(tags))):
            for start in range(0, len(names), _SETS):
                await self._sweep_sets(base, kind, names[start : start + _SETS])
        return swept

    async def _sweep_use(self, base: bytes) -> int:
        cursor, total = b"0", 0
        while True:
            cursor, dropped = await self._link.run("sweep_use", base, (cursor, _PAGE, self._log_cap), deadline_s=BULK_S)
            total += int(dropped)
            if cursor == b"0":
                return total

    async def _sweep_sets(self, base: bytes, kind: str, names: Sequence[bytes]) -> None:
        left = dict.fromkeys(names, b"0")
        while left:
            calls: list[Call] = [(base, (kind, name, cursor, _PAGE)) for name, cursor in left.items()]
            answers = await self._link.run_each("sweep_set", calls, deadline_s=BULK_S)
            left = {name: cursor for name, (cursor, _) in zip(left, answers, strict=True) if cursor != b"0"}

    async def _shard_ids(self, shard: int, selector: Selector) -> AsyncIterator[list[str]]:
        base = self._bases[shard]
        narrowed = not (selector.namespace is None and selector.model is None and selector.model_version is None)
        groups = await self._groups(base, selector) if narrowed or selector.tags else []
        group_sets = [base + b"g:" + group_hash(group_name(*group)) for group in groups]
        if (narrowed or selector.tags) and not groups:
            return
        filters = [group_sets] if narrowed else []
        namespaces = {group[0] for group in groups}
        filters += [[base + b"t:" + tag_hash(name, tag) for name in namespaces] for tag in selector.tags]
        if selector.entry_ids:
            own = [entry_id for entry_id in selector.entry_ids if shard_named(entry_id) == shard]
            for start in range(0, len(own), _PAGE):
                if batch := await self._within(own[start : start + _PAGE], filters):
                    yield batch
            return
        # Walk the sets of the last filter (a tag, if there is one: the smaller sets) and hold the ids to the others.
        sources = filters.pop() if filters else [None]
        for source in sources:
            async for page in self._walk(base, source):
                if batch := await self._within(page, filters):
                    yield batch

    async def _groups(self, base: bytes, selector: Selector) -> list[tuple[str, str, str]]:
        wanted = (selector.namespace, selector.model, selector.model_version)
        named = await self._link.command("HVALS", base + b"groups", deadline_s=BULK_S)
        groups = (msgspec.json.decode(name, type=tuple[str, str, str]) for name in named)
        return [
            (namespace, model, version)
            for namespace, model, version in groups
            if wanted[0] in (None, namespace, base_namespace(namespace))
            and wanted[1] in (None, model)
            and wanted[2] in (None, version)
        ]

    async def _walk(self, base: bytes, source: bytes | None) -> AsyncIterator[list[str]]:
        """Ids of a set, or of the shard's list of entries."""
        cursor: Any = 0
        while True:
            if source is None:
                cursor, scored = await self._link.command(
                    "ZSCAN", base + b"use", cursor, "COUNT", _PAGE, deadline_s=BULK_S
                )
                members = [member for member, _ in _pairs(scored)]
            else:
                cursor, members = await self._link.command("SSCAN", source, cursor, "COUNT", _PAGE, deadline_s=BULK_S)
            for start in range(0, len(members), _PAGE):
                yield [member.decode() for member in members[start : start + _PAGE]]
            if int(cursor) == 0:
                return

    async def _within(self, ids: list[str], filters: Sequence[Sequence[bytes]]) -> list[str]:
        """Those that are in at least one set of every filter."""
        for sets in filters:
            if not ids:
                break
            answers = await self._link.commands([("SMISMEMBER", name, *ids) for name in sets], deadline_s=BULK_S)
            ids = [entry_id for entry_id, *there in zip(ids, *answers, strict=True) if any(there)]
        return ids

    async def _coldest_of(self, namespace: str, count: int) -> list[str]:
        coldest: list[tuple[float, str]] = []
        for shard, base in enumerate(self._bases):
            async for ids in self._shard_ids(shard, Selector(namespace=namespace)):
                scores = await self._link.command("ZMSCORE", base + b"use", *ids, deadline_s=BULK_S)
                scored = [(float(score), entry_id) for score, entry_id in zip(scores, ids, strict=True) if score]
                coldest = heapq.nsmallest(count, [*coldest, *scored])
        return [entry_id for _, entry_id in dict.fromkeys(coldest)]


def _pairs(answer: Any) -> list[tuple[Any, Any]]:
    """Members and scores, whichever shape the client's protocol gives them: pairs, or one flat list."""
    if answer and not isinstance(answer[0], (list, tuple)):
        return list(zip(answer[::2], answer[1::2], strict=True))
    return [(member, score) for member, score in answer]


def _scored(answer: Any) -> list[tuple[float, str]]:
    return [(float(score), member.decode()) for member, score in _pairs(answer)]
