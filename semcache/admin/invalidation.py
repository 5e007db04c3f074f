"""Invalidation: what a selector names is never served again, and a fill that raced it never comes back.

A whole namespace is invalidated by a new epoch, which takes effect at once; its records are deleted afterwards.
Anything narrower raises a fence first, then finds the records (through the sets, by id, or by reading the namespace)
and removes them. The order is what makes it safe:

- A fill whose token was read before the fence is refused by the store's script, whenever it arrives.
- A fill whose token was read after the fence asked the model after the invalidation: it is news, and is let in.
  (So one fence suffices. The scan may still remove such a fill, if it meets it: that costs a miss, nothing else.)
- A store *without* a token that lands during the scan cannot be told from news and may survive. Clients that care
  send the token of their miss.
- A record that another replica has removed or replaced just before is not found any more, while this process may still
  have a copy of it. So copies are judged, too, once the store has nothing left that fits; those of whole namespaces as
  soon as the epochs are raised, since one whose last entry is gone has none to raise.

More work than fits a request goes on as a job. Who invalidated what, and when, is kept in the store.
This module knows no HTTP and no Redis; who may do what was decided before, and arrives as `allowed`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from semcache.admin.history import InvalidationHistory, PastInvalidation
from semcache.admin.jobs import JobContext, Jobs
from semcache.errors import Forbidden, RequestError
from semcache.models import SHARDS, Candidate, Embedding, base_namespace
from semcache.policy.calibration import threshold_of
from semcache.policy.selection import Search, check_selector, concerns, takes_whole_namespaces
from semcache.policy.similarity import similarity
from semcache.ports import Catalog, Control, Embedder, EntryStore, ManyRead, Progress, Selector
from semcache.settings import Settings
from semcache.tunings import Tunings

log = logging.getLogger(__name__)

JOB_KIND: Final = "invalidate"
_BATCH: Final = 256
_EXAMINED_INLINE: Final = 20
"""Times `limits.invalidate_inline`: so many records are read for a request before the rest becomes a job."""
_NEVER_MS: Final = 1 << 62
"""A moment by which every entry is old, in milliseconds of the store's clock."""
_PATTERN_MEMORY: Final = 8 << 20
"""Bytes that a compiled pattern may take."""

Allowed = frozenset[str] | None
"""Namespaces that the caller may touch; None: all of them."""


class IndexView(Protocol):
    """The part of the live vector index that is told at once, ahead of the change log."""

    def remove(self, entry_ids: Sequence[str]) -> None:
        """Mark rows dead."""


class CopiesView(Protocol):
    """The part of the near cache that is told at once, ahead of the change log."""

    def drop_where(self, concerned: Callable[[Candidate], bool]) -> None:
        """Drop copies."""


class InvalidationResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an invalidation came to. With `job_id` it goes on as that job, and the counts are those up to now."""

    invalidation_id: str
    matched: int
    deleted: int
    dry_run: bool
    unjudged: int = 0
    """With `similar_to`: records left alone because they have no vectors in the current space."""
    job_id: str | None = None


class _Count:
    """Running totals of one pass."""

    __slots__ = ("deleted", "examined", "matched", "now_ms", "unjudged")

    def __init__(self, *, now_ms: int | None = None, matched: int = 0, deleted: int = 0) -> None:
        self.matched = matched
        self.deleted = deleted
        self.examined = 0
        self.unjudged = 0
        self.now_ms = now_ms
        """The moment of the invalidation by the store's clock; known with the first read."""


class Invalidator:
    """Counts, invalidates, remembers."""

    def __init__(
        self,
        entries: EntryStore,
        catalog: Catalog,
        control: Control,
        embedder: Embedder | None,
        index_view: IndexView,
        settings: Settings,
        *,
        copies: CopiesView | None = None,
        jobs: Jobs | None = None,
        tunings: Tunings | None = None,
    ) -> None:
        """Without `jobs` everything is done inside the call; without `tunings` the settings' thresholds count."""
        self._entries = entries
        self._catalog = catalog
        self._history = InvalidationHistory(control)
        self._embedder = embedder
        self._index = index_view
        self._settings = settings
        self._copies = copies
        self._jobs = jobs
        self._tunings = tunings
        if jobs is not None:
            jobs.register(JOB_KIND, "one", self._as_job)

    # -- what callers ask -----------------------------------------------------------------------------------------

    async def count(self, selector: Selector, *, allowed: Allowed = None) -> int:
        """How many entries a selector matches now. Raises as `invalidate` does."""
        judge = await self._judge(selector, allowed)
        count = _Count()
        await self._pass(selector, allowed, judge, count, dry_run=True)
        return count.matched

    async def invalidate(
        self,
        selector: Selector,
        *,
        who: str,
        allowed: Allowed = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> InvalidationResult:
        """Make what the selector names unservable, and delete it; `dry_run` only counts.

        When this returns, with or without a job, no fill that raced the invalidation can come back, and a whole
        namespace is not served any more. Narrower selectors are complete when there is no job, or it is done.
        Raises RequestError (with the field), Forbidden, EmbedderUnavailable, StoreUnavailable.
        """
        judge = await self._judge(selector, allowed)
        shown = json.dumps(msgspec.to_builtins(selector))
        line = {"who": who, "selector": shown, "dry_run": "1" if dry_run else "0"}
        invalidation_id = await self._history.write({**line, "state": "started"})
        if not dry_run:
            await self._bar(selector, allowed)
            if takes_whole_namespaces(selector):
                self._drop_copies(judge)
        count = _Count()
        limit = self._settings.limits.invalidate_inline if self._jobs is not None else None
        complete = await self._pass(selector, allowed, judge, count, dry_run=dry_run, limit=limit, progress=progress)
        job_id = None
        if self._jobs is not None and not complete:
            params = {
                "selector": msgspec.to_builtins(selector),
                "allowed": sorted(allowed) if allowed is not None else None,
                "now_ms": count.now_ms,
                "matched": 0 if dry_run else count.matched,
                "deleted": count.deleted,
                "invalidation_id": invalidation_id,
                "line": line,
            }
            job_id = await self._jobs.submit(JOB_KIND, params, who=who)
        await self._history.write(
            {**line, **_counted(count), "state": "job" if job_id else "done", "job": job_id or ""}, invalidation_id
        )
        log.info(
            "invalidation id=%s who=%s matched=%d deleted=%d dry_run=%s job=%s",
            *(invalidation_id, who, count.matched, count.deleted, dry_run, job_id or "-"),
        )
        return InvalidationResult(
            invalidation_id=invalidation_id,
            matched=count.matched,
            deleted=count.deleted,
            dry_run=dry_run,
            unjudged=count.unjudged,
            job_id=job_id,
        )

    async def history(self, count: int = 100) -> list[PastInvalidation]:
        """The newest invalidations, newest first; the last 6,000 at least are kept. Raises StoreUnavailable."""
        return await self._history.newest(count)

    # -- one pass over the records --------------------------------------------------------------------------------

    async def _judge(self, selector: Selector, allowed: Allowed) -> _Judge:
        """Check a selector and prepare all that judging a record takes."""
        check_selector(selector)
        if selector.namespace is not None and allowed is not None and selector.namespace not in allowed:
            raise Forbidden(f"this credential does not open the namespace {selector.namespace!r}")
        search = compile_pattern(selector.pattern) if selector.pattern is not None else None
        query = await self._embed(selector.similar_to) if selector.similar_to is not None else None
        if query is not None and selector.threshold is None and self._tunings is not None:
            await self._tunings.follow()  # a job may go on in a replica that has just started
        return _Judge(selector, allowed, search, query, self._in_force)

    def _in_force(self, namespace: str, space: str) -> float:
        """The cosine from which on two prompts of a namespace count as the same, where no selector says so."""
        tuned = self._tunings.of(namespace).threshold if self._tunings is not None else None
        return threshold_of(self._settings, namespace, space) if tuned is None else tuned

    async def _embed(self, text: str) -> Embedding:
        if self._embedder is None:
            raise RequestError("this service has no embedder", field="similar_to")
        embedding = (await self._embedder.embed([text]))[0]
        if embedding is None:
            raise RequestError("this text is too long to be compared", field="similar_to")
        return embedding

    async def _bar(self, selector: Selector, allowed: Allowed) -> None:
        """Epochs for whole namespaces, fences for the rest: from here on, no racing fill comes in."""
        if not takes_whole_namespaces(selector):
            for narrowed in self._narrowed(selector, allowed):
                await self._catalog.raise_fence(narrowed)
            return
        named = {narrowed.namespace for narrowed in self._narrowed(selector, allowed)}
        for namespace in named:
            # One (or one derived from it) without entries has no epoch to raise, and may have a fill on its way.
            await self._catalog.raise_fence(Selector(namespace=namespace, all=True))
        found = {group.namespace for group in await self._catalog.groups()}
        reached = {name for name in found if None in named or not named.isdisjoint((name, base_namespace(name)))}
        for namespace in sorted(reached | {name for name in named if name is not None}):
            await self._catalog.raise_epoch(namespace)

    @staticmethod
    def _narrowed(selector: Selector, allowed: Allowed) -> list[Selector]:
        if selector.namespace is not None or allowed is None:
            return [selector]
        return [msgspec.structs.replace(selector, namespace=namespace) for namespace in sorted(allowed)]

    async def _pass(
        self,
        selector: Selector,
        allowed: Allowed,
        judge: _Judge,
        count: _Count,
        *,
        dry_run: bool,
        limit: int | None = None,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Read, judge and (unless dry) remove, batch by batch; False where it stopped at a limit or was cancelled."""
        total = await self._total(selector, allowed)
        async for ids in self._candidates(selector, allowed):
            if cancelled():
                return False
            if limit is not None and (count.matched > limit or count.examined >= _EXAMINED_INLINE * limit):
                return False
            read = await self._entries.read_many(ids, space=judge.space)
            if count.now_ms is None:
                count.now_ms = read.now_ms
            count.examined += len(ids)
            gone = [entry_id for entry_id in ids if entry_id not in read.found]
            if gone and not dry_run:
                await self._entries.forget(gone)  # evicted: there may be copies of what cannot be judged any more
            matched, unjudged = judge.matching(read, count.now_ms, dry_run=dry_run)
            count.matched += len(matched)
            count.unjudged += unjudged
            if matched and not dry_run:
                count.deleted += await self._entries.remove(matched)
                self._index.remove(matched)
            if progress is not None:
                progress(min(count.examined, total), total)
        if not dry_run:
            self._drop_copies(judge)
        return True

    def _drop_copies(self, judge: _Judge) -> None:
        if self._copies is not None:
            self._copies.drop_where(judge.may_concern)

    async def _total(self, selector: Selector, allowed: Allowed) -> int:
        if selector.entry_ids:
            return len(selector.entry_ids)
        return sum(
            group.entries
            for group in await self._catalog.groups()
            if (allowed is None or base_namespace(group.namespace) in allowed)
            and selector.namespace in (None, group.namespace, base_namespace(group.namespace))
            and selector.model in (None, group.model)
            and selector.model_version in (None, group.model_version)
        )

    async def _candidates(self, selector: Selector, allowed: Allowed) -> AsyncIterator[list[str]]:
        """Ids to judge, each once, in batches of a bounded size."""
        if selector.entry_ids:
            unique = list(dict.fromkeys(selector.entry_ids))
            for start in range(0, len(unique), _BATCH):
                yield unique[start : start + _BATCH]
            return
        for shard in range(SHARDS):
            seen: set[str] = set()
            for narrowed in self._narrowed(selector, allowed):
                async for ids in self._catalog.ids(shard=shard, selector=narrowed):
                    fresh = [entry_id for entry_id in dict.fromkeys(ids) if entry_id not in seen]
                    seen.update(fresh)
                    for start in range(0, len(fresh), _BATCH):
                        yield fresh[start : start + _BATCH]

    # -- the job ------------------------------------------------------------------------------------------------------

    async def _as_job(self, params: dict[str, Any], context: JobContext) -> Mapping[str, Any]:
        """The rest of an invalidation. Started over after a crash, it meets only what is left."""
        selector = msgspec.convert(params["selector"], Selector)
        allowed = frozenset(params["allowed"]) if params["allowed"] is not None else None
        dry_run = params["line"]["dry_run"] == "1"
        count = _Count(now_ms=params["now_ms"], matched=params["matched"], deleted=params["deleted"])
        await self._pass(
            selector,
            allowed,
            await self._judge(selector, allowed),
            count,
            dry_run=dry_run,
            progress=context.progress,
            cancelled=lambda: context.cancelled,
        )
        await self._history.write(
            {
                **params["line"],
                **_counted(count),
                "state": "cancelled" if context.cancelled else "done",
                "job": context.job_id,
            },
            params["invalidation_id"],
        )
        return {"matched": count.matched, "deleted": count.deleted, "unjudged": count.unjudged, "dry_run": dry_run}


class _Judge:
    """Says which records of a batch a selector is about."""

    def __init__(
        self,
        selector: Selector,
        allowed: Allowed,
        search: Search | None,
        query: Embedding | None,
        in_force: Callable[[str, str], float],
    ) -> None:
        """`in_force`: the threshold of a namespace and vector space, where the selector has none."""
        self._selector = selector
        self._allowed = allowed
        self._search = search
        self._query = query
        self._in_force = in_force
        self._whole = takes_whole_namespaces(selector)
        self.space = query.space if query is not None else None

    def matching(self, read: ManyRead, now_ms: int, *, dry_run: bool) -> tuple[list[str], int]:
        """Ids that match, and how many could not be judged for want of vectors."""
        matched, unjudged = [], 0
        for entry_id, candidate in read.found.items():
            entry = candidate.entry
            if self._allowed is not None and base_namespace(entry.namespace) not in self._allowed:
                continue
            if not concerns(self._selector, entry, now_ms=now_ms, search=self._search):
                continue
            dead = entry.epoch < read.epochs[entry_id]
            if self._whole and dead == dry_run:
                continue  # dry: it is invalidated already; else: it was stored after the epoch was raised
            if self._query is not None:
                if candidate.embedding is None:
                    unjudged += 1
                    continue
                if not self._alike(self._query, candidate):
                    continue
            matched.append(entry_id)
        return matched, unjudged

    def may_concern(self, candidate: Candidate) -> bool:
        """Whether a record that was read a while ago may match, however old it is by now."""
        entry = candidate.entry
        return (
            (self._allowed is None or base_namespace(entry.namespace) in self._allowed)
            and concerns(self._selector, entry, now_ms=_NEVER_MS, search=self._search)
            and (self._query is None or self._may_be_alike(self._query, candidate))
        )

    def _may_be_alike(self, query: Embedding, candidate: Candidate) -> bool:
        known = candidate.embedding
        return known is None or known.space != query.space or self._alike(query, candidate)

    def _alike(self, query: Embedding, candidate: Candidate) -> bool:
        threshold = self._selector.threshold
        if threshold is None:
            threshold = self._in_force(candidate.entry.namespace, query.space)
        return candidate.embedding is not None and similarity(query, candidate.embedding) >= threshold


def compile_pattern(pattern: str) -> Search:
    """A search for a pattern in RE2 syntax: time linear in the text whatever the pattern, so no caller can stall us.

    RE2 has no look-around and no back-references. Raises RequestError (field `pattern`) for what it cannot compile.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        detail = error.args[0] if error.args else error
        shown = detail.decode(errors="replace") if isinstance(detail, bytes) else str(detail)
        raise RequestError(f"not a pattern in RE2 syntax: {shown}", field="pattern") from error
    return lambda text: compiled.search(text) is not None


def _counted(count: _Count) -> dict[str, str]:
    return {"matched": str(count.matched), "deleted": str(count.deleted)}


__all__ = ["Allowed", "InvalidationResult", "Invalidator", "PastInvalidation", "compile_pattern"]
