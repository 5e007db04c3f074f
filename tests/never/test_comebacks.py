"""An invalidated answer never comes back: by no late fill or embedding, rebuild, snapshot, replica, lost write."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from semcache.models import SHARDS, CacheRequest, Hit, MissReason, Refused, RefusedReason, Strategy
from semcache.policy.copies import CONFIRMED_S
from semcache.policy.identity import identify
from semcache.ports import Selector
from semcache.service import Service
from tests import servers
from tests.integration.conftest import MakeService, eventually
from tests.never.conftest import answer_of, keep, missed, request
from tests.prompts import prompt, reworded

SELECTORS = {
    "namespace": Selector(namespace="default"),
    "all": Selector(all=True),
    "tag": Selector(tags=("doc",)),
    "model": Selector(model="m"),
    "version": Selector(model="m", model_version=""),
    "prefix": Selector(prefix="How would"),
    "contains": Selector(contains="bread"),
    "pattern": Selector(pattern="b[a-z]+d"),
    "age": Selector(older_than_s=0.0),
    "similar": Selector(similar_to=reworded(0), threshold=0.8),
}

NEVERMORE = Refused(reason=RefusedReason.INVALIDATED_MEANWHILE)


async def gone(service: Service, number: int = 0) -> None:
    """Neither the prompt nor another spelling nor a rewording of it is answered."""
    for text in (prompt(number), prompt(number).rstrip("?"), reworded(number)):
        outcome = await service.cache.lookup(request(text))
        assert not isinstance(outcome, Hit), (text, outcome)


async def knows(service: Service, number: int = 0) -> bool:
    return isinstance(await service.cache.lookup(request(reworded(number))), Hit)


async def put_to_sleep(service: Service) -> None:
    """Stop all that a replica does by itself: it still answers, and follows nothing, so that soon it trusts no copy."""
    for task in service._tasks:
        task.cancel()
    await asyncio.gather(*service._tasks, return_exceptions=True)
    service._tasks = []
    await eventually(lambda: service.near.lag_s > CONFIRMED_S, what="the end of trust in copies")


def index_of(service: Service) -> Any:
    assert service.follower is not None
    assert service.follower.index is not None
    return service.follower.index


async def raw_keys(service: Service, suffix: str) -> list[tuple[Any, bytes]]:
    """The server behind the ports' back: (client, key) of one bookkeeping key of every shard."""
    client = service.store._link.client
    return [(client, base + suffix.encode()) for base in service.store._link.keys.bases]


async def test_by_no_selector_on_a_replica_that_slept(make_service: MakeService) -> None:
    """The sleeper has its row still, and nobody tells it: the record decides."""
    first, second = await make_service(), await make_service()
    await keep(first, request(prompt(0)), "old", tags=["doc"])
    await eventually(lambda: knows(second), what="the row on the other replica")
    await put_to_sleep(second)
    for name, selector in SELECTORS.items():
        result = await first.invalidator.invalidate(selector, who="test")
        assert result.deleted == 1, name
        assert len(index_of(second)) == 1, name
        await gone(second)
        await gone(first)
        await keep(first, request(prompt(0)), "old", tags=["doc"])
        await eventually(lambda: knows(first), what="the row of the next round")


async def test_by_no_late_fill(make_service: MakeService) -> None:
    """A fill that was asked for before is refused by every selector, and so is the deletion of one entry."""
    first, second = await make_service(), await make_service()
    entry_id = identify(request(prompt(0)), first.normalizer, first.cache._rules).entry_id
    for name, selector in {**SELECTORS, "id": Selector(entry_ids=(entry_id,)), "delete": None}.items():
        asked = await missed(first, request(prompt(0)))
        stored = await keep(second, request(prompt(0)), "old", tags=["doc"])
        assert stored.entry_id == entry_id
        if selector is None:
            assert await second.cache.delete(entry_id)
        else:
            await second.invalidator.invalidate(selector, who="test")
        late = await first.cache.store(request(prompt(0)), b'"old"', tags=["doc"], fill=asked.fill)
        assert late == NEVERMORE, name
        await gone(first)
        await gone(second)


async def test_not_by_a_fill_from_before_a_restart(make_service: MakeService) -> None:
    """A token outlives the process that gave it, and so does what it must not outlive."""
    first = await make_service()
    calm, raced = await missed(first, request(prompt(1))), await missed(first, request(prompt(0)))
    await first.invalidator.invalidate(Selector(prefix="How would somebody bake"), who="test")
    await first.aclose()
    second = await make_service()
    assert await second.cache.store(request(prompt(0)), b'"old"', fill=raced.fill) == NEVERMORE
    await second.invalidator.invalidate(Selector(namespace="default"), who="test")
    assert await second.cache.store(request(prompt(1)), b'"old"', fill=calm.fill) == NEVERMORE
    await gone(second)


async def test_not_by_a_fill_from_before_the_store_lost_everything(make_service: MakeService) -> None:
    with servers.server() as server:
        service = await make_service(url=server.url)
        asked = await missed(service, request(prompt(0)))
        server.kill()
        server.start()

        async def fenced() -> bool:
            late = await service.cache.store(request(prompt(0)), b'"old"', fill=asked.fill)
            assert isinstance(late, Refused)
            return late == NEVERMORE  # until then: no store

        await eventually(fenced, what="a store that answers")
        await gone(service)


async def test_not_by_a_late_embedding(make_service: MakeService) -> None:
    """Vectors that come after the invalidation bring back neither the record nor a row that is served."""
    blind, first = await make_service(embedder="off"), await make_service()
    assert first.embedder is not None
    (vectors,) = await first.embedder.embed([prompt(0)])
    assert vectors is not None
    stored = await keep(blind, request(prompt(0)), "old")
    candidate = await first.cache.entry(stored.entry_id)
    assert candidate is not None
    digest = candidate.entry.digest
    await first.catalog.raise_epoch("default")  # the epoch alone: the record is still there
    await first.entries.attach(stored.entry_id, digest, vectors)
    await gone(first)
    await first.invalidator.invalidate(Selector(namespace="default"), who="test")
    assert not await first.entries.attach(stored.entry_id, digest, vectors)
    assert (await first.entries.read_many([stored.entry_id])).found == {}
    await gone(first)
    await gone(blind)


@pytest.mark.parametrize("reembed", [False, True])
async def test_not_by_a_rebuild(make_service: MakeService, reembed: bool) -> None:
    service = await make_service()
    for number in range(5):
        await keep(service, request(prompt(number)), number)
    await service.catalog.raise_epoch("default")  # records are there still, as while an invalidation's job goes on
    await keep(service, request(prompt(9)), "new")
    assert service.follower is not None
    await service.follower.rebuild(lambda done, total: None, reembed=reembed)
    assert len(index_of(service)) == 1
    for number in range(5):
        await gone(service, number)
    assert await knows(service, 9)


async def test_not_by_a_snapshot(make_service: MakeService) -> None:
    """A snapshot from before is opened after: its rows lead to nothing, and die."""
    first = await make_service(index="shared")
    for number in range(3):
        await keep(first, request(prompt(number)), number, tags=[f"t{number}"])
    assert first.follower is not None
    await eventually(first.follower.save_snapshot, what="snapshot")
    await first.aclose()
    other = await make_service()
    await other.invalidator.invalidate(Selector(tags=("t0",)), who="test")
    await other.invalidator.invalidate(Selector(namespace="default"), who="test")
    second = await make_service(index="shared")
    assert second.follower is not None
    assert second.follower.source == "snapshot"
    for number in range(3):
        await gone(second, number)
    await eventually(lambda: len(index_of(second)) == 0, what="rows dead")


async def test_not_by_lost_epochs(make_service: MakeService) -> None:
    """The hash of the epochs deleted in every shard, before anybody who remembers asks."""
    first = await make_service()
    for number in range(8):
        await keep(first, request(prompt(number)), number)
    raised = await first.catalog.raise_epoch("default")

    async def tick() -> bool:
        return (await first.entries.read_many([])).now_ms > raised

    await eventually(tick)
    fresh = await make_service()
    for client, key in await raw_keys(first, "epochs"):
        await client.delete(key)
    for service in (fresh, first):
        for number in range(8):
            await gone(service, number)
            outcome = await missed(service, request(prompt(number)))
            assert outcome.reason in {MissReason.INVALIDATED, MissReason.NOT_FOUND, MissReason.BELOW_THRESHOLD}
    for number in range(8):
        await keep(first, request(prompt(number)), "new")
        assert answer_of(await fresh.cache.lookup(request(prompt(number)))) == "new"


async def test_not_by_a_failover_that_lost_the_epoch(make_service: MakeService) -> None:
    """The value from before, in every shard: whoever saw the higher one holds to it, and writes it back."""
    first = await make_service()
    for number in range(8):
        await keep(first, request(prompt(number)), number)
    before = [await client.hget(key, "default") for client, key in await raw_keys(first, "epochs")]
    await first.catalog.raise_epoch("default")
    for (client, key), value in zip(await raw_keys(first, "epochs"), before, strict=True):
        await (client.hset(key, "default", value) if value is not None else client.hdel(key, "default"))
    for number in range(8):
        await gone(first, number)
    fresh = await make_service()  # remembers nothing, and finds what the first wrote back
    for number in range(8):
        outcome = await fresh.cache.lookup(request(prompt(number)), strategy=Strategy.NORMALIZED)
        assert not isinstance(outcome, Hit), number
    again = await first.catalog.raise_epoch("default")
    assert again > max(int(value) for value in before if value is not None)


async def test_not_by_a_failover_that_lost_a_fill_s_fence(make_service: MakeService) -> None:
    """The fences deleted, or gone back further than the token: what it saw cannot be told, so it is refused."""
    service = await make_service(embedder="off")
    old = [await client.hgetall(key) for client, key in await raw_keys(service, "fences")]
    assert len(old) == SHARDS
    asked = await missed(service, request(prompt(0)))
    fill = asked.fill
    assert fill is not None
    await service.invalidator.invalidate(Selector(tags=("doc",)), who="test")

    async def tick() -> bool:
        return (await service.entries.read_many([])).now_ms > fill.fence

    await eventually(tick)
    for client, key in await raw_keys(service, "fences"):
        await client.delete(key)
    assert await service.cache.store(request(prompt(0)), b'"old"', tags=["doc"], fill=fill) == NEVERMORE
    later = (await missed(service, request(prompt(0)))).fill
    assert later is not None
    for client, key in await raw_keys(service, "fences"):
        await client.hset(key, mapping={"#": later.fence - 10, "#floor": later.fence - 20})
    assert await service.cache.store(request(prompt(0)), b'"old"', tags=["doc"], fill=later) == NEVERMORE


async def test_not_by_a_hit_count_that_was_still_in_memory(make_service: MakeService) -> None:
    first, second = await make_service(ttl={"sliding": True}), await make_service(ttl={"sliding": True})
    stored = await keep(first, request(prompt(0)), "old")
    await eventually(lambda: knows(second), what="the row on the other replica")
    await put_to_sleep(second)
    assert isinstance(await second.cache.lookup(request(prompt(0))), Hit)
    await first.cache.delete(stored.entry_id)
    await second.cache.uses.flush()
    await gone(second)
    await gone(first)
    assert (await first.entries.read_many([stored.entry_id])).found == {}


async def test_not_by_another_spelling_of_its_prompt(make_service: MakeService) -> None:
    """Two spellings share a pointer: taking the one away leaves no way to it, and invalidating takes both."""
    service = await make_service(embedder="off")
    one, other = request(prompt(0)), request(prompt(0).rstrip("?"))
    await keep(service, one, "one")
    kept = await keep(service, other, "other")
    await service.cache.delete(kept.entry_id)
    assert answer_of(await service.cache.lookup(other)) in (None, "one")
    await keep(service, other, "other")
    await service.invalidator.invalidate(Selector(contains="bread"), who="test")
    for spelling in (one, other, CacheRequest(messages=[*one.messages], model="m")):
        await missed(service, spelling)


@pytest.mark.parametrize("read", [True, False], ids=["of a shard that was read", "of a shard that was written alone"])
async def test_not_by_a_failover_that_lost_the_deletion(make_service: MakeService, read: bool) -> None:
    """A selector deletes records; a replica that had not heard of it becomes the primary, and has them still."""
    service = await make_service()
    stored = await keep(service, request(prompt(0)), "old", tags=["doc"])
    if read:  # which begins the shard's fences
        await service.cache.lookup(request(prompt(0)))
    client, base = service.store._link.client, service.store._link.keys.bases[int(stored.entry_id[:2], 16)]
    before = {key: await client.dump(key) or b"" async for key in client.scan_iter(match=base.decode() + "*")}
    await service.invalidator.invalidate(Selector(tags=("doc",)), who="test")
    await gone(service)
    after = [key async for key in client.scan_iter(match=base.decode() + "*")]
    async with client.pipeline(transaction=True) as failover:
        failover.delete(*after)
        for key, value in before.items():
            failover.restore(key, 600_000 if b":e:" in key or b":p:" in key else 0, value, replace=True)
        await failover.execute()
    await gone(service)
