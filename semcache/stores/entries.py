"""Entries in Redis: reads, the one atomic write, uses, vetoes. Implements `ports.EntryStore`.

Each method is one script in the shard's slot, so nobody ever sees half a record. What is served has had its full
digest checked here. It knows nothing of thresholds, freshness rules or strategies beyond "follow the pointer or not".
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from semcache.errors import RequestError
from semcache.models import SHARDS, CacheIdentity, Candidate, Embedding, RefusedReason, Strategy
from semcache.ports import Draft, ExactRead, Fenced, ManyRead, Touch, Written
from semcache.settings import Settings
from semcache.stores.codec import decode_embedding, decode_entry, encode_embedding, encode_meta, stamped
from semcache.stores.gathering import Gathering
from semcache.stores.keys import VETO_BYTES, fences_of, group_name, set_hashes, shard_named, vector_field, veto_field
from semcache.stores.lua import BULK_S, Argument, Call, Link

log = logging.getLogger(__name__)

MAX_VETOES: Final = 1000
"""Vetoes that one record keeps. An entry that more prompts have found wrong is removed."""

_FEW: Final = 16
"""Reads of more ids than this are no lookup's and get the longer deadline."""
_BATCH: Final = 500
"""Most ids in one script call: about a millisecond of the server's time."""
_FLOORS: Final = 100_000
_LANE_BYTES: Final = 256 * 1024
"""Longer answers go each on a connection of their own: others would wait behind them."""
_WHY_NOT: Final = (RefusedReason.INVALIDATED_MEANWHILE, RefusedReason.SUPERSEDED, RefusedReason.NEWER_KEPT)
"""By the script's number of it."""


class Floors:
    """The highest epoch that this process saw for each (namespace, shard), for the 100,000 of them that were new or
    raised last, and the highest fence of each shard.

    A store that lost an epoch, or fell back to an older one in a failover, is held to it. One whose fence fell back
    has lost writes, so that everything it has from before counts as invalidated.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, int], int] = OrderedDict()
        self.fences = [0] * SHARDS

    def saw_fence(self, shard: int, fence: int) -> int:
        """Remember a fence; returns it."""
        self.fences[shard] = max(self.fences[shard], fence)
        return fence

    def get(self, namespace: str, shard: int) -> int:
        """The highest epoch seen; 0 if none."""
        return self._seen.get((namespace, shard), 0)

    def saw(self, namespace: str, shard: int, epoch: int) -> int:
        """Remember an epoch; returns the highest seen, this one included."""
        key = (namespace, shard)
        known = self._seen.get(key)
        if known is not None and known >= epoch:
            return known
        self._seen[key] = epoch
        if known is not None:
            self._seen.move_to_end(key)  # raised just now: until the log has told of that, copies hang on it alone
        elif len(self._seen) > _FLOORS:
            self._seen.popitem(last=False)
        return epoch


class RedisEntries:
    """`ports.EntryStore` on a `Link`."""

    def __init__(self, link: Link, settings: Settings, floors: Floors) -> None:
        self.on_change: Callable[[Iterable[str]], None] = lambda entry_ids: None
        """Told of ids that a call of this process has changed, or may have where it failed, before the call returns."""
        self._link = link
        self._reads = Gathering(link, "read")
        self._candidates = Gathering(link, "read_many")
        self._bases = link.keys.bases
        self._floors = floors
        self._policy = settings.store.eviction
        self._log_cap = settings.store.log_entries
        self._write_s = settings.store.write_deadline_s
        # A lane of its own: a store at its memory bound refuses writes, and reads must not lose theirs to that. Written
        # twice, since the first answer was lost, is a record as if it had been written a moment later.
        self._puts = Gathering(link, "put", deadline_s=self._write_s)

    def close(self) -> None:
        """End the connections of their own that reads and stores may have."""
        self._reads.close()
        self._candidates.close()
        self._puts.close()

    async def read(self, identity: CacheIdentity, strategy: Strategy) -> ExactRead:
        """See `EntryStore.read`."""
        shard, entry_id = identity.shard, identity.entry_id
        base, args = self._read_call(identity, shard, entry_id, strategy)
        return self._read_of(identity, shard, entry_id, await self._reads.run(base, args))

    def begin_read(self, identity: CacheIdentity, hear: Callable[[ExactRead | Exception], None]) -> bool:
        """See `EntryStore.begin_read`."""
        shard, entry_id = identity.shard, identity.entry_id

        def heard(answer: Any) -> None:
            if not isinstance(answer, Exception):
                try:
                    answer = self._read_of(identity, shard, entry_id, answer)
                except Exception as error:  # noqa: BLE001 - as `read` would raise it: whoever hears must hear something
                    answer = error
            hear(answer)

        return self._reads.begin(*self._read_call(identity, shard, entry_id, Strategy.EXACT), heard)

    def _read_call(self, identity: CacheIdentity, shard: int, entry_id: str, strategy: Strategy) -> Call:
        namespace = identity.namespace
        pointer = "" if strategy is Strategy.EXACT else identity.norm_digest.hex()
        floor = self._floors.get(namespace, shard)
        return (
            self._bases[shard],
            (entry_id, namespace, floor, veto_field(identity.norm_digest), pointer, self._floors.fences[shard]),
        )

    def _read_of(self, identity: CacheIdentity, shard: int, entry_id: str, answer: Sequence[Any]) -> ExactRead:
        namespace = identity.namespace
        now_ms, epoch, fence, fields = answer[:4]
        floors = self._floors
        if epoch != floors.get(namespace, shard):
            floors.saw(namespace, shard, epoch)
        if fence > floors.fences[shard]:
            floors.saw_fence(shard, fence)
        exact = _candidate(entry_id, fields)
        if exact is not None and not (exact.entry.digest == identity.digest and _at_home(exact, identity)):
            log.warning("record %s has the digest of another request and counts as absent", entry_id)
            exact = None
        normalized = None
        if len(answer) > 4:
            normalized = _candidate(answer[4].decode(), answer[5])
            if normalized is not None and not (
                normalized.entry.norm_digest == identity.norm_digest and _at_home(normalized, identity)
            ):
                log.warning("pointer to %s leads to another prompt and counts as absent", normalized.entry.entry_id)
                normalized = None
        return ExactRead(now_ms=now_ms, epoch=epoch, fence=fence, exact=exact, normalized=normalized)

    async def read_many(
        self, entry_ids: Sequence[str], *, space: str | None = None, asker: bytes | None = None
    ) -> ManyRead:
        """See `EntryStore.read_many`. With no ids at all it only reads the clock."""
        head = (veto_field(asker) if asker is not None else "", vector_field(space) if space is not None else "")
        batches = list(_batches(entry_ids)) or [(0, [])]
        calls: list[Call] = [(self._bases[shard], (*head, self._floors.fences[shard], *ids)) for shard, ids in batches]
        if len(entry_ids) > _FEW:
            answers = await self._link.run_each("read_many", calls, deadline_s=BULK_S)
        else:
            answers = await self._candidates.run_each(calls)
        found: dict[str, Candidate] = {}
        epochs: dict[str, int] = {}
        for (shard, ids), answer in zip(batches, answers, strict=True):
            for entry_id, fields in zip(ids, answer[1:], strict=True):
                candidate = _candidate(entry_id, fields[:7]) if fields else None
                if candidate is None:
                    continue
                embedding = None
                if space is not None and fields[7] is not None:
                    embedding = decode_embedding(space, fields[7], entry_id=entry_id)
                found[entry_id] = Candidate(candidate.entry, embedding, candidate.vetoed, _disputed(fields[9]))
                epochs[entry_id] = self._floors.saw(candidate.entry.namespace, shard, fields[8])
        return ManyRead(now_ms=max(answer[0] for answer in answers), found=found, epochs=epochs)

    async def put(self, draft: Draft) -> Written | Fenced:
        """See `EntryStore.put`. Raises RequestError for a draft that can have no record."""
        identity, fill = draft.identity, draft.fill
        embedding = draft.embedding if draft.reach is Strategy.SEMANTIC else None
        shard, namespace, entry_id = identity.shard, identity.namespace, identity.entry_id
        vectors = b"" if embedding is None else encode_embedding(embedding)
        ttl_ms, retain_ms = round(draft.ttl_s * 1000), round(draft.retain_s * 1000)
        if ttl_ms < 1 or retain_ms < 0:
            raise RequestError("an entry lives for a millisecond at least", field="ttl_s")
        if len(draft.vetoes) > MAX_VETOES or any(len(asker) != VETO_BYTES for asker in draft.vetoes):
            raise RequestError(f"at most {MAX_VETOES} vetoes of {VETO_BYTES} bytes each", field="vetoes")
        if fill is not None and fill.entry_id != entry_id:
            raise RequestError("this fill token was issued for another request", field="fill_token")
        shape = stamped(draft, created_ms=0, expires_ms=0, epoch=0)
        args = (
            entry_id,
            identity.norm_digest.hex(),
            namespace,
            self._floors.get(namespace, shard),
            ttl_ms,
            retain_ms,
            encode_meta(draft),
            draft.response,
            identity.digest,
            set_hashes(shape),
            group_name(namespace, identity.model, identity.model_version),
            self._policy,
            self._log_cap,
            "" if fill is None else fill.epoch,
            0 if fill is None else fill.fence,
            veto_field(identity.norm_digest),
            "" if embedding is None else vector_field(embedding.space),
            vectors,
            "1" if draft.sliding else "",
            draft.reach.rank,
            0 if fill is None else fill.flight,
            "" if draft.created_ms is None else draft.created_ms,
            "" if draft.expires_ms is None else draft.expires_ms,
            b"".join(draft.vetoes),
            "" if fill is None else fill.issued_ms,
            *fences_of(namespace, identity.model, identity.model_version, entry_id, draft.tags),
        )
        try:
            if len(draft.response) > _LANE_BYTES:
                answer = await self._link.run("put", self._bases[shard], args, deadline_s=self._write_s)
            else:
                answer = await self._puts.run(self._bases[shard], args)
        finally:
            self.on_change((entry_id,))
        epoch = self._floors.saw(namespace, shard, answer[1])
        if not answer[0]:
            return Fenced(_WHY_NOT[answer[2]])
        entry = stamped(draft, created_ms=answer[2], expires_ms=answer[3], epoch=epoch)
        return Written(
            entry=entry,
            replaced=bool(answer[4]),
            shard_entries=answer[5],
            seq=answer[6],
            embedding=None if embedding is None else decode_embedding(embedding.space, vectors, entry_id=entry_id),
            disputed=_disputed(answer[7]),
        )

    async def gone(self, entry_ids: Sequence[str]) -> tuple[dict[int, int], list[str]]:
        """See `EntryStore.gone`."""
        batches = list(_batches(entry_ids))
        if not batches:
            return {}, []
        calls: list[Call] = [(self._bases[shard], ids) for shard, ids in batches]
        answers = await self._link.run_each("gone", calls, deadline_s=BULK_S)
        clocks = {shard: answer[0] for (shard, _), answer in zip(batches, answers, strict=True)}
        return clocks, [entry_id.decode() for answer in answers for entry_id in answer[1:]]

    async def remove(self, entry_ids: Sequence[str]) -> int:
        """See `EntryStore.remove`."""
        calls: list[Call] = [(self._bases[shard], (self._log_cap, *ids)) for shard, ids in _batches(entry_ids)]
        if not calls:
            return 0
        deadline_s = BULK_S if len(entry_ids) > _FEW else self._write_s
        try:
            return sum(await self._link.run_each("remove", calls, deadline_s=deadline_s))
        finally:
            self.on_change(entry_ids)

    async def forget(self, entry_ids: Sequence[str]) -> int:
        """See `EntryStore.forget`."""
        calls: list[Call] = [(self._bases[shard], (self._log_cap, *ids)) for shard, ids in _batches(entry_ids)]
        if not calls:
            return 0
        deadline_s = BULK_S if len(entry_ids) > _FEW else self._write_s
        try:
            return sum(await self._link.run_each("forget", calls, deadline_s=deadline_s))
        finally:
            self.on_change(entry_ids)

    async def attach(self, entry_id: str, digest: bytes, embedding: Embedding) -> bool:
        """See `EntryStore.attach`."""
        args = (entry_id, digest, vector_field(embedding.space), encode_embedding(embedding), self._log_cap)
        return bool(await self._link.run("attach", self._bases[shard_named(entry_id)], args, deadline_s=self._write_s))

    async def touch(self, uses: Mapping[str, Touch]) -> None:
        """See `EntryStore.touch`."""
        calls: list[Call] = []
        for shard, ids in _batches(list(uses)):
            args: list[Any] = [self._policy]
            for entry_id in ids:
                args += [entry_id, uses[entry_id].hits, "1" if uses[entry_id].slide else "0"]
            calls.append((self._bases[shard], args))
        if calls:
            await self._link.run_each("touch", calls, deadline_s=BULK_S)

    async def veto(self, entry_id: str, asker: bytes, *, wrong: bool) -> bool:
        """See `EntryStore.veto`. Past MAX_VETOES the entry is removed, which forbids it to every asker."""
        args = (entry_id, veto_field(asker), "1" if wrong else "0", MAX_VETOES, self._log_cap)
        base = self._bases[shard_named(entry_id)]
        done = await self._change((entry_id,), "veto", base, args, deadline_s=self._write_s)
        if done < 0:
            log.warning("record %s was found wrong by more than %d prompts and is removed", entry_id, MAX_VETOES)
            await self.remove([entry_id])
        return bool(done)

    async def _change(
        self, entry_ids: Sequence[str], name: str, base: bytes, args: Sequence[Argument], *, deadline_s: float
    ) -> Any:
        """Run a script that changes these records, and tell of it however that ends."""
        try:
            return await self._link.run(name, base, args, deadline_s=deadline_s)
        finally:
            self.on_change(entry_ids)

    async def vetoes(self, entry_ids: Sequence[str]) -> dict[str, tuple[bytes, ...]]:
        """See `EntryStore.vetoes`."""
        batches = list(_batches(entry_ids))
        if not batches:
            return {}
        answers = await self._link.run_each(
            "vetoes", [(self._bases[shard], ids) for shard, ids in batches], deadline_s=BULK_S
        )
        return {
            entry_id: tuple(askers)
            for (_, ids), answer in zip(batches, answers, strict=True)
            for entry_id, askers in zip(ids, answer, strict=True)
            if askers
        }


def _candidate(entry_id: str, fields: Sequence[Any]) -> Candidate | None:
    entry = decode_entry(entry_id, fields[:6])
    if entry is None:
        return None
    if entry.digest[:15].hex() != entry_id[2:]:  # the id is made of it: a record that was moved, or an answer crossed
        log.warning("record %s has the digest of another request and counts as absent", entry_id)
        return None
    return Candidate(entry, None, fields[6] is not None)


def _disputed(vetoes: bytes | None) -> bool:
    return vetoes not in (None, b"0")


def _at_home(candidate: Candidate, identity: CacheIdentity) -> bool:
    """The digests cover the namespace; of a record that was imported with digests of elsewhere they do not."""
    return candidate.entry.namespace == identity.namespace


def _batches(entry_ids: Iterable[str]) -> Iterable[tuple[int, list[str]]]:
    """Unique ids by shard, at most _BATCH together."""
    by_shard: dict[int, list[str]] = {}
    for entry_id in dict.fromkeys(entry_ids):
        by_shard.setdefault(shard_named(entry_id), []).append(entry_id)
    for shard, ids in by_shard.items():
        for start in range(0, len(ids), _BATCH):
            yield shard, ids[start : start + _BATCH]
