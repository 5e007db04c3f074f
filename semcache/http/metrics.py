"""Prometheus metrics: fed as an observer of the cache, collected into a registry of their own.

With several workers, `PROMETHEUS_MULTIPROC_DIR` (set by the parent before they start) makes the counters and
histograms files that any worker adds up. Figures of state (index, parts, jobs) are the answering worker's own.
Labels that callers choose (model, namespace) are bounded: beyond the bound they are counted as `other`.
"""

from __future__ import annotations

import math
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from semcache.memory import Budget
from semcache.models import Hit, Miss, Stored, Usage, base_namespace
from semcache.near import Near
from semcache.ports import CallEvent, LookupEvent, StaleEvent, StoreEvent

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
MULTIPROC_ENV: Final = "PROMETHEUS_MULTIPROC_DIR"
OTHER: Final = "other"
_STORE: Final = "store"
"""The stage that an answer of the store leaves in an event."""
_DISTINCT: Final = 100
"""Models, and namespaces, that are told apart."""
_BUCKETS: Final = (*(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),)
_CALL_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
"""Seconds: a model takes its time."""


class Metrics:
    """Counts what the cache did. An Observer; one for each app."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "semcache_requests_total",
            "Lookups by how they ended.",
            ["tier", "outcome", "reason", "namespace", "model"],
            registry=registry,
        )
        self._hits = Counter("semcache_hits_total", "Hits.", ["tier", "namespace"], registry=registry)
        self._near = Counter(
            "semcache_near_hits_total",
            "Exact hits from copies in a process's memory: the store was not asked. Among the hits, too.",
            ["namespace"],
            registry=registry,
        )
        self._misses = Counter("semcache_misses_total", "Misses.", ["reason", "namespace"], registry=registry)
        self._tokens = Counter(
            "semcache_tokens_saved_total",
            "Tokens of the model calls that hits and shared calls saved.",
            ["namespace"],
            registry=registry,
        )
        self._cost = Counter(
            "semcache_cost_saved_usd_total",
            "Cost of the model calls that hits and shared calls saved.",
            ["namespace"],
            registry=registry,
        )
        self._lookup_seconds = Histogram(
            "semcache_lookup_seconds",
            "Time of lookups; stage `total`, and the stages that took part in it.",
            ["stage", "tier"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._stores = Counter(
            "semcache_stores_total", "Stores by how they ended.", ["outcome", "reason", "namespace"], registry=registry
        )
        self._store_seconds = Histogram(
            "semcache_store_seconds", "Time of stores.", ["outcome"], buckets=_BUCKETS, registry=registry
        )
        self._calls = Counter(
            "semcache_upstream_calls_total",
            "Calls of a model's provider by HTTP status; `none` where no answer came.",
            ["upstream", "status"],
            registry=registry,
        )
        self._call_seconds = Histogram(
            "semcache_upstream_seconds",
            "Time of calls of a model's provider, to the end of the answer.",
            ["upstream"],
            buckets=_CALL_BUCKETS,
            registry=registry,
        )
        self._coalesced = Counter(
            "semcache_coalesced_total", "Misses that shared another's call.", ["namespace"], registry=registry
        )
        self._stale = Counter(
            "semcache_stale_served_total", "Expired answers that were served.", ["namespace"], registry=registry
        )
        self._tokens_paid = Counter(
            "semcache_tokens_paid_total", "Tokens of the model calls that were made.", ["namespace"], registry=registry
        )
        self._cost_paid = Counter(
            "semcache_cost_paid_usd_total", "Cost of the model calls that were made.", ["namespace"], registry=registry
        )
        self._degraded = Counter(
            "semcache_degraded_total",
            "Calls to a dependency that failed and became a named reason.",
            ["part", "reason"],
            registry=registry,
        )
        self._namespaces = _Namespaces()
        self._models = _Bounded()
        self._cells: dict[tuple[str, ...], _Cell] = {}
        self._timers: dict[tuple[str, str], _Timer] = {}
        self._shared = bool(os.environ.get(MULTIPROC_ENV))

    # -- Observer -------------------------------------------------------------------------------------------------

    def looked_up(self, event: LookupEvent) -> None:
        """Count a lookup."""
        outcome = event.outcome
        if isinstance(outcome, Hit):
            what = (outcome.tier.value, "hit", "")
        elif isinstance(outcome, Miss):
            what = ("none", "miss", outcome.reason.value)
        else:
            what = ("none", "bypass", outcome.reason.value)
        cell = self._cell(*what, self._namespaces[event.namespace], self._models[event.model])
        cell.ended += 1
        if isinstance(outcome, Hit):
            if _STORE not in event.stages:  # whose answer none is without, but a copy
                cell.copied += 1
            usage, cost_usd = outcome.entry.usage, outcome.entry.cost_usd
            if usage is not None:
                cell.saved_tokens += max(0, usage.input_tokens + usage.output_tokens)
            if cost_usd is not None:
                cell.saved_usd += max(0.0, cost_usd)
        tier = what[0]
        self._timer("total", tier).observe(event.seconds)
        for stage, seconds in event.stages.items():
            self._timer(stage, tier).observe(seconds)
        if self._shared:  # another worker may be asked next, and reads what is written
            cell.write()
            for stage in ("total", *event.stages):
                self._timer(stage, tier).write()

    def stored(self, event: StoreEvent) -> None:
        """Count a store."""
        outcome = event.outcome
        what = ("stored", "") if isinstance(outcome, Stored) else ("refused", outcome.reason.value)
        self._stores.labels(*what, self._namespaces[event.namespace]).inc()
        self._store_seconds.labels(what[0]).observe(event.seconds)

    def called(self, event: CallEvent) -> None:
        """Count a call of a model's provider, or a caller who shared one."""
        namespace = self._namespaces[event.namespace]
        if event.coalesced:
            self._coalesced.labels(namespace).inc()
            tokens, cost = self._tokens, self._cost
        else:
            status = "none" if event.status is None else str(event.status)
            self._calls.labels(event.upstream, status).inc()
            self._call_seconds.labels(event.upstream).observe(event.seconds)
            tokens, cost = self._tokens_paid, self._cost_paid
        _count_price(event.usage, event.cost_usd, tokens.labels(namespace), cost.labels(namespace))

    def served_stale(self, event: StaleEvent) -> None:
        """Count an expired answer that was served; its lookup is a miss already."""
        self._stale.labels(self._namespaces[event.namespace]).inc()

    def degraded(self, part: str, reason: str, detail: str = "") -> None:
        """Count a failed call to a dependency."""
        self._degraded.labels(part, reason).inc()

    def _cell(self, tier: str, outcome: str, reason: str, namespace: str, model: str) -> _Cell:
        key = (tier, outcome, reason, namespace, model)
        cell = self._cells.get(key)
        if cell is None:
            outcomes = None
            if outcome == "hit":
                outcomes = self._hits.labels(tier, namespace)
            elif outcome == "miss":
                outcomes = self._misses.labels(reason, namespace)
            cell = self._cells[key] = _Cell(
                self._requests.labels(*key),
                outcomes,
                self._near.labels(namespace) if outcome == "hit" else None,
                self._tokens.labels(namespace),
                self._cost.labels(namespace),
            )
        return cell

    def _timer(self, stage: str, tier: str) -> _Timer:
        timer = self._timers.get((stage, tier))
        if timer is None:
            timer = self._timers[stage, tier] = _Timer(self._lookup_seconds.labels(stage, tier))
        return timer

    def _write(self) -> None:
        """Add what was counted of lookups since the last time to the metrics themselves."""
        for cell in self._cells.values():
            if cell.ended:
                cell.write()
        for timer in self._timers.values():
            if timer.pending:
                timer.write()

    # -- exposition -----------------------------------------------------------------------------------------------

    def render(
        self,
        health: Mapping[str, Any],
        jobs: Mapping[str, int],
        near: Near | None = None,
        remembered: Budget | None = None,
    ) -> bytes:
        """All metrics as Prometheus text. `health` is the service's, `jobs` counts recent ones by state."""
        self._write()
        counted: Collector = self._registry
        if os.environ.get(MULTIPROC_ENV):
            counted = MultiProcessCollector(CollectorRegistry())  # type: ignore[no-untyped-call]
        exposed = CollectorRegistry()
        state = (*_state(health, jobs), *_copies(near), *_remembered(remembered))
        exposed.register(_Once([*_with_hit_rate(counted.collect()), *state]))
        text: bytes = generate_latest(exposed)
        return text


def _count_price(usage: Usage | None, cost_usd: float | None, tokens: Any, cost: Any) -> None:
    if usage is not None:
        tokens.inc(max(0, usage.input_tokens + usage.output_tokens))
    if cost_usd is not None:
        cost.inc(max(0.0, cost_usd))


class _Cell:
    """What was counted of one combination of labels since it was last written, and the metrics that it goes to.

    A metric takes a lock for each addition, and a hit adds to six: that is as much time as finding its copy takes.
    """

    __slots__ = ("copied", "ended", "metrics", "saved_tokens", "saved_usd")

    def __init__(self, requests: Any, outcomes: Any, near: Any, tokens: Any, cost: Any) -> None:
        self.metrics = requests, outcomes, near, tokens, cost
        self._clear()

    def _clear(self) -> None:
        self.ended = self.copied = self.saved_tokens = 0
        self.saved_usd = 0.0

    def write(self) -> None:
        """Add it."""
        requests, outcomes, near, tokens, cost = self.metrics
        requests.inc(self.ended)
        if outcomes is not None:
            outcomes.inc(self.ended)
        if self.copied:
            near.inc(self.copied)
        if self.saved_tokens:
            tokens.inc(self.saved_tokens)
        if self.saved_usd:
            cost.inc(self.saved_usd)
        self._clear()


class _Timer:
    """The same of a histogram."""

    __slots__ = ("_bounds", "_metric", "_seconds", "pending")

    def __init__(self, metric: Any) -> None:
        self._metric = metric
        self._bounds = (*_BUCKETS, math.inf)
        self._seconds = 0.0
        self.pending: dict[int, int] = {}
        """Observations by number of their bucket."""

    def observe(self, seconds: float) -> None:
        """Count a time."""
        number = bisect_left(self._bounds, seconds)
        self.pending[number] = self.pending.get(number, 0) + 1
        self._seconds += seconds

    def write(self) -> None:
        """Add them. There is no other way to add several at once than to the library's own buckets."""
        self._metric._sum.inc(self._seconds)
        for number, count in self.pending.items():
            self._metric._buckets[number].inc(count)
        self.pending.clear()
        self._seconds = 0.0


class _Bounded(dict[str, str]):
    """A label that callers choose -> the label that is counted."""

    def __missing__(self, label: str) -> str:
        if len(self) >= _DISTINCT:
            return OTHER
        self[label] = label
        return label


class _Namespaces(_Bounded):
    """The same of namespaces; what the gateway keeps apart for the holders of a provider key counts in the whole."""

    def __missing__(self, label: str) -> str:
        namespace = base_namespace(label)
        return super().__missing__(label) if namespace == label else self[namespace]


class _Once(Collector):
    """Families that were gathered before."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _with_hit_rate(families: Iterable[Metric]) -> Iterator[Metric]:
    """The families, and the hit rate that follows from them: hits / (hits + misses), over all workers."""
    hits = misses = 0.0
    for family in families:
        family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
        yield family
        for sample in family.samples:
            if sample.name == "semcache_hits_total":
                hits += sample.value
            elif sample.name == "semcache_misses_total":
                misses += sample.value
    rate = hits / (hits + misses) if hits + misses else 0.0
    yield GaugeMetricFamily("llm_cache_hit_rate", "Hits over hits and misses since the start.", value=rate)


def _copies(near: Near | None) -> Iterator[Metric]:
    if near is None or not near.on:
        return
    yield GaugeMetricFamily("semcache_near_entries", "Copies of entries in the process's memory.", value=len(near))
    yield GaugeMetricFamily("semcache_near_bytes", "Memory that these copies take, about.", value=near.bytes)
    yield GaugeMetricFamily(
        "semcache_near_lag_seconds",
        "How old the last look at the change log is that these copies are trusted by; infinite before the first.",
        value=near.lag_s,
    )


def _remembered(budget: Budget | None) -> Iterator[Metric]:
    if budget is not None:
        told = "Memory that what is remembered of requests takes in this process, about."
        yield GaugeMetricFamily("semcache_remembered_bytes", told, value=budget.bytes)


def _state(health: Mapping[str, Any], jobs: Mapping[str, int]) -> Iterator[Metric]:
    parts = GaugeMetricFamily("semcache_part_up", "1 where a part works, 0 where it is degraded.", labels=["part"])
    for name, part in health.items():
        parts.add_metric([name], 1.0 if part["ok"] else 0.0)
    yield parts
    index = health.get("index")
    if index is not None:
        yield GaugeMetricFamily("semcache_index_rows", "Live rows of the vector index.", value=index["rows"])
        yield GaugeMetricFamily("semcache_index_pending", "Entries that wait for vectors.", value=index["pending"])
        lag = index["lag_s"]
        yield GaugeMetricFamily(
            "semcache_follower_lag_seconds",
            "How old the newest confirmed look at the change log is; NaN until caught up.",
            value=float("nan") if lag is None else lag,
        )
    store = health.get("store", {})
    if "used_memory_bytes" in store:
        yield GaugeMetricFamily("semcache_store_memory_bytes", "Memory of the store.", value=store["used_memory_bytes"])
    states = GaugeMetricFamily("semcache_jobs", "Recent jobs by state.", labels=["state"])
    for state, count in sorted(jobs.items()):
        states.add_metric([state], count)
    yield states
