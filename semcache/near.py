"""The near cache: records that this process has read or written lately, ready to be used without a round trip.

It keeps records as the store told them, with their vectors where it told these, and, for those that ask again with
the very same bytes, the bytes of the answer (`Again`). A copy is an exact hit, or a candidate of the semantic tier.
What may be used is decided by `policy.copies`; that it stays true is the work of three: `Watcher` reads the change log
and drops what it names, whoever writes in this process drops at once what was there, and an epoch that was raised
counts as soon as this process has seen it. A read that a drop has overtaken is not kept (`Mark`): it may have seen the
record as it was before. Nor is what was written, where anything may have changed it since (`Write`).

Bounded by entries and bytes; once it is full, the least recently served goes for what is asked for more often. It knows
no HTTP and no Redis. One event loop.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from semcache import memory
from semcache.models import SHARDS, CacheIdentity, Candidate, Embedding, Entry, Hit, shard_of
from semcache.policy.copies import RENEWED_S, Copy, comparable, doubt, latest_ms, may_copy, may_copy_for_all, serve
from semcache.policy.popularity import Popularity
from semcache.ports import ManyRead, Written
from semcache.settings import NearSettings
from semcache.writes import Write, Writes

_KEYS: Final = 16
"""Requests (differently spelt, or by different callers) whose bytes are remembered of one entry."""
_OVERHEAD: Final = 1500
"""Bytes that a copy takes beside its texts, about."""
_KEY_OVERHEAD: Final = 500
_EMBEDDING_OVERHEAD: Final = 400
"""Bytes of an `Embedding` and its two arrays beside the vectors, about."""


def awake_or_not() -> float:
    """Seconds of a monotonic clock that goes on while the machine sleeps: an entry's life does, too."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


def _clock() -> int | None:
    clock: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
    try:
        if clock is not None:
            time.clock_gettime(clock)
    except OSError:  # of a kernel that lacks it
        return None
    return clock


_CLOCK: Final = _clock()


class Mark(msgspec.Struct, frozen=True):
    """A moment before a read: what was dropped in the shard up to then."""

    shard: int
    drops: int
    at_s: float


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer is given again to the same bytes, while the copy of its entry stands."""

    entry: Entry
    before: bytes
    after: bytes
    """The body around what differs from one time to the next."""
    namespace: str
    """In which it is counted."""
    model: str
    max_age_s: float | None = None
    """Oldest answer that the request accepts."""
    in_force: Callable[[], bool] | None = None
    """Whether everything beside the entry that the answer hangs on is still as it was."""

    @property
    def weight(self) -> int:
        """Bytes that keeping it takes, about, beside what any takes."""
        return len(self.before) + len(self.after)


class _Kept:
    """A copy and the requests that it answers."""

    __slots__ = ("again", "copy", "seq", "shard", "size")

    def __init__(self, copy: Copy, shard: int, size: int, seq: int) -> None:
        self.copy = copy
        self.shard = shard
        self.size = size
        self.seq = seq
        """The number of the change by which this process wrote it, until the log has told of it; 0: it was read."""
        self.again: dict[bytes, int] = {}
        """Keys of those requests, and what each takes, in bytes."""


class Near:
    """Copies by entry id, and by the bytes of requests."""

    def __init__(
        self,
        settings: NearSettings,
        *,
        epoch: Callable[[str, int], int],
        monotonic: Callable[[], float] = awake_or_not,
    ) -> None:
        """`epoch`: the highest that this process has seen of a namespace and shard."""
        self._most = settings.entries
        self._most_bytes = settings.max_bytes
        self._epoch = epoch
        self._monotonic = monotonic
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._by_shard: list[set[str]] = [set() for _ in range(SHARDS)]
        self._asked: dict[bytes, tuple[_Kept, Again, object]] = {}
        self._drops = [0] * SHARDS
        self._scans = [0] * SHARDS
        """How often all of a shard was dropped."""
        self._read_to: list[float] = [float("inf")] * SHARDS
        """The number of the last change in each shard's log that was applied; infinite before the first look."""
        self._writes = Writes()
        self._popularity = Popularity(self._most)
        self._confirmed_s = float("-inf")
        self.bytes = 0
        """What the copies take, about."""
        self.hits = 0
        """How often a copy was an exact hit."""
        self.reads = 0
        """How often the semantic tier had all its candidates from copies."""

    @property
    def on(self) -> bool:
        """Whether anything is kept at all."""
        return self._most > 0

    @property
    def lag_s(self) -> float:
        """Seconds since the change log was last known to its end; infinite before that."""
        return self._monotonic() - self._confirmed_s

    def __len__(self) -> int:
        """Copies kept."""
        return len(self._kept)

    # -- serving ------------------------------------------------------------------------------------------------------

    def find(self, identity: CacheIdentity, max_age_s: float | None) -> Hit | None:
        """The exact hit of an identity; None: ask the store."""
        entry_id = identity.entry_id
        self._popularity.note(entry_id)
        kept = self._kept.get(entry_id)
        if kept is None:
            return None
        entry = kept.copy.candidate.entry
        if entry.digest != identity.digest or entry.namespace != identity.namespace:
            return None
        return self._serve(kept, max_age_s)

    def again(self, key: bytes, asker: object) -> tuple[Hit, Again] | None:
        """The hit of a request by its bytes, and how its answer is made; None: go the whole way.

        `asker`: the very object that it was remembered for (a credential, say): what one may have, another may not.
        """
        known = self._asked.get(key)
        if known is None:
            return None
        kept, again, first = known
        if first is not asker or (again.in_force is not None and not again.in_force()):
            return None
        hit = self._serve(kept, again.max_age_s)
        if hit is None:
            return None
        self._popularity.note(hit.entry.entry_id)
        return hit, again

    def candidates(self, entry_ids: Sequence[str], space: str, max_age_s: float | None) -> ManyRead | None:
        """What `EntryStore.read_many` would tell of these, for whoever asks; None: ask the store.

        All of them or none: to read one takes as long as to read them all.
        """
        for entry_id in entry_ids:
            self._popularity.note(entry_id)
        at_s, now_ms = self._monotonic(), 0
        found: dict[str, Candidate] = {}
        epochs: dict[str, int] = {}
        for entry_id in entry_ids:
            kept = self._kept.get(entry_id)
            if kept is None or not comparable(kept.copy.candidate, space):
                return None
            epoch = self._epoch(kept.copy.candidate.entry.namespace, kept.shard)
            if doubt(kept.copy, epoch=epoch, confirmed_s=self._confirmed_s, at_s=at_s, max_age_s=max_age_s) is not None:
                return None
            found[entry_id], epochs[entry_id] = kept.copy.candidate, epoch
            now_ms = max(now_ms, latest_ms(kept.copy, at_s))
        for entry_id in entry_ids:
            self._kept.move_to_end(entry_id)
        self.reads += 1
        return ManyRead(now_ms=now_ms, found=found, epochs=epochs)

    def _serve(self, kept: _Kept, max_age_s: float | None) -> Hit | None:
        entry = kept.copy.candidate.entry
        hit = serve(
            kept.copy,
            epoch=self._epoch(entry.namespace, kept.shard),
            confirmed_s=self._confirmed_s,
            at_s=self._monotonic(),
            max_age_s=max_age_s,
        )
        if not isinstance(hit, Hit):
            return None
        self._kept.move_to_end(entry.entry_id)
        self.hits += 1
        return hit

    # -- keeping ------------------------------------------------------------------------------------------------------

    def mark(self, shard: int) -> Mark:
        """To be taken before a read that may be kept."""
        return Mark(shard, self._drops[shard], self._monotonic())

    def keep(self, hit: Hit, mark: Mark) -> None:
        """Keep what a read has found, if it deserves a place and nothing of its shard was dropped since the mark."""
        if not self.on or self._drops[mark.shard] != mark.drops or not may_copy(hit):
            return
        candidate, former = Candidate(hit.entry), self._kept.get(hit.entry.entry_id)
        if former is not None and _same(former.copy.candidate.entry, hit.entry):  # what else is known of it stands
            known = former.copy.candidate
            candidate = Candidate(hit.entry, known.embedding, disputed=known.disputed)
        self._keep(Copy(candidate, hit.now_ms, mark.at_s), mark.shard)

    def keep_candidates(self, read: ManyRead, marks: Iterable[Mark]) -> None:
        """Keep what a read by id has found; one mark for each shard of it."""
        if not self.on:
            return
        standing = {mark.shard: mark for mark in marks if self._drops[mark.shard] == mark.drops}
        for entry_id, candidate in read.found.items():
            mark = standing.get(shard_of(entry_id))
            if mark is None or not may_copy_for_all(candidate) or candidate.entry.epoch < read.epochs[entry_id]:
                continue
            former = self._kept.get(entry_id)
            if former is not None and _same(former.copy.candidate.entry, candidate.entry):
                # The answers that were made of the very object stay with it.
                self._resize(former, _vectors(candidate.embedding) - _vectors(former.copy.candidate.embedding))
                candidate = msgspec.structs.replace(candidate, entry=former.copy.candidate.entry)
                former.copy = Copy(candidate, read.now_ms, mark.at_s)
                continue
            self._keep(Copy(candidate, read.now_ms, mark.at_s), mark.shard)
        self._shrink()

    def writing(self, entry_id: str) -> Write:
        """To be taken before a record is written, and given back to `wrote` or `gave_up`."""
        shard = shard_of(entry_id)
        write = Write(entry_id, shard, self._scans[shard], self._monotonic())
        self._writes.begin(write)
        return write

    def wrote(self, write: Write, written: Written) -> None:
        """Keep what was written, if nothing can have changed it since: neither this process (`drop`) nor, as far as the
        log was read, another."""
        self.gave_up(write)
        candidate = Candidate(written.entry, written.embedding, disputed=written.disputed)
        unchanged = write.alone and self._scans[write.shard] == write.scans
        if self.on and unchanged and self._read_to[write.shard] < written.seq and may_copy_for_all(candidate):
            self._keep(Copy(candidate, written.entry.created_ms, write.at_s), write.shard, seq=written.seq)

    def gave_up(self, write: Write) -> None:
        """It was not written, or nobody knows."""
        self._writes.end(write)

    def _keep(self, copy: Copy, shard: int, *, seq: int = 0) -> None:
        entry = copy.candidate.entry
        size = _OVERHEAD + len(entry.response) + memory.of_text(entry.prompt) + memory.of_text(entry.transcript)
        size += _vectors(copy.candidate.embedding)
        self._forget(entry.entry_id)
        full = len(self._kept) >= self._most or self.bytes + size > self._most_bytes
        if full and not (self._kept and self._popularity.prefers(entry.entry_id, next(iter(self._kept)))):
            return
        self._kept[entry.entry_id] = _Kept(copy, shard, size, seq)
        self._by_shard[shard].add(entry.entry_id)
        self.bytes += size
        self._shrink()

    def _resize(self, kept: _Kept, by: int) -> None:
        kept.size += by
        self.bytes += by

    def keeps(self, entry: Entry) -> bool:
        """Whether this very record is kept."""
        kept = self._kept.get(entry.entry_id)
        return kept is not None and kept.copy.candidate.entry is entry

    def remember(self, key: bytes, again: Again, asker: object) -> None:
        """Remember the bytes of a request and of its answer, if it is made of the very record that is kept."""
        kept = self._kept.get(again.entry.entry_id)
        if kept is None or kept.copy.candidate.entry is not again.entry:
            return
        former = self._asked.get(key)
        if former is not None:
            self._unask(former[0], key)
        elif len(kept.again) >= _KEYS:
            self._unask(kept, next(iter(kept.again)))
        size = _KEY_OVERHEAD + len(key) + again.weight
        kept.again[key] = size
        self._resize(kept, size)
        self._asked[key] = kept, again, asker
        self._shrink()

    def _unask(self, kept: _Kept, key: bytes) -> None:
        self._resize(kept, -kept.again.pop(key))
        del self._asked[key]

    def _shrink(self) -> None:
        while self._kept and (len(self._kept) > self._most or self.bytes > self._most_bytes):
            self._forget(next(iter(self._kept)))

    def _forget(self, entry_id: str) -> None:
        kept = self._kept.pop(entry_id, None)
        if kept is not None:
            self._by_shard[kept.shard].discard(entry_id)
            self.bytes -= kept.size
            for key in kept.again:
                del self._asked[key]

    # -- staying true -------------------------------------------------------------------------------------------------

    def confirm(self, at_s: float) -> None:
        """All that was changed up to a moment of the monotonic clock is known and was dropped."""
        self._confirmed_s = at_s

    def drop(self, entry_ids: Iterable[str]) -> None:
        """This process has changed these records, or may have."""
        for entry_id in entry_ids:
            self._drops[shard_of(entry_id)] += 1
            self._forget(entry_id)
            self._writes.changed(entry_id)

    def told(self, entry_ids: Sequence[str], seqs: Sequence[int]) -> None:
        """The log tells that these records were changed, and of each the number of its last change, where known.

        What this process wrote is told once, by its very number: after lost writes numbers come again.
        """
        for at, entry_id in enumerate(entry_ids):
            self._drops[shard_of(entry_id)] += 1
            kept = self._kept.get(entry_id)
            if kept is not None and seqs and kept.seq == seqs[at]:
                kept.seq = 0
            else:
                self._forget(entry_id)

    def read_to(self, shard: int, seq: int) -> None:
        """The log of a shard was applied up to the change of this number."""
        self._read_to[shard] = seq

    def drop_all(self, *, shard: int | None = None, namespace: str | None = None) -> None:
        """Any record of a shard (of all), of a namespace (of all), may have been changed."""
        for each in range(SHARDS) if shard is None else (shard,):
            self._drops[each] += 1
            self._scans[each] += 1
            for entry_id in list(self._by_shard[each]):
                if namespace in (None, self._kept[entry_id].copy.candidate.entry.namespace):
                    self._forget(entry_id)

    def drop_where(self, concerned: Callable[[Candidate], bool]) -> None:
        """What fits is gone from the store, whoever removed it: nothing that was read or written of it before is kept.

        Of what is on its way nobody can tell yet whether it fits, so none of it is.
        """
        for shard in range(SHARDS):
            self._drops[shard] += 1
            self._scans[shard] += 1
        for entry_id in [one for one, kept in self._kept.items() if concerned(kept.copy.candidate)]:
            self._forget(entry_id)

    def disown(self) -> None:
        """The store was away, and may have lost its last writes: what this process wrote is told by no number any more.

        A number that is given anew could tell of another's write to the same entry. What the log tells of is dropped.
        """
        for shard in range(SHARDS):
            self._scans[shard] += 1
        for kept in self._kept.values():
            kept.seq = 0

    def aging(self, left_s: float) -> list[str]:
        """Copies that could not be used after so many seconds for their age alone."""
        before = self._monotonic() + left_s - RENEWED_S
        return [entry_id for entry_id, kept in self._kept.items() if kept.copy.asked_s < before]

    def now(self) -> float:
        """The clock by which copies age, in seconds."""
        return self._monotonic()

    def renew(self, entry_ids: Iterable[str], clocks: Mapping[int, int], at_s: float) -> None:
        """These records are there, and the store's clock was asked, by shard, at `at_s` of ours or later."""
        for entry_id in entry_ids:
            kept = self._kept.get(entry_id)
            if kept is not None and kept.copy.asked_s < at_s:
                kept.copy = Copy(kept.copy.candidate, clocks[kept.shard], at_s)


def _same(one: Entry, other: Entry) -> bool:
    """Whether two readings are of one record; it may have been used between them."""
    return msgspec.structs.replace(one, hits=other.hits) == other


def _vectors(embedding: Embedding | None) -> int:
    return 0 if embedding is None else _EMBEDDING_OVERHEAD + int(embedding.vectors.nbytes)
