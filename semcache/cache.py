"""SemanticCache: lookup, store, delete, feedback. The only place where the tiers meet.

Everything that can be decided without I/O is decided in `policy`; this module orders the calls, holds the deadlines
and turns a broken dependency into a miss with a named reason. It knows no HTTP, no Redis and no FAISS.
"""

from __future__ import annotations

import asyncio
import random as _random
import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from semcache.comparing import Fresh
from semcache.direct import Direct, taken
from semcache.errors import EmbedderUnavailable, StoreUnavailable
from semcache.identities import Identities
from semcache.memory import Budget
from semcache.models import (
    SHARDS,
    Bypass,
    BypassReason,
    CacheIdentity,
    CacheRequest,
    Candidate,
    Context,
    Embedding,
    Entry,
    FillToken,
    Hit,
    Miss,
    MissReason,
    Outcome,
    Refused,
    RefusedReason,
    SemanticState,
    Stored,
    StoreOutcome,
    Strategy,
    Usage,
    base_namespace,
)
from semcache.near import Again, Near
from semcache.policy.cacheability import characters, may_look_up, may_store, oversized
from semcache.policy.calibration import may_reword
from semcache.policy.freshness import TtlRules, ttl_of
from semcache.policy.identity import asker_digest, identify
from semcache.policy.matching import Terms, match_direct, stale
from semcache.policy.normalize import Normalizer
from semcache.ports import (
    Draft,
    Embedder,
    EntryStore,
    Fenced,
    LiveIndex,
    LookupEvent,
    Observer,
    Row,
    Selector,
    StoreEvent,
    Written,
)
from semcache.semantic import Laps, SemanticTier, degraded
from semcache.settings import Settings
from semcache.uses import Uses

_LONG: Final = 10_000
"""Characters: the identity of more text takes tens of milliseconds, in which other requests must not wait."""


class SemanticCache:
    """A cache of model answers with three tiers over one store."""

    def __init__(
        self,
        settings: Settings,
        *,
        entries: EntryStore,
        live: LiveIndex,
        embedder: Embedder | None,
        semantic: SemanticTier | None = None,
        normalizer: Normalizer,
        rules: TtlRules,
        observer: Observer,
        fence: Callable[[Selector], Awaitable[None]],
        near: Near | None = None,
        on_size: Callable[[int], None] = lambda total: None,
        on_fresh: Callable[[Fresh], None] = lambda fresh: None,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = _random.random,
    ) -> None:
        """`fence`: `Catalog.raise_fence`, by which fills under way are born stale. Without `near` every lookup asks the
        store.

        `on_size` is told an estimate of all entries after each store, for whoever holds the bounds; `on_fresh` of each
        answer that is stored where a semantic hit had been withheld.
        """
        self._settings = settings
        self._entries = entries
        self._live = live
        self._embedder = embedder
        self._normalizer = normalizer
        self._rules = rules
        self._observer = observer
        self._fence = fence
        self._near = near if near is not None and near.on else None
        self._on_size = on_size
        self._on_fresh = on_fresh
        self._monotonic = monotonic
        self._random = random
        self._semantic = semantic
        self.remembered = Budget(settings.near.requests_max_bytes)
        """What all that is remembered of requests may take."""
        self._identities = Identities(settings.near.identities, self.remembered)
        self._told: dict[int, tuple[weakref.ref[CacheRequest], CacheIdentity]] = {}
        self.uses = Uses(entries)
        """Entries served since the last flush; whoever runs the cache flushes them."""
        self.direct = Direct(
            settings.near.requests,
            budget=self.remembered,
            entries=entries,
            near=self._near,
            observer=observer,
            uses=self.uses,
        )
        """Exact hits of requests that are known byte for byte."""

    # -- lookup ---------------------------------------------------------------------------------------------------

    async def lookup(
        self,
        request: CacheRequest,
        *,
        strategy: Strategy | None = None,
        threshold: float | None = None,
        context: Context | None = None,
        max_age_s: float | None = None,
        fresh: bool = False,
    ) -> Outcome:
        """Find an answer to serve. `strategy`, `threshold` and `context` may only tighten what the operator set.

        With `fresh` nothing is served (`Miss(reason=NO_CACHE)`): only what a fill needs is read, and what is stale.
        Never raises for a broken dependency, nor waits for it beyond its deadline: the outcome says why.
        """
        event = await self.find(
            request, strategy=strategy, threshold=threshold, context=context, max_age_s=max_age_s, fresh=fresh
        )
        self._observer.looked_up(event)
        return event.outcome

    async def find(
        self,
        request: CacheRequest,
        *,
        strategy: Strategy | None = None,
        threshold: float | None = None,
        context: Context | None = None,
        max_age_s: float | None = None,
        fresh: bool = False,
    ) -> LookupEvent:
        """As `lookup`, and tells no observer: for who may look again before the request is answered."""
        started = self._monotonic()
        stages: dict[str, float] = {}
        outcome: Outcome
        digest = b""
        if oversized(request, self._settings.limits):  # before the work that grows with it
            outcome = Bypass(reason=BypassReason.PROMPT_TOO_LARGE)
        else:
            identity = await self._identify(request)
            digest = identity.digest
            narrowed = self._strategy(identity, strategy)
            terms = Terms(threshold=threshold, max_age_s=max_age_s, exact_context=context == "exact")
            outcome = await self._lookup(request, identity, narrowed, terms, fresh, stages)
        return LookupEvent(
            namespace=base_namespace(request.namespace),
            model=request.model,
            outcome=outcome,
            seconds=self._monotonic() - started,
            stages=stages,
            digest=digest,
        )

    def again(self, key: bytes, asker: object) -> tuple[Hit, Again] | None:
        """The hit of a request that is known by its bytes (`remember`), counted like any other; None: look it up.

        `key` stands for all that the answer depends on, but for the credential, which is `asker`.
        """
        if self._near is None:
            return None
        started = self._monotonic()
        found = self._near.again(key, asker)
        if found is None:
            return None
        hit, again = found
        self.uses.note(hit.entry)
        self._observer.looked_up(
            LookupEvent(
                namespace=again.namespace,
                model=again.model,
                outcome=hit,
                seconds=self._monotonic() - started,
                stages={},
                digest=hit.entry.digest,
            )
        )
        return found

    def keeps(self, entry: Entry) -> bool:
        """Whether there is a copy of this very record, so that `remember` is worth its while."""
        return self._near is not None and self._near.keeps(entry)

    def remember(self, key: bytes, again: Again, asker: object) -> None:
        """Answer the same bytes by `again` from now on, while the copy of its entry stands."""
        if self._near is not None:
            self._near.remember(key, again, asker)

    def whose(self, request: CacheRequest) -> CacheIdentity | None:
        """The identity of a request that was just looked up, and is still held; else None."""
        told = self._told.get(id(request))
        return None if told is None else told[1]

    async def entry_id(self, request: CacheRequest) -> str:
        """The id that an entry of this request has, or would have. Raises RequestError for what is no request."""
        return (await self._identify(request)).entry_id

    async def _identify(self, request: CacheRequest) -> CacheIdentity:
        """The identity of a request; of one that is asked for again (looked up, then stored) as it was told."""
        key = id(request)
        told = self._told.get(key)
        if told is not None:
            return told[1]
        content = self._identities.key(request)
        identity = None if content is None else self._identities.get(content)
        if identity is None:
            identity = await self._identified(request)
            if content is not None:
                self._identities.put(content, identity)
        self._told[key] = weakref.ref(request, lambda _: self._told.pop(key)), identity
        return identity

    async def _identified(self, request: CacheRequest) -> CacheIdentity:
        reworded = may_reword(self._settings, request.namespace, asked=request.reworded)
        if characters(request) <= _LONG:
            return identify(request, self._normalizer, self._rules, reworded=reworded)
        return await asyncio.to_thread(identify, request, self._normalizer, self._rules, reworded=reworded)

    async def _lookup(
        self,
        request: CacheRequest,
        identity: CacheIdentity,
        strategy: Strategy,
        terms: Terms,
        fresh: bool,
        stages: dict[str, float],
    ) -> Outcome:
        bypass = may_look_up(request, identity, self._settings)
        if bypass is not None:
            return bypass
        near, mark = self._near, None
        if near is not None and not fresh:
            copied = near.find(identity, terms.max_age_s)
            if copied is not None:
                return self._served(copied)
            mark = near.mark(identity.shard)
        clock = Laps(self._monotonic, stages)
        refused = taken()
        if refused is not None:
            return degraded(self._observer, "store", refused)
        by_meaning = None
        if not fresh and strategy is Strategy.SEMANTIC and identity.comparable:
            by_meaning = self._semantic
        leave = None if by_meaning is None else by_meaning.ahead(identity)
        try:
            read = await self._entries.read(identity, Strategy.EXACT if fresh else strategy)
            clock.lap("store")
            direct = Miss(reason=MissReason.NO_CACHE) if fresh else match_direct(read, terms)
            if isinstance(direct, Hit):
                if by_meaning is not None:
                    by_meaning.found_before()
                if near is not None and mark is not None:
                    near.keep(direct, mark)
                return self._served(direct)
            missed = direct
            if by_meaning is not None:
                outcome = await self._by_meaning(by_meaning, identity, terms, direct, clock)
                if isinstance(outcome, Hit):
                    return self._served(outcome)
                missed = outcome
        except StoreUnavailable as error:
            return degraded(self._observer, "store", error)
        finally:
            if leave is not None:
                leave()
        fill = FillToken(identity.entry_id, read.epoch, read.fence, read.now_ms, withheld=missed.withheld)
        kept = stale(read, self._settings.ttl.stale_window_s)
        return msgspec.structs.replace(missed, fill=fill, stale=kept)

    async def _by_meaning(
        self, tier: SemanticTier, identity: CacheIdentity, terms: Terms, direct: Miss, clock: Laps
    ) -> Hit | Miss:
        try:
            # the read before this has a deadline of its own, and most lookups end there
            async with asyncio.timeout(self._settings.limits.lookup_deadline_s):
                return await tier.find(identity, terms, direct, clock)
        except TimeoutError:
            self._observer.degraded("lookup", MissReason.DEADLINE)
            return Miss(reason=MissReason.DEADLINE)

    def _served(self, hit: Hit) -> Hit:
        self.uses.note(hit.entry)
        return hit

    async def anticipate(self, request: CacheRequest) -> None:
        """Embed the prompt of a request whose answer is being fetched, so that its store need not wait for that.

        Worth it where the lookup did not go as far as the semantic tier. Never raises for a broken embedder.
        """
        if self._embedder is None or oversized(request, self._settings.limits):
            return
        identity = await self._identify(request)
        if identity.comparable and self._widest(identity) is Strategy.SEMANTIC:
            try:
                await self._embedder.embed([identity.compared])
            except EmbedderUnavailable as error:
                self._observer.degraded("embedder", error.code, str(error))

    # -- store ----------------------------------------------------------------------------------------------------

    async def store(
        self,
        request: CacheRequest,
        response: bytes,
        *,
        ttl_s: float | None = None,
        tags: Sequence[str] = (),
        usage: Usage | None = None,
        cost_usd: float | None = None,
        latency_ms: float | None = None,
        metadata: dict[str, Any] | None = None,
        fill: FillToken | None = None,
        reach: Strategy = Strategy.SEMANTIC,
        pinned: bool = False,
    ) -> StoreOutcome:
        """Keep an answer (`response` is its JSON text) in both stores; says what was done, or why nothing was.

        `Stored` means acknowledged: found by the exact tier everywhere, by a paraphrase in this process at once and
        in every other within a second; with the embedder down, by a paraphrase later (`semantic: pending`). `reach` is
        the widest tier by which it may be found, if the operator's own is not narrower; below semantic nothing is
        embedded. `pinned`: it may be found only where all that precedes the last message is the same.
        """
        started = self._monotonic()
        outcome: StoreOutcome
        if oversized(request, self._settings.limits):
            outcome = Refused(reason=RefusedReason.PROMPT_TOO_LARGE)
        else:
            identity = await self._identify(request)
            draft = Draft(
                identity=identity,
                response=response,
                ttl_s=ttl_of(
                    identity.ttl_class,
                    self._settings,
                    namespace=identity.namespace,
                    requested_s=ttl_s,
                    chance=self._random(),
                ),
                retain_s=self._settings.ttl.stale_window_s,
                sliding=self._settings.ttl.sliding,
                tags=tuple(sorted(set(tags))),
                usage=usage,
                cost_usd=cost_usd,
                latency_ms=latency_ms,
                metadata=metadata,
                fill=fill,
                reach=self._strategy(identity, reach),
                pinned=pinned,
            )
            outcome = await self._store(request, draft)
        self._observer.stored(
            StoreEvent(
                namespace=base_namespace(request.namespace),
                model=request.model,
                outcome=outcome,
                seconds=self._monotonic() - started,
            )
        )
        return outcome

    async def _store(self, request: CacheRequest, draft: Draft) -> StoreOutcome:
        identity = draft.identity
        refused = may_store(request, identity, draft.response, self._settings)
        if refused is not None:
            return refused
        if draft.ttl_s <= 0:
            return Refused(reason=RefusedReason.ZERO_TTL)
        if draft.fill is not None and draft.fill.withheld is not None and draft.fill.entry_id == identity.entry_id:
            self._on_fresh(Fresh(identity, draft.response, draft.fill.withheld))
        embedding, semantic = await self._embed_for_store(draft)
        try:
            written = await self._put(msgspec.structs.replace(draft, embedding=embedding))
        except StoreUnavailable as error:
            reason = _REFUSED_OF.get(error.code, RefusedReason.STORE_UNAVAILABLE)
            self._observer.degraded("store", reason.value, str(error))
            return Refused(reason=reason)
        if isinstance(written, Fenced):
            return Refused(reason=written.reason)
        entry = written.entry
        self._on_size(written.shard_entries * SHARDS)
        if embedding is not None:
            row = Row(entry.entry_id, entry.partition, entry.context, embedding.pooled)
            self._live.upsert([row], seqs=[written.seq])
        elif written.replaced and entry.reach is not Strategy.SEMANTIC:
            self._live.remove([entry.entry_id])
        return Stored(
            entry_id=entry.entry_id,
            ttl_s=entry.ttl_s,
            ttl_class=entry.ttl_class,
            expires_ms=entry.expires_ms,
            replaced=written.replaced,
            semantic=semantic,
        )

    async def _put(self, draft: Draft) -> Written | Fenced:
        """Write the record; a copy of it is kept. Raises StoreUnavailable."""
        near = self._near
        if near is None:
            return await self._entries.put(draft)
        write = near.writing(draft.identity.entry_id)
        try:
            written = await self._entries.put(draft)
            if isinstance(written, Written):
                near.wrote(write, written)
            return written
        finally:
            near.gave_up(write)

    async def _embed_for_store(self, draft: Draft) -> tuple[Embedding | None, SemanticState]:
        if self._embedder is None or not draft.identity.comparable or draft.reach is not Strategy.SEMANTIC:
            return None, SemanticState.OFF
        try:
            embedding = (await self._embedder.embed([draft.identity.compared]))[0]
        except EmbedderUnavailable as error:
            self._observer.degraded("embedder", error.code, str(error))
            return None, SemanticState.PENDING
        return embedding, SemanticState.OFF if embedding is None else SemanticState.INDEXED

    # -- entries and feedback -------------------------------------------------------------------------------------

    async def entry(self, entry_id: str) -> Candidate | None:
        """The record as the store has it; None where it is gone or invalidated. Raises StoreUnavailable."""
        read = await self._entries.read_many([entry_id])
        candidate = read.found.get(entry_id)
        if candidate is None:
            await self._entries.forget([entry_id])  # evicted, maybe: who deletes it, or says it is wrong, is heard
            return None
        return None if candidate.entry.epoch < read.epochs[entry_id] else candidate

    async def delete(self, entry_id: str) -> bool:
        """Remove one entry everywhere; False where there was none. Raises StoreUnavailable."""
        await self._fence(Selector(entry_ids=(entry_id,)))  # first: a fill asked for before must not bring it back
        removed = await self._entries.remove([entry_id])
        self._live.remove([entry_id])
        return removed > 0

    async def feedback(self, entry_id: str, *, prompt: str | None, asker: bytes | None, correct: bool) -> bool:
        """A wrong hit is never served again to that prompt, on any replica; `correct` takes an earlier veto back.

        The asking prompt is given as text, or as the norm digest that a hit's request id carries. False where the
        entry is gone. Raises StoreUnavailable.
        """
        if asker is None:
            candidate = await self.entry(entry_id)
            if candidate is None:
                return False
            entry = candidate.entry
            asker = asker_digest(entry.partition, entry.exact_context, prompt or "", self._normalizer)
        return await self._entries.veto(entry_id, asker, wrong=not correct)

    # -- bounds ---------------------------------------------------------------------------------------------------

    def _widest(self, identity: CacheIdentity) -> Strategy:
        return self._settings.namespace(identity.namespace).strategy or self._settings.strategy

    def _strategy(self, identity: CacheIdentity, requested: Strategy | None) -> Strategy:
        widest = self._widest(identity)
        return widest if requested is None else widest.tightest(requested)


_REFUSED_OF: Final = {
    "store_unavailable": RefusedReason.STORE_UNAVAILABLE,
    "store_timeout": RefusedReason.STORE_TIMEOUT,
    "store_full": RefusedReason.STORE_FULL,
}
