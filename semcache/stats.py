"""What the cache did and what it saved, counted in memory and added up in the store over replicas and restarts.

The equations, which a test holds:

    requests = hits + misses + bypasses
    hits     = sum of hits_by_tier            calls_saved = hits + coalesced
    misses   = sum of misses_by_reason        bypasses    = sum of bypasses_by_reason
    refusals = sum of refusals_by_reason      stale_served <= misses
    upstream_errors <= upstream_calls
    hit_rate = hits / (hits + misses), None before the first of them

A bypass was never looked up, so it is in no rate. A stale answer, served by an explicit rule, is a miss and counted
once more in `stale_served`: it saved nothing that was sure to be right, and its call was made too or failed. Tokens
(input and output) and cost saved are those of the call that made the served entry; time saved is what that call took
less what this lookup took, never below 0. Entries stored without these figures save none.

A call of a model's provider is paid for (`tokens_paid`, `cost_paid_usd`); it is an error without an answer, or with an
HTTP status of 400 or more. A coalesced caller is a miss that shared another's call: it saved that call's tokens and
cost, and no time, since it waited for the same answer.

What the gateway keeps apart for the holders of a provider key (`<namespace>~...`) counts in the namespace itself: who
may see that may see these sums, and no key's own figures are told.

Counting is a few additions, without a lock or an await; `flush` adds what is new to the store, from a task of its own.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, unquote

from semcache.errors import SemcacheError
from semcache.models import Hit, Miss, Stored, Usage, base_namespace
from semcache.ports import CallEvent, Control, LookupEvent, StaleEvent, StoreEvent

log = logging.getLogger(__name__)

MODELS: Final = 1000
"""(namespace, model) pairs that one process tells apart; further models are counted as `OTHER`, past twice as many
pairs further namespaces too. Nothing is dropped."""
OTHER: Final = "(other)"
_PREFIX: Final = "stats:"
_DEGRADED: Final = "stats-degraded"
_SINCE: Final = "stats-since"
_SLOTS: Final = 4096
"""Numbers that flush marks are kept under; a few of them are in use at any time."""

_HIT: Final = "hit:"
_MISS: Final = "miss:"
_BYPASS: Final = "bypass:"
_REFUSED: Final = "refused:"
_STORES: Final = "stores"
_STALE: Final = "stale"
_TOKENS: Final = "tokens"
_COST: Final = "cost"
_TIME: Final = "time"
_CALLS: Final = "calls"
_ERRORS: Final = "errors"
_COALESCED: Final = "coalesced"
_TOKENS_PAID: Final = "tokens-paid"
_COST_PAID: Final = "cost-paid"

Counters = dict[str, float]
Cell = tuple[str, str]
"""(namespace, model)."""


class Stats:
    """An `Observer` that counts. One a process, used from its event loop alone."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._own: dict[Cell, Counters] = {}
        self._own_degraded: Counters = {}
        self._since = datetime.now(UTC)
        self._ledger = _Ledger(control)

    # -- Observer -------------------------------------------------------------------------------------------------

    def looked_up(self, event: LookupEvent) -> None:
        """Count a lookup."""
        cell = self._cell(event.namespace, event.model)
        outcome = event.outcome
        if isinstance(outcome, Hit):
            _add(cell, _HIT + outcome.tier, 1)
            entry = outcome.entry
            _add_price(cell, entry.usage, entry.cost_usd, _TOKENS, _COST)
            if entry.latency_ms is not None:
                _add(cell, _TIME, max(0.0, entry.latency_ms / 1000 - event.seconds))
        elif isinstance(outcome, Miss):
            _add(cell, _MISS + outcome.reason, 1)
        else:
            _add(cell, _BYPASS + outcome.reason, 1)

    def stored(self, event: StoreEvent) -> None:
        """Count a store."""
        cell = self._cell(event.namespace, event.model)
        if isinstance(event.outcome, Stored):
            _add(cell, _STORES, 1)
        else:
            _add(cell, _REFUSED + event.outcome.reason, 1)

    def called(self, event: CallEvent) -> None:
        """Count a call of a model's provider, or a caller who shared one."""
        cell = self._cell(event.namespace, event.model)
        if event.coalesced:
            _add(cell, _COALESCED, 1)
            _add_price(cell, event.usage, event.cost_usd, _TOKENS, _COST)
            return
        _add(cell, _CALLS, 1)
        if event.status is None or event.status >= 400:
            _add(cell, _ERRORS, 1)
        _add_price(cell, event.usage, event.cost_usd, _TOKENS_PAID, _COST_PAID)

    def served_stale(self, event: StaleEvent) -> None:
        """Count an expired answer that was served; its lookup is a miss already."""
        _add(self._cell(event.namespace, event.model), _STALE, 1)

    def degraded(self, part: str, reason: str, detail: str = "") -> None:
        """Count a failed call to a dependency."""
        _add(self._own_degraded, f"{part}|{reason}", 1)

    def _cell(self, namespace: str, model: str) -> Counters:
        namespace = base_namespace(namespace)
        cell = self._own.get((namespace, model))
        if cell is None:
            if len(self._own) >= MODELS:  # both are what callers write, and memory is bounded
                namespace, model = (namespace if len(self._own) < 2 * MODELS else OTHER), OTHER
            cell = self._own.setdefault((namespace, model), {})
        return cell

    # -- the store's sums -----------------------------------------------------------------------------------------

    async def run(self, interval_s: float = 1.0) -> None:
        """Flush every `interval_s` until cancelled, then once more."""
        failing = False
        try:
            while True:
                await asyncio.sleep(interval_s)
                try:
                    await self.flush()
                    failing = False
                except SemcacheError as error:
                    if not failing:
                        log.warning("statistics are kept in memory until the store takes them: %s", error)
                    failing = True
        finally:
            try:
                await self.flush()
            except SemcacheError as error:
                log.warning("statistics of the last seconds are lost: %s", error)

    async def flush(self) -> None:
        """Add what was counted since the last flush to the store. Raises StoreUnavailable; nothing is lost by it."""
        totals = {_PREFIX + quote(namespace, safe=""): {} for namespace, _ in self._own}  # type: dict[str, Counters]
        for (namespace, model), counters in self._own.items():
            head = quote(model, safe="") + "|"
            totals[_PREFIX + quote(namespace, safe="")].update({head + name: n for name, n in counters.items()})
        if self._own_degraded:
            totals[_DEGRADED] = dict(self._own_degraded)
        await self._ledger.bring_up_to(totals, self._since)

    async def snapshot(self, namespace: str | None = None, allowed: Iterable[str] | None = None) -> dict[str, Any]:
        """The JSON of `GET /v1/stats`, over all replicas since `since`; of one namespace, of `allowed` ones, or all.

        With the store down: this process's own counts since its start, and `"scope": "process"`.
        """
        opened = None if allowed is None else frozenset(allowed)
        try:
            await self.flush()
            cells = await self._stored(namespace, opened)
            degraded = await self._control.hget_all(_DEGRADED) if opened is None else {}
            since = (await self._control.hget_all(_SINCE)).get("at") or self._since.isoformat()
            scope = "service"
        except SemcacheError as error:
            log.warning("statistics of this process only: %s", error)
            cells = {cell: counters for cell, counters in self._own.items() if _open(cell[0], namespace, opened)}
            degraded = {name: str(n) for name, n in self._own_degraded.items()} if opened is None else {}
            since, scope = self._since.isoformat(), "process"
        names = sorted({name for name, _ in cells})
        body: dict[str, Any] = {"scope": scope, "since": since.replace("+00:00", "Z"), **_report(cells.values())}
        body["namespaces"] = {name: _report(c for cell, c in cells.items() if cell[0] == name) for name in names}
        for (name, model), counters in sorted(cells.items()):
            body["namespaces"][name].setdefault("models", {})[model] = _report([counters])
        models = sorted({model for _, model in cells})
        body["models"] = {model: _report(c for cell, c in cells.items() if cell[1] == model) for model in models}
        if opened is None:
            body["degraded"] = {
                name.replace("|", ":"): int(float(n)) for name, n in sorted(degraded.items()) if name[0] != "@"
            }
        return body

    async def _stored(self, namespace: str | None, opened: frozenset[str] | None) -> dict[Cell, Counters]:
        cells: dict[Cell, Counters] = {}
        for name in await self._control.names(_PREFIX):
            stored_namespace = unquote(name.removeprefix(_PREFIX))
            if not _open(stored_namespace, namespace, opened):
                continue
            for field, value in (await self._control.hget_all(name)).items():
                if not field.startswith("@"):
                    model, _, counter = field.partition("|")
                    cells.setdefault((stored_namespace, unquote(model)), {})[counter] = float(value)
        return cells


class _Ledger:
    """Brings the store's sums up to this process's totals, each addition exactly once.

    An addition that timed out may or may not have happened. So each carries a mark: the field `@<slot>` of the same
    hash, counted up by one in the same atomic step. After a failure the mark is read, and tells whether the addition
    happened. (A command that the server takes from its socket only after the mark was read, a flush interval later,
    would be counted twice; so would two processes that drew one of 4,096 slots and failed at once.) What is not yet
    added is the difference of two totals: it needs no more memory the longer the store is away.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._mark = f"@{secrets.randbelow(_SLOTS)}"
        self._added: dict[str, Counters] = {}
        self._marks: dict[str, int] = {}
        self._doubtful: dict[str, Counters] = {}
        self._dated = False
        self._lock = asyncio.Lock()

    async def bring_up_to(self, totals: Mapping[str, Counters], since: datetime) -> None:
        """Add what is missing. Raises StoreUnavailable; the next call goes on where this one stopped."""
        async with self._lock:
            if not self._dated:
                if "at" not in await self._control.hget_all(_SINCE):
                    await self._control.hset(_SINCE, {"at": since.isoformat()})
                self._dated = True
            for name, total in totals.items():
                await self._bring(name, total)

    async def _bring(self, name: str, total: Counters) -> None:
        if name in self._doubtful or name not in self._marks:
            mark = int(float((await self._control.hget_all(name)).get(self._mark, "0")))
            doubtful = self._doubtful.pop(name, None)
            if doubtful is not None and mark > self._marks[name]:
                self._added[name] = doubtful
            self._marks[name] = mark
        added = self._added.get(name, {})
        deltas = {field: n - added.get(field, 0) for field, n in total.items() if n != added.get(field, 0)}
        if not deltas:
            return
        try:
            await self._control.add(name, {**deltas, self._mark: 1})
        except BaseException:  # a cancellation leaves the same doubt as a timeout
            self._doubtful[name] = dict(total)
            raise
        self._added[name] = dict(total)
        self._marks[name] += 1


def _add(counters: Counters, name: str, amount: float) -> None:
    counters[name] = counters.get(name, 0) + amount


def _add_price(counters: Counters, usage: Usage | None, cost_usd: float | None, tokens: str, cost: str) -> None:
    if usage is not None:
        _add(counters, tokens, usage.input_tokens + usage.output_tokens)
    if cost_usd is not None:
        _add(counters, cost, cost_usd)


def _open(name: str, namespace: str | None, opened: frozenset[str] | None) -> bool:
    return (namespace is None or name == namespace) and (opened is None or name in opened)


def _report(cells: Iterable[Counters]) -> dict[str, Any]:
    """The figures of some cells together, all equations in force."""
    total: Counters = {}
    for counters in cells:
        for name, amount in counters.items():
            _add(total, name, amount)
    tiers, misses = _part(total, _HIT), _part(total, _MISS)
    bypasses, refusals = _part(total, _BYPASS), _part(total, _REFUSED)
    coalesced = int(total.get(_COALESCED, 0))
    hits, missed, bypassed = sum(tiers.values()), sum(misses.values()), sum(bypasses.values())
    return {
        "requests": hits + missed + bypassed,
        "hits": hits,
        "misses": missed,
        "bypasses": bypassed,
        "hit_rate": hits / (hits + missed) if hits + missed else None,
        "hits_by_tier": {"exact": 0, "normalized": 0, "semantic": 0, **tiers},
        "misses_by_reason": misses,
        "bypasses_by_reason": bypasses,
        "stale_served": int(total.get(_STALE, 0)),
        "stores": int(total.get(_STORES, 0)),
        "refusals": sum(refusals.values()),
        "refusals_by_reason": refusals,
        "upstream_calls": int(total.get(_CALLS, 0)),
        "upstream_errors": int(total.get(_ERRORS, 0)),
        "coalesced": coalesced,
        "calls_saved": hits + coalesced,
        "tokens_saved": int(total.get(_TOKENS, 0)),
        "cost_saved_usd": round(total.get(_COST, 0.0), 9),
        "time_saved_s": round(total.get(_TIME, 0.0), 6),
        "tokens_paid": int(total.get(_TOKENS_PAID, 0)),
        "cost_paid_usd": round(total.get(_COST_PAID, 0.0), 9),
    }


def _part(total: Counters, head: str) -> dict[str, int]:
    return {name.removeprefix(head): int(n) for name, n in sorted(total.items()) if name.startswith(head)}
