"""The control plane in Redis: named hashes, streams and leases under one hash tag. Implements `ports.Control`.

Knows no job, no history and no counter by name; those are for who uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semcache.errors import RequestError
from semcache.stores.lua import BULK_S, Link


class RedisControl:
    """`ports.Control` on a `Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._base = link.keys.control

    async def hset(self, name: str, fields: Mapping[str, str], *, ttl_s: float | None = None) -> None:
        """See `Control.hset`. Without `ttl_s` a life given before goes on."""
        if fields:
            await self._write("set", name, fields, ttl_s)

    async def hget_all(self, name: str) -> dict[str, str]:
        """See `Control.hget_all`."""
        found = await self._link.command("HGETALL", self._key(b"h:", name), deadline_s=BULK_S)
        return {field.decode(): value.decode() for field, value in found.items()}

    async def add(self, name: str, deltas: Mapping[str, float]) -> None:
        """See `Control.add`."""
        if deltas:
            await self._write("add", name, deltas, None)

    async def append(self, name: str, fields: Mapping[str, str], *, cap: int) -> str:
        """See `Control.append`. Raises RequestError where there is no field."""
        if not fields:
            raise RequestError("an entry of a stream has one field at least")
        parts = [part for pair in fields.items() for part in pair]
        stream = self._key(b"s:", name)
        stream_id = await self._link.command("XADD", stream, "MAXLEN", cap, "*", *parts, deadline_s=BULK_S)
        return str(stream_id.decode())

    async def tail(
        self, name: str, *, after: str = "0-0", count: int = 100, newest: bool = False
    ) -> list[tuple[str, dict[str, str]]]:
        """See `Control.tail`."""
        span = ("XREVRANGE", self._key(b"s:", name), "+", f"({after}")
        if not newest:
            span = ("XRANGE", self._key(b"s:", name), f"({after}", "+")
        found = await self._link.command(*span, "COUNT", count, deadline_s=BULK_S)
        return [
            (stream_id.decode(), {field.decode(): value.decode() for field, value in fields.items()})
            for stream_id, fields in found
        ]

    async def acquire(self, name: str, owner: str, ttl_s: float) -> bool:
        """See `Control.acquire`."""
        args = (name, owner, max(1, round(ttl_s * 1000)))
        return bool(await self._link.run("lease_acquire", self._base, args, deadline_s=BULK_S))

    async def release(self, name: str, owner: str) -> None:
        """See `Control.release`."""
        await self._link.run("lease_release", self._base, (name, owner), deadline_s=BULK_S)

    async def names(self, prefix: str) -> list[str]:
        """See `Control.names`: sorted."""
        found = await self._link.run("control_names", self._base, (prefix,), deadline_s=BULK_S)
        return sorted(name.decode() for name in found)

    async def _write(self, how: str, name: str, fields: Mapping[str, Any], ttl_s: float | None) -> None:
        life = "" if ttl_s is None else max(1, round(ttl_s * 1000))
        parts = [part for pair in fields.items() for part in pair]
        await self._link.run("control_write", self._base, (how, name, life, *parts), deadline_s=BULK_S)

    def _key(self, kind: bytes, name: str) -> bytes:
        return self._base + kind + name.encode()
