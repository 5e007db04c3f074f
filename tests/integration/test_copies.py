"""Semantic hits from copies: what changes a record ends them, on its own replica at once, on others within a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from semcache.models import CacheRequest, Hit, Miss, Outcome, Stored, Tier
from semcache.ports import Selector
from semcache.service import Service
from tests.integration.conftest import MakeService, eventually
from tests.prompts import prompt, reworded

Change = Callable[[Service, Stored], Awaitable[Any]]


def request(text: str) -> CacheRequest:
    return CacheRequest(messages=[{"role": "user", "content": text}], model="m")


async def fill(service: Service, answer: str = "first", **fields: Any) -> Stored:
    outcome = await service.cache.store(request(prompt(0)), msgspec.json.encode(answer), tags=["doc"], **fields)
    assert isinstance(outcome, Stored), outcome
    return outcome


async def ask(service: Service) -> Outcome:
    return await service.cache.lookup(request(reworded(0)))


def served(outcome: Outcome) -> str | None:
    if not isinstance(outcome, Hit):
        return None
    assert outcome.tier is Tier.SEMANTIC
    answer: str = msgspec.json.decode(outcome.entry.response)
    return answer


async def from_a_copy(service: Service) -> str:
    """The answer of a semantic hit for which the store was not asked for its candidates."""

    async def looked() -> str | None:
        before = service.near.reads
        answer = served(await ask(service))
        return answer if service.near.reads > before else None

    found: str = await eventually(looked, what="a semantic hit from a copy")
    return found


def deaf(service: Service) -> None:
    """From here on the log ends no copy of this replica, and its trust in them goes on: its own knowledge has to do."""
    service.near.told = lambda entry_ids, seqs: None  # type: ignore[method-assign]
    service.near.drop_all = lambda **_: None  # type: ignore[method-assign]


async def delete(service: Service, stored: Stored) -> None:
    assert await service.cache.delete(stored.entry_id)


async def find_wrong(service: Service, stored: Stored) -> None:
    assert await service.cache.feedback(stored.entry_id, prompt=reworded(0), asker=None, correct=False)


async def replace(service: Service, stored: Stored) -> None:
    assert (await fill(service, "second")).entry_id == stored.entry_id


def invalidate(selector: Selector) -> Change:
    async def change(service: Service, stored: Stored) -> None:
        await service.invalidator.invalidate(selector, who="test")

    return change


CHANGES: dict[str, Change] = {
    "deleted": delete,
    "found wrong": find_wrong,
    "replaced": replace,
    "namespace": invalidate(Selector(namespace="default")),
    "everything": invalidate(Selector(all=True)),
    "tag": invalidate(Selector(tags=("doc",))),
    "contains": invalidate(Selector(contains="bread")),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_ends_copies_here_at_once_and_there_within_a_second(
    make_service: MakeService, name: str
) -> None:
    first, second = await make_service(), await make_service()
    stored = await fill(first)
    for service in (first, second):
        assert await from_a_copy(service) == "first"
    expected = "second" if name == "replaced" else None
    began = time.monotonic()
    await ask(first)
    lookup_s = time.monotonic() - began
    deaf(first)
    await CHANGES[name](first, stored)
    assert served(await ask(first)) == expected
    began = time.monotonic()

    async def followed() -> bool:
        return served(await ask(second)) == expected

    await eventually(followed, what="the change on the other replica")
    assert time.monotonic() - began < 1.0 + 20 * lookup_s  # a busy machine is slow in both
    for service in (first, second):
        assert served(await ask(service)) == expected


SELECTORS = {
    "tag": Selector(tags=("doc",)),
    "model": Selector(namespace="default", model="m"),
    "contains": Selector(contains="bread"),
    "pattern": Selector(pattern="b.ead"),
    "similar": Selector(similar_to=reworded(0)),
    "old": Selector(namespace="default", older_than_s=0.0),
}


@pytest.mark.parametrize("name", SELECTORS)
async def test_what_another_replica_changed_before_is_not_served_where_it_is_invalidated(
    make_service: MakeService, name: str
) -> None:
    """The store has nothing left that fits, so that no id is told of: the copy itself has to be judged."""
    first, second = await make_service(), await make_service()
    stored = await fill(first)
    assert await from_a_copy(first) == "first"
    deaf(first)
    if name == "tag":
        await second.cache.store(request(prompt(0)), b'"second"', tags=["other"])
    else:
        await second.cache.delete(stored.entry_id)
    assert served(await ask(first)) == "first"  # which nobody has told it yet
    await first.invalidator.invalidate(SELECTORS[name], who="test")
    assert served(await ask(first)) == ("second" if name == "tag" else None)


async def test_copies_of_what_is_not_invalidated_stay(make_service: MakeService) -> None:
    service = await make_service()
    await fill(service)
    assert await from_a_copy(service) == "first"
    deaf(service)
    for selector in (Selector(tags=("other",)), Selector(namespace="default", contains="butter")):
        await service.invalidator.invalidate(selector, who="test")
    kept = len(service.near)
    assert kept == 1
    await service.invalidator.invalidate(Selector(tags=("doc",)), who="test", dry_run=True)
    assert len(service.near) == kept


async def test_while_the_log_is_not_read_candidates_are_read_from_the_store(make_service: MakeService) -> None:
    first, second = await make_service(), await make_service()
    stored = await fill(first)
    assert await from_a_copy(second) == "first"

    async def never(*_: object, **__: object) -> Any:
        await asyncio.Event().wait()

    second.watcher._log.changes = never  # type: ignore[method-assign]
    await eventually(lambda: second.near.lag_s > 0.5, what="the end of trust")
    reads = second.near.reads
    assert served(await ask(second)) == "first"
    assert second.near.reads == reads
    await first.cache.delete(stored.entry_id)
    assert isinstance(await ask(second), Miss)


async def test_a_copy_does_not_outlive_its_record(make_service: MakeService) -> None:
    service = await make_service()
    await fill(service, ttl_s=3.0)
    reads = service.near.reads
    assert await from_a_copy(service) == "first"
    outcome = await ask(service)
    while isinstance(outcome, Hit):
        assert outcome.now_ms < outcome.entry.expires_ms
        outcome = await ask(service)
    assert service.near.reads > reads


async def test_hits_of_copies_are_counted_in_the_store(make_service: MakeService) -> None:
    service = await make_service()
    stored = await fill(service)
    for _ in range(3):
        await from_a_copy(service)
    await service.cache.uses.flush()
    candidate = await service.cache.entry(stored.entry_id)
    assert candidate is not None
    assert candidate.entry.hits >= 3


async def test_what_slides_is_never_a_copy(make_service: MakeService) -> None:
    service = await make_service(ttl={"sliding": True})
    await fill(service)
    for _ in range(3):
        assert served(await ask(service)) == "first"
    assert service.near.reads == 0
