"""The semantic tier: embed, search, read, decide. It orders the calls; what it decides by is `policy`.

    embed -> nearest k of the group -> read them -> shortlist (threshold, guards) -> verifier -> the surest, or a miss

k is a handful and doubles while neighbours turn out dead or vetoed; the verifier judges all that is open in one run, of
conversations each turn that differs (`policy.conversation`), and the turn that it doubts most decides. A mistyped
prompt that finds nothing is looked up once more as it was meant.
Every broken dependency is a miss with a named reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final

import msgspec

from semcache.errors import EmbedderUnavailable, IndexUnavailable, StoreUnavailable, Unavailable, VerifierUnavailable
from semcache.models import CacheIdentity, Embedding, Entry, Grounds, Hit, Miss, MissReason, Nearest, shard_of
from semcache.near import Near
from semcache.policy.adaptation import contrast
from semcache.policy.calibration import confidence_of, mode_of, threshold_of
from semcache.policy.conversation import TURNS, Step, to_judge, weakest
from semcache.policy.foresight import Foresight
from semcache.policy.guards import Rules
from semcache.policy.matching import (
    Open,
    Shortlist,
    Terms,
    may_be_mistyped,
    nearest_hit,
    only_repeats,
    shortlist,
    surest_hit,
    telling,
    withheld,
)
from semcache.policy.respelling import respelt
from semcache.policy.trust import Standing, heed
from semcache.policy.tuning import UNTUNED, Tuning
from semcache.ports import Embedder, EntryStore, LiveIndex, ManyRead, Neighbour, Observer, VectorIndex, Verifier
from semcache.settings import Settings
from semcache.verified import VerifiedMode

_INDEX_ERROR: Final = 0.005
"""The index's own similarity is right to about 0.001."""
_MOST_CANDIDATES: Final = 64
"""k stops doubling here: so many dead or vetoed neighbours in a row say that sweeping is due, not reading on."""


class SemanticTier:
    """Finds what asks the same, if anything does."""

    def __init__(
        self,
        settings: Settings,
        *,
        entries: EntryStore,
        live: LiveIndex,
        embedder: Embedder,
        verifier: Verifier | None,
        rules: Rules,
        observer: Observer,
        standing: Callable[[Entry], Standing | None] = lambda entry: None,
        tuned: Callable[[str], Tuning] = lambda namespace: UNTUNED,
        verified: VerifiedMode | None = None,
        begin: Callable[[str], Callable[[], None] | None] = lambda text: None,
        near: Near | None = None,
    ) -> None:
        """Without a `verifier` the guards alone temper the cosine in every mode.

        `standing`: what became known of an entry, if anything; `tuned`: the cuts of a namespace beside the settings.
        Both are asked on the path of a lookup. `verified`: for namespaces in that mode. `begin`: the embedder's, where
        it has one (`CachedEmbedder.begin`). `near`: copies of records; without, all are read from the store.
        """
        self._settings = settings
        self._entries = entries
        self._live = live
        self._embedder = embedder
        self._verifier = verifier
        self._rules = rules
        self._observer = observer
        self._standing = standing
        self._tuned = tuned
        self._verified = verified
        self._begin = begin
        self._near = near if near is not None and near.on else None
        self._foresight = Foresight()

    def ahead(self, identity: CacheIdentity) -> Callable[[], None] | None:
        """Begin before the exact tiers are read, what `find` will want if they find nothing, where that is likely.

        Call what is returned once the lookup is over. Tell of each answer that they find (`found_before`).
        """
        if not self._foresight.expects_nothing:
            return None
        index = self._live.index
        if index is None or not index.holds(identity.partition, identity.context):
            return None
        return self._begin(identity.compared)

    def found_before(self) -> None:
        """The exact tiers had the answer."""
        self._foresight.saw(found=True)

    async def find(self, identity: CacheIdentity, terms: Terms, direct: Miss, clock: Laps) -> Hit | Miss:
        """The hit, or why there is none; `direct` is what the other tiers had to say."""
        index = self._live.index
        ready = index is not None and self._live.caught_up and self._embedder.state().ready
        if ready and index is not None and not index.holds(identity.partition, identity.context):
            return direct  # nothing to compare with, so nothing to embed for: most turns of conversations
        self._foresight.saw(found=False)
        try:
            query = (await self._embedder.embed([identity.compared]))[0]
        except EmbedderUnavailable as error:
            return degraded(self._observer, "embedder", error)
        clock.lap("embed")
        if query is None:
            return Miss(reason=MissReason.PROMPT_TOO_LONG)
        index = self._live.index
        if index is None or not self._live.caught_up:
            return Miss(reason=MissReason.INDEX_WARMING)
        try:
            terms = self._in_force(identity, query, terms)
            outcome = await self._nearest(index, identity, query, terms, direct, clock)
            if isinstance(outcome, Miss) and may_be_mistyped(outcome):
                return await self._as_meant(index, identity, terms, outcome, clock)
            return outcome
        except IndexUnavailable as error:
            return degraded(self._observer, "index", error)
        except StoreUnavailable as error:
            return degraded(self._observer, "store", error)
        except VerifierUnavailable as error:
            return degraded(self._observer, "verifier", error)

    def _in_force(self, identity: CacheIdentity, query: Embedding, terms: Terms) -> Terms:
        """The request's terms, tightened by the operator's or by what was measured."""
        settings, namespace = self._settings, identity.namespace
        judged = self._verifier is not None and mode_of(settings, namespace) != "threshold"
        threshold = threshold_of(settings, namespace, query.space, judged=judged, requested=terms.threshold)
        fingerprint = self._verifier.fingerprint if judged and self._verifier is not None else None
        confidence = None if fingerprint is None else confidence_of(settings, namespace, fingerprint)
        tuned = self._tuned(namespace)
        if tuned.threshold is not None:
            threshold = max(tuned.threshold, terms.threshold or 0.0)
        if confidence is not None and tuned.confidence is not None:
            confidence = tuned.confidence
        return msgspec.structs.replace(terms, threshold=threshold, confidence=confidence)

    async def _as_meant(
        self, index: VectorIndex, identity: CacheIdentity, terms: Terms, missed: Miss, clock: Laps
    ) -> Hit | Miss:
        """What a mistyped prompt finds without its slips; else `missed`."""
        if self._verifier is None or terms.confidence is None or identity.transcript:
            return missed
        meant = respelt(identity.prompt, self._verifier.known)
        if not meant:
            return missed
        try:
            readings = [one for one in await self._embedder.embed(meant) if one is not None]
        except EmbedderUnavailable as error:
            degraded(self._observer, "embedder", error)
            return missed
        clock.lap("embed")

        def reach(reading: Embedding) -> float:
            found = index.search(identity.partition, identity.context, reading.pooled, 1)
            return found[0].similarity if found else -1.0

        if not readings:
            return missed
        query = max(readings, key=reach)
        none = Miss(reason=missed.reason)
        outcome = await self._nearest(index, identity, query, terms, none, clock, repeats=self._verifier.known)
        return outcome if isinstance(outcome, Hit) or outcome.withheld is not None else missed

    async def _nearest(
        self,
        index: VectorIndex,
        identity: CacheIdentity,
        query: Embedding,
        terms: Terms,
        direct: Miss,
        clock: Laps,
        repeats: Collection[str] | None = None,
    ) -> Hit | Miss:
        """`repeats`: nothing but what the prompt repeats, in these known words."""
        pooled = query.pooled
        rules = None if mode_of(self._settings, identity.namespace) == "threshold" else self._rules
        k = self._settings.limits.candidates
        judged: set[str] = set()
        while True:
            neighbours = index.search(identity.partition, identity.context, pooled, k)
            clock.lap("search")
            # A record is its answer, too: those that are too far off are left where they are, as is all beyond them.
            least = _hopeless(query, terms)
            near = [one.entry_id for one in neighbours if one.similarity >= least]
            far = neighbours[len(near)] if len(near) < len(neighbours) else None
            ids = [entry_id for entry_id in near if entry_id not in judged]
            if not ids:
                return _too_far(direct, far)
            read = await self._read(ids, query.space, identity.norm_digest, terms.max_age_s)
            clock.lap("candidates")
            gone = [entry_id for entry_id in ids if entry_id not in read.found]
            if gone:
                self._live.doubt(gone)
            listed = heed(shortlist(identity, query, ids, read, terms, rules), self._standing, terms)
            if repeats is not None:
                listed = only_repeats(listed, identity.prompt, repeats, terms)
            clock.lap("guards")
            outcome = await self._decide(identity, query, listed, read, terms)
            clock.lap("verify")
            if isinstance(outcome, Miss):
                direct = msgspec.structs.replace(
                    outcome, reason=telling(outcome.reason, direct.reason), nearest=outcome.nearest or direct.nearest
                )
                outcome = direct
            if far is not None or not listed.more or len(neighbours) < k or k >= _MOST_CANDIDATES:
                return _too_far(outcome, far) if isinstance(outcome, Miss) else outcome
            judged.update(ids)
            k *= 2

    async def _read(self, ids: Sequence[str], space: str, asker: bytes, max_age_s: float | None) -> ManyRead:
        """Their records and vectors, from copies where there is one of each. Raises StoreUnavailable."""
        near = self._near
        if near is None:
            return await self._entries.read_many(ids, space=space, asker=asker)
        copied = near.candidates(ids, space, max_age_s)
        if copied is not None:
            return copied
        marks = [near.mark(shard) for shard in {shard_of(entry_id) for entry_id in ids}]
        read = await self._entries.read_many(ids, space=space, asker=asker)
        near.keep_candidates(read, marks)
        return read

    async def _decide(
        self, identity: CacheIdentity, query: Embedding, listed: Shortlist, read: ManyRead, terms: Terms
    ) -> Hit | Miss:
        """Which of what is open is served. Raises VerifierUnavailable."""
        if not listed.open:
            return listed.missed
        if self._verifier is None or terms.confidence is None:
            return self._held(identity, nearest_hit(identity, listed, read))
        judge = self._verifier
        planned = to_judge(identity, [one.entry for one in listed.open])
        scores = await _scores(judge, dict.fromkeys(step for found in planned for step in found))
        calibration = judge.calibration(TURNS if identity.transcript else query.space)
        verified = self._verified if mode_of(self._settings, identity.namespace) == "verified" else None
        grounds: dict[str, Grounds] = {}

        def chance(one: Open, found: Sequence[Step]) -> float | None:
            sure = weakest(
                found, scores, calibration, similarity=one.similarity, findings=one.findings, known=judge.known
            )
            if sure is None:
                return None
            held = self._standing(one.entry)
            if verified is not None:
                differing = contrast(identity.prompt, one.entry.prompt, one.similarity)
                grounds[one.entry.entry_id] = Grounds(sure, differing)
                return verified.weigh(identity.namespace, one.entry.entry_id, grounds[one.entry.entry_id])
            return sure if held is None else held.discounted(sure)

        chances = [chance(one, found) for one, found in zip(listed.open, planned, strict=True)]
        outcome = surest_hit(identity, listed, read, chances, terms.confidence if verified is None else 0.0)
        if verified is not None and isinstance(outcome, Hit):
            return self._explored(verified, identity, outcome, grounds[outcome.entry.entry_id])
        return self._held(identity, outcome)

    def _explored(self, verified: VerifiedMode, identity: CacheIdentity, hit: Hit, grounds: Grounds) -> Hit | Miss:
        """The hit, or where verified mode wants to learn, a miss by which its answer will be compared."""
        drawn = verified.decide(identity.namespace, hit.confidence or 0.0, grounds)
        if drawn is None:
            return hit
        return withheld(hit, MissReason.EXPLORED, drawn=drawn, weight=verified.weight(drawn))

    def _held(self, identity: CacheIdentity, outcome: Hit | Miss) -> Hit | Miss:
        """The outcome, a hit withheld in shadow mode."""
        if isinstance(outcome, Hit) and mode_of(self._settings, identity.namespace) == "shadow":
            return withheld(outcome, MissReason.SHADOWED)
        return outcome


async def _scores(judge: Verifier, steps: Collection[Step]) -> dict[Step, float | None]:
    """The verifier's scores of all steps, in one run. Raises VerifierUnavailable."""
    cached: dict[str, list[str]] = {}
    for step in steps:
        cached.setdefault(step.asked, []).append(step.cached)
    # Queued together, so that the verifier takes them together: a call is about one text that is asked.
    told = await asyncio.gather(*(judge.scores(asked, texts) for asked, texts in cached.items()))
    return {
        Step(asked, text): score
        for (asked, texts), scores in zip(cached.items(), told, strict=True)
        for text, score in zip(texts, scores, strict=True)
    }


def degraded(observer: Observer, part: str, error: Unavailable) -> Miss:
    """The miss that a broken dependency becomes; the observer is told."""
    reason = _MISS_OF.get(error.code, MissReason.STORE_UNAVAILABLE)
    observer.degraded(part, reason.value, str(error))
    return Miss(reason=reason)


def _too_far(miss: Miss, far: Neighbour | None) -> Miss:
    """A miss that names the nearest neighbour that was left unread, where no other is named."""
    if far is None or miss.nearest is not None:
        return miss
    nearest = Nearest(similarity=far.similarity, entry_id=far.entry_id)
    return msgspec.structs.replace(miss, reason=telling(MissReason.BELOW_THRESHOLD, miss.reason), nearest=nearest)


def _hopeless(query: Embedding, terms: Terms) -> float:
    """The index's similarity below which no record can turn out near enough, so that none needs to be read.

    With one window on either side `similarity` is the cosine of the means, which is what the index searches, or less.
    """
    return -1.0 if len(query.vectors) > 1 or terms.threshold is None else terms.threshold - _INDEX_ERROR


class Laps:
    """Stage times, lap by lap."""

    __slots__ = ("_last", "_monotonic", "_stages")

    def __init__(self, monotonic: Callable[[], float], stages: dict[str, float]) -> None:
        self._monotonic = monotonic
        self._stages = stages
        self._last = monotonic()

    def lap(self, stage: str) -> None:
        """Add the time since the last lap to a stage."""
        now = self._monotonic()
        self._stages[stage] = self._stages.get(stage, 0.0) + now - self._last
        self._last = now


_MISS_OF: Final = {
    "store_unavailable": MissReason.STORE_UNAVAILABLE,
    "store_timeout": MissReason.STORE_TIMEOUT,
    "store_full": MissReason.STORE_UNAVAILABLE,
    "embedder_unavailable": MissReason.EMBEDDER_UNAVAILABLE,
    "embedder_timeout": MissReason.EMBEDDER_TIMEOUT,
    "embedder_overloaded": MissReason.EMBEDDER_OVERLOADED,
    "verifier_unavailable": MissReason.VERIFIER_UNAVAILABLE,
    "verifier_timeout": MissReason.VERIFIER_TIMEOUT,
    "verifier_overloaded": MissReason.VERIFIER_OVERLOADED,
    "index_unavailable": MissReason.INDEX_UNAVAILABLE,
}
