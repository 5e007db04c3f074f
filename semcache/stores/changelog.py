"""The change log in Redis: a stream per shard that carries ids and a counter. Implements `ports.ChangeLog`.

Each entry has the entry id (`i`) and the shard's change counter (`q`). A reader that sees the counter jump, or stand
lower than where it was, has missed changes: trimmed away, or lost by the store. It is told of a gap then, with the
position that holds from now on, and scans the shard.

An entry with a namespace (`n`, empty: all of them) says that all of its entries were invalidated by a new epoch; the id
beside it is no entry's, so that a reader which knows nothing of epochs reads it and finds nothing.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from semcache.errors import ConfigError
from semcache.models import SHARDS
from semcache.ports import Position, ShardChanges
from semcache.stores.lua import BULK_S, Link

FORMAT: Final = "1"
"""Of everything in the store; another one is refused, not guessed at."""

_BATCH: Final = 2000
"""Most changes read from one shard at a time."""
_TAILS_EVERY_S: Final = 1.0
"""How often the counters are compared with the positions: the only sign of a store that lost its last writes."""
NEAR_TAILS_EVERY_S: Final = 0.4
"""The same for who serves copies by what the log says."""
_POLL_S: Final = 0.1
"""Pause between two looks in a cluster, where one blocking read over all shards is not possible."""


class RedisChangeLog:
    """`ports.ChangeLog` on a `Link`. `clock` is monotonic, in seconds."""

    def __init__(
        self, link: Link, *, clock: Callable[[], float] = time.monotonic, tails_every_s: float = _TAILS_EVERY_S
    ) -> None:
        """`tails_every_s`: how often the counters are compared with the positions."""
        self._link = link
        self._tails_every_s = tails_every_s
        self._clock = clock
        self._logs = [base + b"log" for base in link.keys.bases]
        self._counts = [base + b"seq" for base in link.keys.bases]
        self._shards = {name: shard for shard, name in enumerate(self._logs)}
        self._tails_due = 0.0

    async def generation(self) -> str:
        """See `ChangeLog.generation`. Raises ConfigError for a store of another format or number of shards."""
        fresh = uuid.uuid4().hex
        found = await self._link.run("meta", self._link.keys.control, (FORMAT, SHARDS, fresh), deadline_s=BULK_S)
        form, shards, generation = (value.decode() for value in found)
        if form != FORMAT:
            raise ConfigError(f"this store has format {form}, semcache writes format {FORMAT}: use another key prefix")
        if shards != str(SHARDS):
            raise ConfigError(f"this store has {shards} shards, semcache has {SHARDS}: use another key prefix")
        return str(generation)

    async def tails(self) -> list[Position]:
        """See `ChangeLog.tails`."""
        return await self._tails(range(SHARDS))

    async def changes(self, positions: Sequence[Position], *, wait_s: float) -> list[ShardChanges]:
        """See `ChangeLog.changes`. Changed shards only, in order of their number."""
        ahead: list[int] = []
        if self._clock() >= self._tails_due:
            counters = await self._counters()
            lost = [shard for shard, counter in enumerate(counters) if counter < positions[shard].seq]
            if lost:
                return await self._gaps(lost, lost=lost)
            ahead = [shard for shard, counter in enumerate(counters) if counter > positions[shard].seq]
            self._tails_due = self._clock() + self._tails_every_s
        read = await self._read(positions, 0.0 if ahead else wait_s)
        vanished = [shard for shard in ahead if shard not in read]  # counted, and no longer in the stream
        torn = [shard for shard, found in read.items() if _torn(positions[shard], found)]
        changed = [_changes(shard, found) for shard, found in read.items() if shard not in torn]
        if torn or vanished:
            back = [shard for shard in torn if int(read[shard][0][1][b"q"]) <= positions[shard].seq]
            changed += await self._gaps([*torn, *vanished], lost=back)
        return sorted(changed, key=lambda change: change.shard)

    async def _counters(self) -> list[int]:
        if self._link.clustered:
            commands = [("GET", name) for name in self._counts]
            answers = await self._link.commands(commands, deadline_s=BULK_S)
        else:  # one command: a pipeline costs the client as much as that many calls
            answers = await self._link.command("MGET", *self._counts, deadline_s=BULK_S)
        return [int(answer or 0) for answer in answers]

    async def _tails(self, shards: Sequence[int]) -> list[Position]:
        calls = [(self._link.keys.bases[shard], ()) for shard in shards]
        answers = await self._link.run_each("tail", calls, deadline_s=BULK_S)
        return [Position(stream_id.decode(), seq) for stream_id, seq in answers]

    async def _gaps(self, shards: Sequence[int], *, lost: Sequence[int]) -> list[ShardChanges]:
        tails = await self._tails(shards)
        return [
            ShardChanges(shard=shard, entry_ids=(), position=tail, gap=True, lost=shard in lost)
            for shard, tail in zip(shards, tails, strict=True)
        ]

    async def _read(self, positions: Sequence[Position], wait_s: float) -> dict[int, list[Any]]:
        """What is after the positions, by shard; waits up to `wait_s` for the first."""
        if self._link.clustered:
            return await self._poll(positions, wait_s)
        wait_s = min(wait_s, _TAILS_EVERY_S)  # the caller comes again
        blocking = ("BLOCK", max(1, round(wait_s * 1000))) if wait_s > 0 else ()
        ids = [position.stream_id for position in positions]
        answer = await self._link.command(
            "XREAD", "COUNT", _BATCH, *blocking, "STREAMS", *self._logs, *ids, deadline_s=wait_s + BULK_S
        )
        return self._by_shard(answer)

    async def _poll(self, positions: Sequence[Position], wait_s: float) -> dict[int, list[Any]]:
        commands = [
            ("XREAD", "COUNT", _BATCH, "STREAMS", name, position.stream_id)
            for name, position in zip(self._logs, positions, strict=True)
        ]
        until = self._clock() + min(wait_s, _TAILS_EVERY_S)
        while True:
            found: dict[int, list[Any]] = {}
            for answer in await self._link.commands(commands, deadline_s=BULK_S):
                found |= self._by_shard(answer)
            remaining = until - self._clock()
            if found or remaining <= 0:
                return found
            await asyncio.sleep(min(_POLL_S, remaining))

    def _by_shard(self, answer: Any) -> dict[int, list[Any]]:
        """XREAD's answer, whose shape depends on the client's protocol: shard -> [(stream id, fields)]."""
        streams = answer.items() if isinstance(answer, dict) else answer or ()
        return {self._shards[name]: _flat(entries) for name, entries in streams if entries}


def _flat(entries: Any) -> list[Any]:
    return entries[0] if isinstance(entries[0], list) else list(entries)


def _torn(position: Position, found: list[Any]) -> bool:
    expected = range(position.seq + 1, position.seq + 1 + len(found))
    return any(int(fields[b"q"]) != seq for (_, fields), seq in zip(found, expected, strict=True))


def _changes(shard: int, found: list[Any]) -> ShardChanges:
    last_id, last = found[-1]
    ids = {fields[b"i"].decode(): int(fields[b"q"]) for _, fields in found if b"n" not in fields}
    namespaces = dict.fromkeys(fields[b"n"].decode() for _, fields in found if b"n" in fields)
    return ShardChanges(
        shard=shard,
        entry_ids=tuple(ids),
        seqs=tuple(ids.values()),
        position=Position(last_id.decode(), int(last[b"q"])),
        namespaces=tuple(namespaces),
        more=len(found) >= _BATCH,
    )
