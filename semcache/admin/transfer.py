"""Export and import: all entries out of one store as lines, and into another, whatever its embedder and version.

An export walks the shards in order and each shard's ids in order, so an entry that is there all the while comes exactly
once, and an export that broke off goes on after the last id that arrived. What is stored or removed meanwhile may or
may not be in it. Memory holds the ids of one shard and a few records.

An import writes each record as it would be stored, with the life that it has left. Writing is idempotent: an import
that broke off is sent again. A record that is newer here is left as it is. Vectors of another space are dropped, and
the entry is embedded later, like one that was stored while the embedder was down.

It knows lines and no HTTP; who may see a namespace is a callable's to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec

from semcache.admin.transfer_format import (
    Record,
    Space,
    draft_of,
    end_line,
    header_line,
    read_line,
    record_line,
    to_ms,
)
from semcache.errors import EmbedderUnavailable, RequestError
from semcache.models import SHARDS, RefusedReason, Strategy, TtlClass, shard_of
from semcache.policy.normalize import Normalizer
from semcache.ports import Catalog, Draft, Embedder, EntryStore, Fenced, Selector
from semcache.settings import Settings

_READ: Final = 32
"""Records of an export that are in memory together."""
_WRITE: Final = 64
"""Lines of an import that are worked on together, unless they are long."""
_WRITE_BYTES: Final = 4_000_000
_AT_ONCE: Final = 16
_SHOWN: Final = 100
_NEWER_HERE: Final = ("newer_here", "the entry that is here was stored later")

Opens = Callable[[str], bool]
"""Whether a namespace is open to who asked."""


class LineProblem(msgspec.Struct, frozen=True):
    """A line that was not taken, and why."""

    line: int
    code: str
    """`damaged`, `forbidden`, `newer_here`, `taken`, or why policy refused it."""
    detail: str


class Imported(msgspec.Struct, kw_only=True):
    """What an import came to. The counts add up to the records that were sent."""

    imported: int = 0
    """Written, and not there before."""
    replaced: int = 0
    """Written over what was there."""
    expired: int = 0
    """Had no time left."""
    refused: int = 0
    damaged: int = 0
    pending: int = 0
    """Of those written: without vectors of this service's space; embedded later."""
    lines: int = 0
    problems: list[LineProblem] = []
    """The first hundred lines that were refused or damaged."""

    def wrong(self, line: int, code: str, detail: str) -> None:
        """Count a line that was not taken."""
        if code == "damaged":
            self.damaged += 1
        else:
            self.refused += 1
        if len(self.problems) < _SHOWN:
            self.problems.append(LineProblem(line, code, detail[:500]))


class Transfer:
    """Exports and imports the entries of one service."""

    def __init__(
        self,
        settings: Settings,
        *,
        entries: EntryStore,
        catalog: Catalog,
        embedder: Embedder | None,
        normalizer: Normalizer,
        on_size: Callable[[int], None] = lambda total: None,
    ) -> None:
        """`on_size` is told an estimate of all entries after each portion of an import."""
        self._settings = settings
        self._entries = entries
        self._catalog = catalog
        self._embedder = embedder
        self._normalizer = normalizer
        self._on_size = on_size

    # -- out ------------------------------------------------------------------------------------------------------

    async def export(
        self, *, opens: Opens, namespace: str | None = None, vectors: bool = True, after: str | None = None
    ) -> AsyncIterator[bytes]:
        """The export in parts of whole lines, from the entry after the id `after`. Raises StoreUnavailable."""
        space = self._space() if vectors else None
        now_ms = (await self._entries.read_many([])).now_ms
        name = space.name if space is not None else None
        yield header_line(now_ms, namespace=namespace, space=name, normalizer=self._normalizer.version)
        count, last = 0, after
        for shard in range(0 if after is None else shard_of(after), SHARDS):
            ids = await self._ids(shard, namespace, after)
            for start in range(0, len(ids), _READ):
                portion = ids[start : start + _READ]
                lines = await self._lines(portion, namespace, name, opens)
                count, last = count + len(lines), portion[-1]
                if lines:
                    yield b"".join(lines)
        yield end_line(count, last)

    async def _ids(self, shard: int, namespace: str | None, after: str | None) -> list[str]:
        found: set[str] = set()
        async for ids in self._catalog.ids(shard=shard, selector=Selector(namespace=namespace)):
            found.update(ids)
        return sorted(entry_id for entry_id in found if after is None or entry_id > after)

    async def _lines(
        self, entry_ids: Sequence[str], namespace: str | None, space: str | None, opens: Opens
    ) -> list[bytes]:
        read = await self._entries.read_many(entry_ids, space=space)
        found = [read.found[entry_id] for entry_id in entry_ids if entry_id in read.found]
        vetoes = await self._entries.vetoes(entry_ids)
        return [
            record_line(one, vetoes.get(one.entry.entry_id, ()))
            for one in found
            if one.entry.expires_ms > read.now_ms
            and one.entry.epoch >= read.epochs[one.entry.entry_id]
            and namespace in (None, one.entry.namespace)
            and opens(one.entry.namespace)
        ]

    def _space(self) -> Space | None:
        try:
            return None if self._embedder is None else Space(self._embedder.space, self._embedder.dimension)
        except EmbedderUnavailable:
            return None  # its space is not known yet: then no vectors can be told apart

    # -- in -------------------------------------------------------------------------------------------------------

    async def take(self, lines: AsyncIterator[bytes], *, opens: Opens) -> Imported:
        """Import lines as they come. Raises StoreUnavailable; what was written before stays written."""
        done = Imported()
        portion: list[tuple[int, bytes]] = []
        size = 0
        async for line in lines:
            done.lines += 1
            if line.strip():
                portion.append((done.lines, line))
                size += len(line)
            if len(portion) == _WRITE or size >= _WRITE_BYTES:
                await self._portion(portion, opens, done)
                portion, size = [], 0
        await self._portion(portion, opens, done)
        return done

    async def _portion(self, lines: list[tuple[int, bytes]], opens: Opens, done: Imported) -> None:
        if not lines:
            return
        space = self._space()
        now_ms = (await self._entries.read_many([])).now_ms
        drafts = await asyncio.to_thread(self._drafts, lines, now_ms, space, opens, done)
        wanted = await self._not_newer_here(drafts, done)
        guard = asyncio.Semaphore(_AT_ONCE)

        async def write(number: int, draft: Draft) -> None:
            async with guard:
                await self._write(number, draft, space is not None, done)

        tasks = [asyncio.create_task(write(number, draft)) for number, draft in wanted]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self, number: int, draft: Draft, semantic: bool, done: Imported) -> None:
        try:
            written = await self._entries.put(draft)
        except RequestError as error:  # metadata, say, that has no form in a record
            done.wrong(number, "damaged", str(error))
            return
        if isinstance(written, Fenced):  # without a fill token for this alone; and it came since these were read
            done.wrong(number, *_NEWER_HERE)
            return
        done.replaced += written.replaced
        done.imported += not written.replaced
        done.pending += semantic and draft.embedding is None and _embeddable(draft)
        self._on_size(written.shard_entries * SHARDS)

    def _drafts(
        self, lines: list[tuple[int, bytes]], now_ms: int, space: Space | None, opens: Opens, done: Imported
    ) -> dict[str, tuple[int, Draft]]:
        """Entry id -> line and draft. Of several lines for one id the last counts, as if written one after another."""
        drafts: dict[str, tuple[int, Draft]] = {}
        for number, line in lines:
            try:
                record = read_line(line)
                if record is None:
                    continue
                if to_ms(record.expires_at) <= now_ms:
                    done.expired += 1
                    continue
                refusal = self._refusal(record, opens)
                if refusal is not None:
                    done.wrong(number, *refusal)
                    continue
                draft = draft_of(
                    record,
                    self._normalizer,
                    now_ms=now_ms,
                    longest_s=self._settings.ttl.max_s,
                    retain_s=self._settings.ttl.stale_window_s,
                    space=space,
                )
            except RequestError as error:
                done.wrong(number, "damaged", str(error))
                continue
            if draft.identity.entry_id in drafts:
                done.replaced += 1
            drafts[draft.identity.entry_id] = (number, draft)
        return drafts

    def _refusal(self, record: Record, opens: Opens) -> tuple[str, str] | None:
        limits = self._settings.limits
        if not opens(record.namespace):
            return "forbidden", f"your key does not open namespace `{record.namespace}`"
        if record.ttl_class is TtlClass.NEVER:
            return RefusedReason.NEVER_CACHED_CLASS.value, "its class is never cached"
        if record.ttl_class is TtlClass.PERSONAL and not record.owner:
            return RefusedReason.PERSONAL_WITHOUT_PRINCIPAL.value, "a personal answer without an owner"
        if len(record.prompt) > limits.prompt_chars:
            return RefusedReason.PROMPT_TOO_LARGE.value, f"more than {limits.prompt_chars} characters"
        if len(record.response) > limits.response_bytes:
            return RefusedReason.RESPONSE_TOO_LARGE.value, f"more than {limits.response_bytes} bytes"
        return None

    async def _not_newer_here(self, drafts: dict[str, tuple[int, Draft]], done: Imported) -> list[tuple[int, Draft]]:
        """Those to write: not what is newer here, nor what another namespace has under that id (a forged digest)."""
        read = await self._entries.read_many(list(drafts))
        wanted = []
        for entry_id, (number, draft) in drafts.items():
            there = read.found.get(entry_id)
            if there is not None and there.entry.namespace != draft.identity.namespace:
                done.wrong(number, "taken", "its digest belongs to an entry of another namespace")
            elif (
                there is not None
                and there.entry.epoch >= read.epochs[entry_id]
                and there.entry.created_ms > (draft.created_ms or 0)
            ):
                done.wrong(number, *_NEWER_HERE)
            else:
                wanted.append((number, draft))
        return wanted


def _embeddable(draft: Draft) -> bool:
    return draft.identity.comparable and draft.reach is Strategy.SEMANTIC
