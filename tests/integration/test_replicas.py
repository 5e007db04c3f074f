"""Two replicas on one store, and one replica through losses: the index stays a view of the store."""

from __future__ import annotations

import asyncio
import functools
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from semcache.models import CacheRequest, Hit, Miss, MissReason, Outcome, Refused, RefusedReason, Stored, Tier
from semcache.ports import Selector
from semcache.service import Service
from semcache.vectors.index import SegmentedIndex
from tests.integration.conftest import MakeService, eventually, is_ready
from tests.patience import LONG_S
from tests.prompts import prompt, reworded


def request(text: str, **fields: Any) -> CacheRequest:
    return CacheRequest(messages=[{"role": "user", "content": text}], model="m", **fields)


async def fill(service: Service, number: int, **fields: Any) -> Stored:
    outcome = await service.cache.store(request(prompt(number)), msgspec.json.encode(f"answer {number}"), **fields)
    assert isinstance(outcome, Stored), outcome
    return outcome


async def ask(service: Service, text: str) -> Outcome:
    return await service.cache.lookup(request(text))


async def hits(service: Service, number: int) -> bool:
    outcome = await ask(service, reworded(number))
    return isinstance(outcome, Hit) and outcome.entry.response == msgspec.json.encode(f"answer {number}")


async def test_a_store_is_a_semantic_hit_here_at_once_and_there_within_a_second(make_service: MakeService) -> None:
    first, second = await make_service(), await make_service()
    for number in range(5):
        stored = await fill(first, number)
        began = time.monotonic()
        here = await ask(first, reworded(number))
        lookup_s = time.monotonic() - began
        assert isinstance(here, Hit)
        assert (here.tier, here.entry.entry_id) == (Tier.SEMANTIC, stored.entry_id)
        began = time.monotonic()
        await eventually(lambda n=number: hits(second, n), what="semantic hit on the other replica")
        assert time.monotonic() - began < 1.0 + 20 * lookup_s  # a busy machine is slow in both


async def test_a_deletion_is_honoured_on_another_replica_without_copies_at_once(make_service: MakeService) -> None:
    first, second = await make_service(near={"entries": 0}), await make_service()
    stored = await fill(first, 1)
    await eventually(lambda: hits(second, 1))
    assert await second.cache.delete(stored.entry_id)
    assert isinstance(await ask(first, prompt(1)), Miss)
    assert isinstance(await ask(first, reworded(1)), Miss)


async def test_a_wrong_hit_is_not_served_again_anywhere(make_service: MakeService) -> None:
    first, second = await make_service(), await make_service(near={"entries": 0})
    stored = await fill(first, 1)
    await eventually(lambda: hits(second, 1))
    assert await first.cache.feedback(stored.entry_id, prompt=reworded(1), asker=None, correct=False)
    for service in (first, second):
        outcome = await ask(service, reworded(1))
        assert isinstance(outcome, Miss)
        assert outcome.reason is MissReason.VETOED
        assert isinstance(await ask(service, prompt(1)), Hit)


@pytest.mark.parametrize(
    "selector",
    [
        Selector(namespace="default"),
        Selector(tags=("doc",)),
        Selector(model="m"),
        Selector(contains="bread"),
        Selector(all=True),
    ],
    ids=lambda selector: str(next(iter(msgspec.to_builtins(selector)))),
)
async def test_an_invalidation_that_races_a_fill_wins(make_service: MakeService, selector: Selector) -> None:
    first, second = await make_service(), await make_service()
    missed = await ask(first, prompt(0))
    assert isinstance(missed, Miss)
    assert missed.fill is not None
    await second.invalidator.invalidate(selector, who="test")
    late = await first.cache.store(request(prompt(0)), b'"old"', tags=["doc"], fill=missed.fill)
    assert late == Refused(reason=RefusedReason.INVALIDATED_MEANWHILE)
    assert isinstance(await ask(first, prompt(0)), Miss)
    again = await ask(first, prompt(0))
    assert isinstance(again, Miss)
    fresh = await first.cache.store(request(prompt(0)), b'"new"', tags=["doc"], fill=again.fill)
    assert isinstance(fresh, Stored)
    assert isinstance(await ask(second, prompt(0)), Hit)


async def test_a_rebuilt_index_is_one_segment(make_service: MakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    service = await make_service()
    for number in range(30):
        await fill(service, number)
    follower: Any = service.follower
    sealed_often = functools.partial(SegmentedIndex, delta_rows=4)
    monkeypatch.setattr(follower._shelf, "create", sealed_often)
    assert await follower.rebuild(lambda done, total: None) == 30
    assert [segment.live for segment in follower.index.segments] == [30]
    assert await hits(service, 29)


async def test_a_rebuild_under_load_loses_nothing_and_serves_throughout(make_service: MakeService) -> None:
    first, second = await make_service(), await make_service()
    for number in range(60):
        await fill(first, number)
    await eventually(lambda: hits(second, 59))
    job = await first.jobs.submit("rebuild", {}, who="test")
    stored = list(range(60))
    misses = []

    async def load(start: int) -> None:
        number = start
        while not (await second.jobs.get(job)).finished:
            if number < 4000:
                await fill(first, number)
                stored.append(number)
                number += 2
            misses.extend([old for old in (stored[number % 60], stored[-1]) if not await hits(first, old)])

    await asyncio.gather(load(60), load(61))
    status = await first.jobs.get(job)
    assert status.state == "done", status
    assert set(status.replicas) == {first.replica_id, second.replica_id}
    assert misses == []
    for number in stored:
        assert await hits(first, number)
        await eventually(lambda n=number: hits(second, n))


@pytest.mark.parametrize("store_backend", ["standalone"], indirect=True)  # the harm is done beside the store
@pytest.mark.parametrize("harm", ["deleted", "damaged", "truncated", "kept"])
async def test_any_snapshot_leads_to_a_correct_index(make_service: MakeService, tmp_path: Path, harm: str) -> None:
    first = await make_service(index="shared")
    for number in range(10):
        await fill(first, number)
    await eventually(first.follower.save_snapshot, what="snapshot")
    await fill(first, 10)
    deleted = await fill(first, 11)
    await first.cache.delete(deleted.entry_id)
    await first.aclose()
    folder = tmp_path / "shared"
    files = [file for file in folder.rglob("*") if file.is_file() and file.stat().st_size > 0]
    assert files
    if harm == "deleted":
        shutil.rmtree(folder)
    elif harm == "damaged":
        for file in files:
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 0xFF
            file.write_bytes(content)
    elif harm == "truncated":
        for file in files:
            file.write_bytes(file.read_bytes()[:-1])
    second = await make_service(index="shared")
    assert (second.follower.source == "snapshot") == (harm == "kept")
    for number in range(11):
        assert await hits(second, number)
    assert isinstance(await ask(second, reworded(11)), Miss)
    assert second.follower.index is not None
    assert len(second.follower.index) == 11


async def test_a_store_that_lost_everything_empties_the_index(make_service: MakeService) -> None:
    service = await make_service()
    for number in range(5):
        await fill(service, number)
    generation = await service.log.generation()
    await _lose_everything(service)
    await eventually(lambda: _generation_is_new(service, generation), what="new generation")
    await eventually(lambda: service.follower.caught_up and len(service.follower.index or ()) == 0, what="empty index")
    await eventually(lambda: len(service.near) == 0, what="the end of the copies")
    assert isinstance(await ask(service, prompt(1)), Miss)
    assert isinstance(await ask(service, reworded(1)), Miss)
    await fill(service, 1)
    assert await hits(service, 1)


async def _generation_is_new(service: Service, old: str) -> bool:
    return await service.log.generation() != old


async def _lose_everything(service: Service) -> None:
    """Delete every key of this test's prefix, as a server that lost its data would have."""
    prefix = service.settings.store.key_prefix
    client = service.store._link.client  # the harm is done behind the ports' back
    async for key in client.scan_iter(match=f"{prefix}:*", count=1000):
        await client.delete(key)


async def test_entries_stored_without_an_embedder_are_found_by_meaning_later(make_service: MakeService) -> None:
    blind = await make_service(embedder="off")
    await fill(blind, 3)
    seeing = await make_service()
    await eventually(lambda: hits(seeing, 3), what="embedded later")


async def test_partitions_keep_answers_apart(make_service: MakeService) -> None:
    service = await make_service()
    await fill(service, 2)
    text = prompt(2)
    others = [
        CacheRequest(messages=[{"role": "user", "content": text}], model="m", namespace="other"),
        CacheRequest(messages=[{"role": "user", "content": text}], model="other"),
        CacheRequest(messages=[{"role": "user", "content": text}], model="m", model_version="2"),
        CacheRequest(messages=[{"role": "user", "content": text}], model="m", params={"temperature": 1}),
        CacheRequest(
            messages=[{"role": "system", "content": "Answer in French."}, {"role": "user", "content": text}], model="m"
        ),
        CacheRequest(
            messages=[
                {"role": "user", "content": "I bake."},
                {"role": "assistant", "content": "Fine."},
                {"role": "user", "content": text},
            ],
            model="m",
        ),
    ]
    for other in others:
        outcome = await service.cache.lookup(other)
        assert isinstance(outcome, Miss), other
        assert outcome.reason is MissReason.NOT_FOUND


async def test_a_service_starts_without_its_store_and_says_so(make_service: MakeService) -> None:
    service = await make_service(ready=False, url="redis://127.0.0.1:1/0", store={"cluster": False})
    began = time.monotonic()
    outcome = await ask(service, prompt(1))
    assert isinstance(outcome, Miss)
    assert outcome.reason in {MissReason.STORE_UNAVAILABLE, MissReason.STORE_TIMEOUT}
    assert time.monotonic() - began < LONG_S / 2
    refused = await service.cache.store(request(prompt(1)), b'"x"')
    assert isinstance(refused, Refused)
    assert not await is_ready(service)
