"""Replay of a request stream through the service's own policy and index code, all thresholds in one pass.

Every threshold is a cache of its own: what it holds depends on what it missed. One index holds every request seen; a
bit mask for each entry says which thresholds stored it, and a lookup at one threshold sees only those. As in the
service, `policy.matching` decides, and k doubles while too few of the neighbours were stored at a threshold.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from benchmarks.streams import Request
from semcache.models import CacheIdentity, CacheRequest, Candidate, Embedding, Entry, Hit, Tier
from semcache.policy.cacheability import may_look_up
from semcache.policy.freshness import TtlRules
from semcache.policy.identity import identify
from semcache.policy.matching import Terms, match_direct, match_neighbours
from semcache.policy.normalize import Normalizer
from semcache.ports import ExactRead, ManyRead, Neighbour, Row, VectorIndex
from semcache.settings import Settings

_FIRST_K: Final = 16
_SLACK: Final = 2e-3
"""The index's similarity is approximate; the decision is made from exact vectors."""


@dataclass(slots=True)
class Tally:
    """What one threshold did. `servable` are requests whose class was in the cache when they came."""

    threshold: float
    requests: int = 0
    bypasses: int = 0
    exact: int = 0
    normalized: int = 0
    semantic: int = 0
    wrong: int = 0
    wrong_semantic: int = 0
    servable: int = 0
    found: int = 0
    embedded: int = 0
    """Lookups that no direct tier answered, which had to embed their prompt."""
    seconds: float = 0.0
    """Time of all lookups but for the embedding: reading, searching, deciding."""

    @property
    def hits(self) -> int:
        """Hits of all tiers."""
        return self.exact + self.normalized + self.semantic

    @property
    def hit_rate(self) -> float:
        """Hits over all requests."""
        return self.hits / self.requests if self.requests else 0.0

    @property
    def precision(self) -> float:
        """Right answers over hits; 1 where there were no hits."""
        return 1 - self.wrong / self.hits if self.hits else 1.0

    @property
    def error(self) -> float:
        """Wrong answers over all requests."""
        return self.wrong / self.requests if self.requests else 0.0

    @property
    def recall(self) -> float:
        """Right answers over the requests that the cache could have answered; 1 where there were none."""
        return self.found / self.servable if self.servable else 1.0


@dataclass(slots=True)
class _Known:
    candidate: Candidate
    label: str | None
    stored: int  # bit mask over thresholds


@dataclass(slots=True)
class Replay:
    """The caches of all thresholds at once. `insert_all` stores every request, else only those that missed."""

    thresholds: list[float]
    index: VectorIndex
    settings: Settings
    normalizer: Normalizer
    rules: TtlRules
    insert_all: bool = False
    tallies: list[Tally] = field(init=False)
    search_s: list[float] = field(default_factory=list)
    _known: dict[str, _Known] = field(default_factory=dict)
    _spellings: dict[bytes, list[str]] = field(default_factory=dict)
    _labels: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tallies = [Tally(threshold) for threshold in self.thresholds]

    def identify(self, request: Request) -> CacheIdentity:
        """The identity that the service would give; one principal for the whole stream."""
        return identify(self._request(request), self.normalizer, self.rules)

    def _request(self, request: Request) -> CacheRequest:
        return CacheRequest(messages=list(request.messages), model="bench", principal="bench")

    def step(self, request: Request, identity: CacheIdentity, embedding: Embedding | None) -> None:
        """Send one request to every cache and store it where it missed."""
        if may_look_up(self._request(request), identity, self.settings) is not None:
            for tally in self.tallies:
                tally.requests += 1
                tally.bypasses += 1
            return
        started = time.perf_counter()
        neighbours = self._neighbours(identity, embedding, _FIRST_K)
        searched = time.perf_counter() - started
        self.search_s.append(searched)
        missed = 0
        servable = self._labels.get(request.label, 0) if request.label is not None else 0
        for bit, tally in enumerate(self.tallies):
            tally.requests += 1
            started = time.perf_counter()
            hit = self._look_up(identity, embedding, neighbours, bit)
            tally.seconds += time.perf_counter() - started
            if hit is None or hit.tier is Tier.SEMANTIC:
                tally.embedded += 1
                tally.seconds += searched
            if hit is None:
                missed |= 1 << bit
            else:
                self._count(tally, hit, request.label)
            if servable >> bit & 1:
                tally.servable += 1
                if hit is not None and self._known[hit.entry.entry_id].label == request.label:
                    tally.found += 1
        everywhere = (1 << len(self.tallies)) - 1
        self._store(request, identity, embedding, everywhere if self.insert_all else missed)

    def _count(self, tally: Tally, hit: Hit, label: str | None) -> None:
        setattr(tally, hit.tier.value, getattr(tally, hit.tier.value) + 1)
        if label is not None and self._known[hit.entry.entry_id].label != label:
            tally.wrong += 1
            tally.wrong_semantic += hit.tier is Tier.SEMANTIC

    def _look_up(
        self, identity: CacheIdentity, embedding: Embedding | None, neighbours: list[Neighbour], bit: int
    ) -> Hit | None:
        if identity.entry_id in self._known or identity.norm_digest in self._spellings:
            direct = match_direct(self._read(identity, bit), Terms())
            if isinstance(direct, Hit):
                return direct
        threshold = self.thresholds[bit]
        if embedding is None:
            return None
        while True:
            whole = len(embedding.vectors) > 1  # the index knows but the mean of a long text's windows
            near = [one for one in neighbours if whole or one.similarity >= threshold - _SLACK]
            ids = [one.entry_id for one in near if self._known[one.entry_id].stored >> bit & 1]
            if ids or len(near) < len(neighbours) or not neighbours:
                break
            more = self._neighbours(identity, embedding, 2 * len(neighbours))
            if len(more) == len(neighbours):
                break
            neighbours[:] = more  # in place: the next thresholds need not search again
        if not ids:
            return None
        ids = ids[: self.settings.limits.candidates]
        found = {entry_id: self._known[entry_id].candidate for entry_id in ids}
        read = ManyRead(now_ms=0, found=found, epochs=dict.fromkeys(ids, 0))
        outcome = match_neighbours(identity, embedding, ids, read, Terms(threshold=threshold)).outcome
        return outcome if isinstance(outcome, Hit) else None

    def _neighbours(self, identity: CacheIdentity, embedding: Embedding | None, k: int) -> list[Neighbour]:
        if embedding is None:
            return []
        return self.index.search(identity.partition, identity.context, embedding.pooled, k)

    def _read(self, identity: CacheIdentity, bit: int) -> ExactRead:
        exact = self._known.get(identity.entry_id)
        spelling = None
        for entry_id in reversed(self._spellings.get(identity.norm_digest, ())):
            if self._known[entry_id].stored >> bit & 1:
                spelling = self._known[entry_id].candidate
                break
        stored = exact is not None and bool(exact.stored >> bit & 1)
        return ExactRead(
            now_ms=0,
            epoch=0,
            fence=0,
            exact=exact.candidate if exact is not None and stored else None,
            normalized=spelling,
        )

    def _store(self, request: Request, identity: CacheIdentity, embedding: Embedding | None, mask: int) -> None:
        if not mask:
            return
        known = self._known.get(identity.entry_id)
        if known is None:
            candidate = Candidate(_entry(identity), embedding)
            self._known[identity.entry_id] = _Known(candidate, request.label, mask)
            self._spellings.setdefault(identity.norm_digest, []).append(identity.entry_id)
            if embedding is not None:
                row = Row(identity.entry_id, identity.partition, identity.context, embedding.pooled)
                self.index.upsert([row])
        else:
            known.stored |= mask
        if request.label is not None:
            self._labels[request.label] = self._labels.get(request.label, 0) | mask


def _entry(identity: CacheIdentity) -> Entry:
    """A record as the store would hold it, without an answer and without an end."""
    return Entry(
        entry_id=identity.entry_id,
        digest=identity.digest,
        norm_digest=identity.norm_digest,
        partition=identity.partition,
        context=identity.context,
        namespace=identity.namespace,
        model=identity.model,
        model_version=identity.model_version,
        prompt=identity.prompt,
        response=b"null",
        ttl_class=identity.ttl_class,
        ttl_s=1.0,
        created_ms=0,
        expires_ms=1,
        epoch=0,
    )


def plain(tally: Tally, embed_ms: float) -> dict[str, float]:
    """A tally as a flat row; `latency_ms` is the mean of all lookups, embedding one text taken at `embed_ms`."""
    row: dict[str, float] = {
        name: getattr(tally, name)
        for name in ("threshold", "requests", "bypasses", "exact", "normalized", "semantic", "wrong", "wrong_semantic")
    }
    row |= {"hits": tally.hits, "hit_rate": tally.hit_rate, "precision": tally.precision, "error": tally.error}
    row |= {"servable": tally.servable, "recall": tally.recall}
    spent = 1000 * tally.seconds + embed_ms * tally.embedded
    row["latency_ms"] = round(spent / tally.requests, 4) if tally.requests else 0.0
    return row
