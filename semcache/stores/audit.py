"""The store's self-check: every key under the prefix is read and held against what `keys` and `codec` promise.

Keys are listed by SCAN, node by node; each record and pointer is judged by one script in its slot, so live traffic
does no harm. What a repair changes is checked again inside the script that changes it. Implements `ports.Audit`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

from semcache.models import SHARDS, Entry
from semcache.ports import Catalog, Finding, Progress
from semcache.settings import Settings
from semcache.stores.codec import decode_entry
from semcache.stores.keys import group_name, set_hashes
from semcache.stores.lua import BULK_S, Call, Link

_PAGE: Final = 500
"""Members of a set looked at in one script call."""
_SCAN: Final = 4000
"""Keys in one page, spread over all shards."""
_SINGLE: Final = frozenset({"use", "groups", "tags", "epochs", "fences", "log", "seq"})

_DETAILS: Final = {
    "damaged_record": ("records that cannot be decoded, or whose fields contradict each other", True),
    "foreign_id": ("records whose id does not fit their digest", True),
    "no_ttl": ("records or pointers without a time to live: they would never be evicted", True),
    "unlisted_record": ("records that are missing from the bookkeeping: invalidation would miss them", True),
    "dangling_pointer": ("pointers whose record is gone: a read ignores them, expiry removes them", False),
    "vanished_listing": ("bookkeeping of records that expired or were evicted: the next sweep drops it", False),
    "unknown_key": ("keys under the prefix that semcache does not know", True),
}
"""code -> (what it means, whether it is a fault)."""


class RedisAudit:
    """`ports.Audit` on a `Link`."""

    def __init__(self, link: Link, settings: Settings, catalog: Catalog) -> None:
        self._link = link
        self._log_cap = settings.store.log_entries
        self._catalog = catalog
        prefix = re.escape(link.keys.control.decode().removesuffix("{ctl}:"))
        self._shape = re.compile(rf"{prefix}\{{(ctl|s(\d\d))\}}:(?:([a-z]):)?(.*)", re.DOTALL)
        self._match = link.keys.control.removesuffix(b"{ctl}:") + b"*"

    async def check(self, *, repair: bool, progress: Progress) -> list[Finding]:
        """See `Audit.check`. Raises StoreUnavailable."""
        found = _Found()
        total = sum(group.entries for group in await self._catalog.groups())
        done = 0
        progress(0, total)
        async for names in self._keys():
            records, pointers = self._sort(names, found)
            await self._records(records, repair, found)
            await self._pointers(pointers, repair, found)
            done += sum(map(len, records.values()))
            progress(min(done, total), total)
        for shard in range(SHARDS):
            await self._listings(shard, repair, found)
        progress(total, total)
        return found.findings()

    async def _keys(self) -> AsyncIterator[list[bytes]]:
        """Every key under the prefix, in pages. A key may come twice."""
        client: Any = self._link.client
        for node in client.get_primaries() if self._link.clustered else (None,):
            target = {} if node is None else {"target_nodes": node}
            cursor: Any = 0
            while True:
                cursor, names = await self._link.command(
                    "SCAN", cursor, "MATCH", self._match, "COUNT", _SCAN, deadline_s=BULK_S, **target
                )
                if isinstance(cursor, dict):  # a cluster client names the node
                    (cursor,) = cursor.values()
                yield names
                if int(cursor) == 0:
                    break

    def _sort(self, names: Iterable[bytes], found: _Found) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
        """Ids of records and digests of pointers by shard; what is neither nor known is found."""
        records: dict[int, list[str]] = {}
        pointers: dict[int, list[str]] = {}
        for name in names:
            shape = self._shape.fullmatch(name.decode("utf-8", "surrogateescape"))
            where, shard_text, kind, rest = shape.groups() if shape else ("", None, None, "")
            shard = int(shard_text) if shard_text else -1
            if where == "ctl" or (
                0 <= shard < SHARDS and (kind in ("g", "t", "r", "f") or (kind is None and rest in _SINGLE))
            ):
                continue
            if 0 <= shard < SHARDS and kind in ("e", "p"):
                (records if kind == "e" else pointers).setdefault(shard, []).append(rest)
            else:
                found.add("unknown_key", repr(name))
        return records, pointers

    async def _records(self, records: Mapping[int, list[str]], repair: bool, found: _Found) -> None:
        answers = await self._each("audit_records", records)
        for (shard, ids), fields in zip(records.items(), answers, strict=True):
            for entry_id, answer in zip(ids, fields, strict=True):
                if answer:
                    await self._record(shard, entry_id, answer, repair, found)

    async def _each(self, script: str, by_shard: Mapping[int, list[str]], *head: str) -> list[Any]:
        """Run a script on each shard's share, all at once."""
        calls: list[Call] = [(self._link.keys.bases[shard], (*head, *names)) for shard, names in by_shard.items()]
        return await self._link.run_each(script, calls, deadline_s=BULK_S) if calls else []

    async def _record(self, shard: int, entry_id: str, fields: list[Any], repair: bool, found: _Found) -> None:
        meta, digest, namespace, joined, norm, created, expires, epoch, answered, ttl_ms, listed = fields
        entry = decode_entry(entry_id, (meta, b"" if answered else None, created, expires, epoch, b"0"))
        code = _fault(shard, entry_id, entry, digest, namespace, joined, norm)
        if code is not None or entry is None:
            mended = await self._discard(shard, entry_id) if repair else False
            found.add(code or "damaged_record", entry_id, mended)
            return
        if ttl_ms != -1 and listed:
            return
        mended = False
        if repair:
            group = group_name(entry.namespace, entry.model, entry.model_version)
            base = self._link.keys.bases[shard]
            mended = bool(await self._link.run("audit_relist", base, (entry_id, group), deadline_s=BULK_S))
        if ttl_ms == -1:
            found.add("no_ttl", entry_id, mended)
        if not listed:
            found.add("unlisted_record", entry_id, mended)

    async def _discard(self, shard: int, entry_id: str) -> bool:
        """Remove a record that must not be served, even one whose key is in a shard that its id does not name."""
        base = self._link.keys.bases[shard]
        return bool(await self._link.run("remove", base, (self._log_cap, entry_id), deadline_s=BULK_S))

    async def _pointers(self, pointers: Mapping[int, list[str]], repair: bool, found: _Found) -> None:
        answers = await self._each("audit_pointers", pointers, "1" if repair else "0")
        for digests, states in zip(pointers.values(), answers, strict=True):
            for digest, state in zip(digests, states, strict=True):
                if state:
                    found.add("dangling_pointer" if state == 1 else "no_ttl", digest, repair)

    async def _listings(self, shard: int, repair: bool, found: _Found) -> None:
        base = self._link.keys.bases[shard]
        groups, tags = await self._link.commands(
            [("HKEYS", base + b"groups"), ("SMEMBERS", base + b"tags")], deadline_s=BULK_S
        )
        bad = await self._strangers(base, "use", b"")
        for kind, names in (("g", groups), ("t", tags)):
            for name in names:
                bad += await self._strangers(base, kind, name)
        if bad:
            if repair:
                await self._catalog.sweep(shard)
            found.add("vanished_listing", f"shard {shard}", repair, count=bad)

    async def _strangers(self, base: bytes, kind: str, name: bytes) -> int:
        cursor, total = b"0", 0
        while True:
            bad: int
            cursor, bad = await self._link.run("audit_members", base, (kind, name, cursor, _PAGE), deadline_s=BULK_S)
            total += bad
            if cursor == b"0":
                return total


class _Found:
    """Findings by code, with the first few places of each."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self._places: dict[str, list[str]] = {}

    def add(self, code: str, place: str, repaired: bool = False, *, count: int = 1) -> None:
        counts = self._counts.setdefault(code, [0, 0])
        counts[0] += count
        counts[1] += count if repaired else 0
        places = self._places.setdefault(code, [])
        if len(places) < 3:
            places.append(place)

    def findings(self) -> list[Finding]:
        return [
            Finding(
                code=code,
                detail=f"{_DETAILS[code][0]} (for example {', '.join(self._places[code])})",
                count=count,
                repaired=repaired,
                fault=_DETAILS[code][1],
            )
            for code, (count, repaired) in self._counts.items()
        ]


def _fault(
    shard: int, entry_id: str, entry: Entry | None, digest: bytes, namespace: bytes, joined: bytes, norm: bytes
) -> str | None:
    """What makes a record unfit to be kept, if anything."""
    if entry is None:
        return "damaged_record"
    if entry_id != f"{shard:02x}{entry.digest.hex()[:30]}" or entry.norm_digest[0] % SHARDS != shard:
        return "foreign_id"
    expected = (entry.digest, entry.namespace.encode(), set_hashes(entry), entry.norm_digest.hex().encode())
    return None if (digest, namespace, joined, norm) == expected else "damaged_record"
