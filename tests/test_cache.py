"""What the cache keeps to beyond the tiers: an entry's reach, stale entries, fresh lookups, superseded flights."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import msgspec
import pytest

from semcache.models import (
    CacheIdentity,
    CacheRequest,
    FillToken,
    Hit,
    Miss,
    MissReason,
    Refused,
    RefusedReason,
    SemanticState,
    Stale,
    Stored,
    Strategy,
    Tier,
)
from semcache.policy.identity import identify
from semcache.ports import CallEvent, LookupEvent, StaleEvent, StoreEvent
from semcache.service import Service
from tests.conftest import Backend
from tests.doctor_helper import assert_healthy
from tests.integration.conftest import MakeService, eventually, make_service
from tests.never.conftest import keep, missed, request

__all__ = ["make_service"]

ASKED = request("What is the capital city of France?")
SPELT = request("what is the capital  city of France")
MEANT = request("What's the name of the capital city of France?")


@pytest.fixture
def store_backend(standalone_server: str) -> Backend:
    """One kind of store is enough here: what differs between them is held by `contract/`."""
    return Backend(standalone_server)


async def tiers(service: Service) -> list[Tier | MissReason]:
    """By which tier, or why not, each of the three ways to ask is answered."""
    outcomes = [await service.cache.lookup(asked) for asked in (ASKED, SPELT, MEANT)]
    return [outcome.tier if isinstance(outcome, Hit) else outcome.reason for outcome in outcomes]  # type: ignore[union-attr]


async def test_an_entry_is_found_as_far_as_it_reaches(make_service: MakeService, tmp_path: Path) -> None:
    one, two = await make_service(threshold=0.8), await make_service(threshold=0.8)
    expected: dict[Strategy, list[Any]] = {
        Strategy.SEMANTIC: [Tier.EXACT, Tier.NORMALIZED, Tier.SEMANTIC],
        Strategy.EXACT: [Tier.EXACT, MissReason.NOT_FOUND, MissReason.NOT_FOUND],
        Strategy.NORMALIZED: [Tier.EXACT, Tier.NORMALIZED, MissReason.NOT_FOUND],
    }
    for reach in (Strategy.SEMANTIC, Strategy.EXACT, Strategy.SEMANTIC, Strategy.NORMALIZED):
        stored = await keep(one, ASKED, reach.value, reach=reach)
        assert stored.semantic is (SemanticState.INDEXED if reach is Strategy.SEMANTIC else SemanticState.OFF)
        entry = await one.cache.entry(stored.entry_id)
        assert entry is not None
        assert entry.entry.reach is reach
        assert await tiers(one) == expected[reach]  # at once

        rows = [stored.entry_id] if reach is Strategy.SEMANTIC else []
        await eventually(lambda rows=rows: _rows(two) == rows, what=f"the other replica's row, reach {reach}")
        assert await tiers(two) == expected[reach]
    for service in (one, two):
        assert service.follower is not None
        assert service.follower.pending == 0
        assert await service.follower.embed_pending() == 0
        await service.follower.rebuild(lambda done, total: None, reembed=True)
        assert _rows(service) == []
        assert await tiers(service) == expected[Strategy.NORMALIZED]
        await assert_healthy(service.store, live=service.follower, embedder=service.embedder)


def _rows(service: Service) -> list[str]:
    assert service.follower is not None
    assert service.follower.index is not None
    return service.follower.index.ids()


async def test_a_narrow_entry_hides_no_wider_one_of_another_spelling(make_service: MakeService) -> None:
    service = await make_service(strategy="normalized")
    await keep(service, ASKED, "wide")
    await keep(service, SPELT, "narrow", reach=Strategy.EXACT)
    third = request("What is the capital city of France")
    outcome = await service.cache.lookup(third)
    assert isinstance(outcome, Hit)
    assert outcome.entry.response == b'"wide"'


async def test_an_entry_reaches_no_further_than_the_operator_lets_it(make_service: MakeService) -> None:
    narrow = {"faq": {"strategy": "exact"}}
    service = await make_service(namespaces=narrow)
    stored = await keep(service, request("how are you?", namespace="faq"), "well")
    assert stored.semantic is SemanticState.OFF
    entry = await service.cache.entry(stored.entry_id)
    assert entry is not None
    assert entry.entry.reach is Strategy.EXACT


async def test_a_miss_tells_what_is_stale(make_service: MakeService) -> None:
    service = await make_service(strategy="exact", ttl={"stale_window_s": 60, "min_s": 0.001})
    asked = request("how high is the tower?")
    assert (await missed(service, asked)).stale is None
    stored = await keep(service, asked, "old", ttl_s=0.05)

    async def expired() -> Any:
        outcome = await service.cache.lookup(asked)
        return outcome if isinstance(outcome, Miss) else None

    miss = await eventually(expired)
    assert miss.reason is MissReason.EXPIRED
    assert isinstance(miss.stale, Stale)
    assert (miss.stale.entry.entry_id, miss.stale.entry.response) == (stored.entry_id, b'"old"')
    assert miss.fill.entry_id == stored.entry_id
    fresh = await service.cache.lookup(asked, fresh=True)
    assert isinstance(fresh, Miss)
    assert (fresh.reason, fresh.stale is not None) == (MissReason.NO_CACHE, True)
    assert (await missed(service, request("how deep is the well?"))).stale is None
    await service.cache.feedback(stored.entry_id, prompt="how high is the tower?", asker=None, correct=False)
    assert (await missed(service, asked)).stale is None  # what was wrong is not served stale either


async def test_without_a_window_nothing_is_stale(make_service: MakeService) -> None:
    service = await make_service(strategy="exact", ttl={"min_s": 0.001})
    asked = request("how high is the tower?")
    await keep(service, asked, "old", ttl_s=0.05)

    async def expired() -> Any:
        outcome = await service.cache.lookup(asked)
        return outcome if isinstance(outcome, Miss) else None

    assert (await eventually(expired)).stale is None


async def test_a_fresh_lookup_serves_nothing_and_can_be_filled(make_service: MakeService) -> None:
    service = await make_service(threshold=0.8)
    stored = await keep(service, ASKED, "old")
    events: list[Any] = []
    service.cache._observer.looked_up = events.append  # type: ignore[method-assign]
    for asked in (ASKED, MEANT):
        outcome = await service.cache.lookup(asked, fresh=True)
        assert isinstance(outcome, Miss)
        assert (outcome.reason, outcome.nearest, outcome.stale) == (MissReason.NO_CACHE, None, None)
        assert outcome.fill is not None
    assert [set(event.stages) for event in events] == [{"store"}] * 2  # nothing was embedded
    refill = await service.cache.lookup(ASKED, fresh=True)
    assert isinstance(refill, Miss)
    renewed = await service.cache.store(ASKED, b'"new"', fill=refill.fill)
    assert isinstance(renewed, Stored)
    assert (renewed.replaced, renewed.entry_id) == (True, stored.entry_id)


async def test_the_store_of_a_superseded_flight_is_refused(make_service: MakeService) -> None:
    service = await make_service(strategy="exact")
    fill = (await missed(service, ASKED)).fill
    assert fill is not None
    tokens = []
    for _ in range(2):
        seat = await service.store.flights.board(fill.entry_id, since_ms=1 << 50, ttl_s=30)
        await service.store.flights.land(fill.entry_id, seat.token, linger_s=30)
        tokens.append(seat.token)
    late = msgspec.structs.replace(fill, flight=tokens[0])
    assert await service.cache.store(ASKED, b"1", fill=late) == Refused(reason=RefusedReason.SUPERSEDED)
    current = msgspec.structs.replace(fill, flight=tokens[1])
    assert isinstance(await service.cache.store(ASKED, b"2", fill=current), Stored)
    await assert_healthy(service.store)  # which knows the keys of flights


def test_fill_tokens_of_before_have_no_flight() -> None:
    token = FillToken("ab" * 16, 1, 2, 3)
    older = msgspec.msgpack.encode([token.entry_id, 1, 2, 3])
    assert msgspec.msgpack.decode(older, type=FillToken) == token
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(token), type=FillToken) == token


async def test_a_prompt_with_nothing_to_compare_with_is_not_embedded(make_service: MakeService) -> None:
    service = await make_service()
    stages: list[set[str]] = []
    service.observers.add(_Stages(stages))
    assert (await missed(service, ASKED)).reason is MissReason.NOT_FOUND
    await keep(service, ASKED, "Paris")
    assert (await missed(service, request("Why is the sky blue?"))).reason is MissReason.BELOW_THRESHOLD
    assert stages[0] == {"store"}
    assert stages[1] == {"store", "embed", "search"}, "a neighbour that far away needs no record to be read"


async def test_an_answer_under_way_finds_its_vector_ready(make_service: MakeService) -> None:
    service = await make_service()
    await service.cache.anticipate(ASKED)
    assert service.embedder is not None
    await service.embedder.aclose()  # whatever is embedded from now on must have been before
    assert (await keep(service, ASKED, "Paris")).semantic is SemanticState.INDEXED
    assert (await keep(service, MEANT, "Paris")).semantic is SemanticState.PENDING


class _Stages:
    """Notes what each lookup went through."""

    def __init__(self, stages: list[set[str]]) -> None:
        self._stages = stages

    def looked_up(self, event: LookupEvent) -> None:
        self._stages.append(set(event.stages))

    def stored(self, event: StoreEvent) -> None: ...
    def called(self, event: CallEvent) -> None: ...
    def served_stale(self, event: StaleEvent) -> None: ...
    def degraded(self, part: str, reason: str, detail: str = "") -> None: ...


async def test_the_identity_of_a_request_is_told_once_and_forgotten_with_it(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await make_service(near={"identities": 0})
    asked: list[CacheRequest] = []

    def told(one: CacheRequest, *more: Any, **named: Any) -> CacheIdentity:
        asked.append(one)
        return identify(one, *more, **named)

    monkeypatch.setattr("semcache.cache.identify", told)
    first = request("What is the capital of Peru?")
    await missed(service, first)
    await keep(service, first, "Lima")
    assert asked == [first]
    await service.cache.lookup(request("What is the capital of Peru?"))
    assert len(asked) == 2, "an equal request is another"
    asked.clear()
    del first
    gc.collect()
    assert not service.cache._told


async def test_a_prompt_is_embedded_beside_the_read_while_nothing_is_found_by_its_letters(
    make_service: MakeService,
) -> None:
    service = await make_service(threshold=0.8, near={"entries": 0}, embedding={"cache_entries": 0})
    await keep(service, ASKED, "Paris")
    embedder, read = service.embedder, service.entries.read
    assert embedder is not None
    texts: list[int] = []

    async def watched(*given: Any) -> Any:
        answer = await read(*given)
        texts.append(embedder.misses)
        return answer

    service.entries.read = watched  # type: ignore[assignment, method-assign, unused-ignore]

    async def ahead(asked: CacheRequest) -> bool:
        before = embedder.misses
        await service.cache.lookup(asked)
        return texts[-1] > before

    assert not await ahead(request("Which of the planets has 1 moon?"))
    for number in range(2, 60):
        await service.cache.lookup(request(f"Which of the planets has {number} moons?"))
    assert await ahead(request("Which of the planets has 60 moons?"))
    elsewhere = request("Which of the planets has 61 moons?", model="another")
    assert not await ahead(elsewhere)  # where there is nothing to compare with
    found = [await service.cache.lookup(ASKED) for _ in range(10)]
    assert all(isinstance(one, Hit) and one.tier is Tier.EXACT for one in found)
    embedded = embedder.misses
    assert not await ahead(ASKED)
    assert not await ahead(request("Which of the planets has 62 moons?"))
    assert embedder.misses == embedded + 1
