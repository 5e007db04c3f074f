"""Withheld hits are compared with the fresh answer, and the label says what came of it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from semcache.comparing import MOST, Comparer, Fresh
from semcache.models import Drawn, Grounds, Withheld
from semcache.policy.agreement import Agreement
from semcache.policy.freshness import TtlRules
from semcache.policy.guards import Rules
from semcache.policy.identity import identify
from semcache.policy.labels import Label, Source
from semcache.service import Service
from tests.conftest import Backend
from tests.integration.conftest import MakeService, eventually, make_service
from tests.never.conftest import keep, request
from tests.patience import LONG_S

__all__ = ["make_service"]

CACHED = request("how do i reset my password")
ASKED = request("what is the way to reset a password")


@pytest.fixture
def store_backend(standalone_server: str) -> Backend:
    return Backend(standalone_server)


def comparer(service: Service, labels: list[Label]) -> Comparer:
    async def record(label: Label) -> None:
        labels.append(label)

    return Comparer(
        entries=service.entries,
        embedder=service.embedder,
        rules=Rules.default(),
        record=record,
        learn=lambda namespace, drawn, right: None,
        observer=service.observers,
    )


def fresh(service: Service, entry_id: str, answer: Any, *, explored: bool = False) -> Fresh:
    identity = identify(ASKED, service.normalizer, TtlRules.default())
    return Fresh(
        identity,
        msgspec.json.encode(answer),
        Withheld(entry_id, 0.9, 0.8, Drawn(1, -1, 0.2) if explored else None, 2.0),
    )


async def test_agreement_and_disagreement_become_labels(make_service: MakeService) -> None:
    service = await make_service()
    stored = await keep(service, CACHED, "Press the link in the mail.")
    labels: list[Label] = []
    one = comparer(service, labels)
    assert await one.compare(fresh(service, stored.entry_id, "press the link in the mail")) is Agreement.SAME
    other = fresh(service, stored.entry_id, "The museum opens at 9.", explored=True)
    assert await one.compare(other) is Agreement.OTHER
    assert [(label.same, label.source, label.asked, label.cached, label.weight) for label in labels] == [
        (True, Source.SHADOW, "what is the way to reset a password", "how do i reset my password", 2.0),
        (False, Source.EXPLORED, "what is the way to reset a password", "how do i reset my password", 2.0),
    ]
    assert labels[0].confidence == 0.8


async def test_what_was_explored_is_labelled_with_the_verifiers_own_probability(make_service: MakeService) -> None:
    """Not with the one that verified mode made of it: what is tuned by labels is a cut on the former."""
    service = await make_service()
    stored = await keep(service, CACHED, "Press the link in the mail.")
    labels: list[Label] = []
    drawn = Drawn(1, -1, 0.2, False, Grounds(0.6, (0.0, 0.0, 0.0)))
    seen = fresh(service, stored.entry_id, "press the link in the mail")
    seen = msgspec.structs.replace(seen, withheld=Withheld(stored.entry_id, 0.9, 0.8, drawn))
    assert await comparer(service, labels).compare(seen) is Agreement.SAME
    assert [label.confidence for label in labels] == [0.6]


async def test_an_entry_that_is_gone_or_of_another_place_tells_nothing(make_service: MakeService) -> None:
    service = await make_service()
    elsewhere = await keep(service, request("how do i reset my password", namespace="other"), "x")
    labels: list[Label] = []
    one = comparer(service, labels)
    assert await one.compare(fresh(service, "00" * 16, "x")) is None
    assert await one.compare(fresh(service, elsewhere.entry_id, "x")) is None
    assert labels == []


async def test_a_store_after_a_shadowed_miss_is_compared(make_service: MakeService) -> None:
    service = await make_service(mode="shadow", verifier="off", threshold=0.5)
    stored = await keep(service, CACHED, "Press the link in the mail.")
    missed = await service.cache.lookup(ASKED)
    assert missed.withheld is not None  # type: ignore[union-attr]
    assert missed.withheld.entry_id == stored.entry_id  # type: ignore[union-attr]
    await keep(service, ASKED, "press the link in the mail", fill=missed.fill)  # type: ignore[union-attr]

    async def told() -> list[Label]:
        return [label async for label in service.labels.read("default")]

    deadline = asyncio.get_running_loop().time() + LONG_S
    while not (labels := await told()):
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    assert [(label.same, label.source) for label in labels] == [(True, Source.SHADOW)]


async def test_past_its_bound_comparing_drops_and_counts(make_service: MakeService) -> None:
    service = await make_service()
    one = comparer(service, [])
    for _ in range(MOST + 3):
        one.offer(fresh(service, "00" * 16, "x"))
    assert one.dropped == 3
    task = asyncio.create_task(one.run())
    await eventually(lambda: one._waiting.empty(), what="the queue to be worked off")
    task.cancel()
