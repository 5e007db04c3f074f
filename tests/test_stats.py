"""Statistics: the equations, the sums over processes, outages without loss or double counting, the cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache import stats as stats_module
from semcache.errors import StoreTimeout, StoreUnavailable
from semcache.models import (
    Bypass,
    BypassReason,
    Hit,
    Miss,
    MissReason,
    Outcome,
    Refused,
    RefusedReason,
    SemanticState,
    Stale,
    Stored,
    Tier,
    TtlClass,
    Usage,
)
from semcache.ports import CallEvent, LookupEvent, StaleEvent, StoreEvent
from semcache.stats import Stats
from semcache.stores.codec import stamped
from semcache.stores.control import RedisControl
from semcache.stores.store import RedisStore
from tests.conftest import Backend
from tests.ops import draft_of, opened, settings_for, until
from tests.yardstick import units

ENTRY = stamped(draft_of("a prompt"), created_ms=0, expires_ms=10**15, epoch=1)
PRICED = msgspec.structs.replace(
    ENTRY, usage=Usage(input_tokens=100, output_tokens=50), cost_usd=0.25, latency_ms=2000.0
)
STALE = Stale(entry=PRICED, now_ms=1)
STORED = Stored(
    entry_id="", ttl_s=1.0, ttl_class=TtlClass.CODE, expires_ms=1, replaced=False, semantic=SemanticState.OFF
)


def hit(tier: Tier = Tier.EXACT, entry: Any = ENTRY) -> Hit:
    return Hit(tier=tier, entry=entry, similarity=1.0, now_ms=1)


def looked_up(outcome: Outcome, *, namespace: str = "default", model: str = "m", seconds: float = 0.01) -> LookupEvent:
    return LookupEvent(namespace=namespace, model=model, outcome=outcome, seconds=seconds, stages={})


@pytest.fixture
async def store(store_backend: Backend, key_prefix: str) -> AsyncIterator[RedisStore]:
    async with opened(settings_for(store_backend, key_prefix)) as store:
        yield store


@pytest.fixture
def nowhere() -> RedisControl:
    """The control plane of a store that was never reached."""
    return RedisStore(settings_for(Backend("redis://127.0.0.1:1"), "nowhere"), None).control


OUTCOMES = st.one_of(
    st.sampled_from(Tier).map(hit),
    st.sampled_from(MissReason).map(lambda reason: Miss(reason=reason)),
    st.sampled_from(BypassReason).map(lambda reason: Bypass(reason=reason)),
)
CALLS = st.builds(
    CallEvent,
    namespace=st.just(""),
    model=st.just(""),
    upstream=st.just("u"),
    status=st.sampled_from([None, 200, 201, 400, 429, 500]),
    seconds=st.just(1.0),
    usage=st.sampled_from([None, Usage(input_tokens=2, output_tokens=3)]),
    cost_usd=st.sampled_from([None, 0.25]),
    coalesced=st.booleans(),
)


def holds(report: Mapping[str, Any]) -> None:
    """The equations of the module docstring."""
    assert report["requests"] == report["hits"] + report["misses"] + report["bypasses"]
    assert report["hits"] == sum(report["hits_by_tier"].values())
    assert report["calls_saved"] == report["hits"] + report["coalesced"]
    assert report["misses"] == sum(report["misses_by_reason"].values())
    assert report["bypasses"] == sum(report["bypasses_by_reason"].values())
    assert report["refusals"] == sum(report["refusals_by_reason"].values())
    assert report["stale_served"] <= report["misses"]
    assert report["upstream_errors"] <= report["upstream_calls"]
    judged = report["hits"] + report["misses"]
    assert report["hit_rate"] == (report["hits"] / judged if judged else None)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(OUTCOMES, st.lists(CALLS, max_size=2), st.sampled_from(["a", "b|c:%"]), st.sampled_from(["m", "n"])),
        max_size=40,
    )
)
def test_the_equations_hold_in_every_part(events: list[tuple[Outcome, list[CallEvent], str, str]]) -> None:
    control = RedisStore(settings_for(Backend("redis://127.0.0.1:1"), "nowhere"), None).control
    stats = Stats(control)
    for outcome, calls, namespace, model in events:
        stats.looked_up(looked_up(outcome, namespace=namespace, model=model))
        for call in calls:
            stats.called(msgspec.structs.replace(call, namespace=namespace, model=model))
        if isinstance(outcome, Miss) and not calls:
            stats.served_stale(StaleEvent(namespace=namespace, model=model, stale=STALE))
    report = asyncio.run(stats.snapshot())
    assert report["scope"] == "process"
    assert report["requests"] == len(events)
    holds(report)
    for each in report["namespaces"].values():
        holds(each)
        for one in each["models"].values():
            holds(one)
    assert sum(each["requests"] for each in report["namespaces"].values()) == len(events)
    assert sum(each["requests"] for each in report["models"].values()) == len(events)
    made = [call for _, calls, _, _ in events for call in calls]
    assert report["upstream_calls"] + report["coalesced"] == len(made)
    tokens = sum(call.usage.input_tokens + call.usage.output_tokens for call in made if call.usage is not None)
    assert report["tokens_paid"] + report["tokens_saved"] == tokens


async def test_what_a_hit_saves(nowhere: RedisControl) -> None:
    stats = Stats(nowhere)
    stats.looked_up(looked_up(hit(entry=PRICED), seconds=0.5))
    stats.looked_up(looked_up(hit(Tier.SEMANTIC, entry=PRICED), seconds=3.0))  # slower than the model: saves no time
    stats.looked_up(looked_up(hit()))  # stored without figures
    stats.looked_up(looked_up(Miss(reason=MissReason.EXPIRED, stale=STALE)))
    stats.served_stale(StaleEvent(namespace="default", model="m", stale=STALE))  # not sure to be right: saves nothing
    report = await stats.snapshot()
    saved = (report["calls_saved"], report["tokens_saved"], report["cost_saved_usd"], report["time_saved_s"])
    assert saved == (3, 300, 0.5, 1.5)
    assert report["stale_served"] == 1
    assert report["misses_by_reason"] == {"expired": 1}


async def test_what_calls_cost_and_what_sharing_one_saves(nowhere: RedisControl) -> None:
    stats = Stats(nowhere)
    paid = CallEvent(
        namespace="default",
        model="m",
        upstream="u",
        status=200,
        seconds=2.0,
        usage=Usage(input_tokens=100, output_tokens=50),
        cost_usd=0.25,
    )
    stats.called(paid)
    for _ in range(3):
        stats.called(msgspec.structs.replace(paid, coalesced=True))
    for status in (None, 400, 503):
        stats.called(msgspec.structs.replace(paid, status=status, usage=None, cost_usd=None))
    report = await stats.snapshot()
    holds(report)
    assert (report["upstream_calls"], report["upstream_errors"], report["coalesced"]) == (4, 3, 3)
    assert (report["tokens_paid"], report["cost_paid_usd"]) == (150, 0.25)
    saved = (report["calls_saved"], report["tokens_saved"], report["cost_saved_usd"], report["time_saved_s"])
    assert saved == (3, 450, 0.75, 0.0)


async def test_processes_add_up_and_restarts_keep(store: RedisStore) -> None:
    one, two = Stats(store.control), Stats(store.control)
    names = ("default", "a/b|c:d %", "ü")
    for stats in (one, two):
        for namespace in names:
            stats.looked_up(looked_up(hit(entry=PRICED), namespace=namespace, model="gpt|4:o"))
            stats.looked_up(looked_up(Miss(reason=MissReason.NOT_FOUND), namespace=namespace))
        stats.stored(StoreEvent(namespace="default", model="m", outcome=STORED, seconds=0.1))
        refused = Refused(reason=RefusedReason.ZERO_TTL)
        stats.stored(StoreEvent(namespace="default", model="m", outcome=refused, seconds=0.1))
        stats.degraded("store", "store_timeout")
        await stats.flush()
        await stats.flush()  # nothing new: nothing added
    report = await Stats(store.control).snapshot()
    holds(report)
    assert report["scope"] == "service"
    assert (report["requests"], report["hits"], report["stores"], report["refusals"]) == (12, 6, 2, 2)
    assert report["refusals_by_reason"] == {"zero_ttl": 2}
    assert report["cost_saved_usd"] == 1.5
    assert set(report["namespaces"]) == set(names)
    assert set(report["models"]) == {"gpt|4:o", "m"}
    assert report["degraded"] == {"store:store_timeout": 2}
    assert report["since"].endswith("Z")  # as every other time that the service tells
    assert datetime.fromisoformat(report["since"]) <= one._since
    only = await one.snapshot("ü")
    assert (set(only["namespaces"]), only["requests"]) == ({"ü"}, 4)
    allowed = await one.snapshot(allowed=["ü", "elsewhere"])
    assert (set(allowed["namespaces"]), "degraded" in allowed) == ({"ü"}, False)
    assert (await one.snapshot("default", allowed=["ü"]))["requests"] == 0


async def test_an_addition_in_doubt_is_counted_once(store: RedisStore) -> None:
    """The store acts and its answer is lost, or does not act at all: the mark tells which."""
    control = _Doubtful(store.control)
    stats = Stats(control)  # type: ignore[arg-type]
    for lost in (False, True, True, False, True, False):
        control.lose_answer, control.lose_call = lost, False
        stats.looked_up(looked_up(hit()))
        await _flush(stats)
        control.lose_answer, control.lose_call = False, not lost
        stats.looked_up(looked_up(Miss(reason=MissReason.EXPIRED)))
        await _flush(stats)
    control.lose_answer = control.lose_call = False
    assert control.lost == 6
    report = await stats.snapshot()
    assert (report["scope"], report["hits"], report["misses"]) == ("service", 6, 6)


async def _flush(stats: Stats) -> None:
    try:
        await stats.flush()
    except StoreUnavailable:
        return


class _Doubtful:
    """The real control plane over a line that loses answers or calls."""

    def __init__(self, control: RedisControl) -> None:
        self._control = control
        self.lose_answer = self.lose_call = False
        self.lost = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._control, name)

    async def add(self, name: str, deltas: Mapping[str, float]) -> None:
        if self.lose_call:
            self.lost += 1
            raise StoreTimeout("the call was lost")
        await self._control.add(name, deltas)
        if self.lose_answer:
            self.lost += 1
            raise StoreTimeout("the answer was lost")


async def test_counts_survive_an_outage_and_a_shutdown(store: RedisStore) -> None:
    control = _Doubtful(store.control)
    control.lose_call = True
    stats = Stats(control)  # type: ignore[arg-type]
    task = asyncio.create_task(stats.run(interval_s=0.02))
    for _ in range(10):
        stats.looked_up(looked_up(hit()))

    async def failed() -> bool:
        return control.lost > 2

    await until(failed, what="flushes that fail")
    assert (await stats.snapshot())["scope"] == "process"
    assert (await stats.snapshot())["hits"] == 10
    control.lose_call = False
    task.cancel()  # the last flush brings them in
    await asyncio.gather(task, return_exceptions=True)
    assert (await Stats(store.control).snapshot())["hits"] == 10


async def test_what_is_kept_for_a_provider_s_key_counts_in_its_namespace(nowhere: RedisControl) -> None:
    stats = Stats(nowhere)
    for namespace in ("team", "team~0123456789abcdef", "team~fedcba9876543210", "other"):
        stats.looked_up(looked_up(hit(), namespace=namespace))
    report = await stats.snapshot(allowed=["team"])
    assert (set(report["namespaces"]), report["hits"]) == ({"team"}, 3)


async def test_memory_is_bounded_whatever_callers_write(nowhere: RedisControl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats_module, "MODELS", 5)
    stats = Stats(nowhere)
    for at in range(100):
        stats.looked_up(looked_up(hit(), namespace=f"n{at % 50}", model=f"m{at}"))
    report = await stats.snapshot()
    assert report["hits"] == 100
    assert len(stats._own) <= 11
    assert "(other)" in report["models"]
    assert "(other)" in report["namespaces"]


def test_counting_is_cheap(nowhere: RedisControl) -> None:
    stats = Stats(nowhere)
    event = looked_up(hit(entry=PRICED))
    assert units(lambda: stats.looked_up(event), times=500) < 0.25


async def test_the_page_explains_every_figure(nowhere: RedisControl) -> None:
    page = (Path(__file__).parent.parent / "docs" / "statistics.md").read_text(encoding="utf-8")
    report = await Stats(nowhere).snapshot()
    assert {figure for figure in report if f"`{figure}`" not in page and f'"{figure}"' not in page} == set()
