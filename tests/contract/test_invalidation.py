"""Epochs and fences: what was invalidated stays so, and a fill that raced an invalidation is born stale."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from semcache.errors import RequestError
from semcache.models import CacheIdentity, FillToken, RefusedReason, Strategy
from semcache.ports import Fenced, Selector
from semcache.stores.store import RedisStore
from tests.contract.conftest import MakeStore
from tests.contract.records import draft, eventually, identity, put

EXACT = Strategy.EXACT


# -- epochs ---------------------------------------------------------------------------------------------------------


async def test_raised_epoch_is_above_all_that_was_stored(store: RedisStore) -> None:
    people = [identity(f"e{n}") for n in range(100)]
    await asyncio.gather(*(put(store, who) for who in people))
    other = await put(store, identity("elsewhere", namespace="other"))
    raised = await store.catalog.raise_epoch("default")
    many = await store.entries.read_many([who.entry_id for who in people])
    assert all(candidate.entry.epoch < many.epochs[at] <= raised for at, candidate in many.found.items())
    for who in people[:5]:
        read = await store.entries.read(who, EXACT)
        assert read.exact is not None
        assert read.exact.entry.epoch < read.epoch
    kept = await store.entries.read(identity("elsewhere", namespace="other"), EXACT)
    assert kept.epoch == other.entry.epoch
    assert await store.catalog.raise_epoch("default") > raised
    again = await put(store, people[0])
    assert again.entry.epoch == (await store.entries.read(people[0], EXACT)).epoch


async def test_lost_epochs_come_back_higher(make_store: MakeStore, raw: Any, key_prefix: str) -> None:
    first, second = await make_store(), await make_store()
    who = identity("lost", shard=4)
    await put(first, who)
    await first.catalog.raise_epoch("default")
    epoch = (await first.entries.read(who, EXACT)).epoch

    async def tick() -> bool:
        return (await first.entries.read_many([])).now_ms > epoch + 1

    await eventually(tick)
    await raw.delete(f"{key_prefix}:{{s04}}:epochs")
    read = await second.entries.read(who, EXACT)  # a process that remembers nothing
    assert read.exact is not None
    assert read.epoch > epoch > read.exact.entry.epoch
    await raw.delete(f"{key_prefix}:{{s04}}:epochs")
    many = await second.entries.read_many([who.entry_id])
    assert many.epochs[who.entry_id] >= read.epoch


async def test_an_older_epoch_is_raised_to_what_is_remembered(make_store: MakeStore, raw: Any, key_prefix: str) -> None:
    first, second = await make_store(), await make_store()
    who = identity("failover", shard=4)
    before = await put(first, who)
    await first.catalog.raise_epoch("default")
    raised = (await first.entries.read(who, EXACT)).epoch
    # a failover that lost the raise
    await raw.hset(f"{key_prefix}:{{s04}}:epochs", "default", before.entry.epoch)
    assert (await first.entries.read_many([who.entry_id])).epochs[who.entry_id] == raised
    assert (await first.entries.read(who, EXACT)).epoch == raised
    assert (await second.entries.read(who, EXACT)).epoch == raised  # written back by the first


# -- fences ---------------------------------------------------------------------------------------------------------


async def token(store: RedisStore, who: Any) -> FillToken:
    read = await store.entries.read(who, EXACT)
    return FillToken(who.entry_id, read.epoch, read.fence, read.now_ms)


async def test_a_fill_that_nothing_raced_is_kept(store: RedisStore) -> None:
    who = identity("calm")
    fill = await token(store, who)
    await put(store, who, fill=fill)
    await put(store, who, fill=fill)
    with pytest.raises(RequestError):
        await store.entries.put(draft(identity("another"), fill=fill))


async def later(store: RedisStore, fill: FillToken) -> FillToken:
    """The token of a miss that was read when the store's clock had gone on."""

    async def read() -> FillToken | None:
        now = (await store.entries.read_many([])).now_ms
        return msgspec.structs.replace(fill, issued_ms=now) if now > fill.issued_ms else None

    found: FillToken = await eventually(read)
    return found


async def kept(store: RedisStore, who: CacheIdentity) -> bytes:
    found = (await store.entries.read(who, EXACT)).exact
    assert found is not None
    return found.entry.response


@pytest.mark.parametrize("explicit", [False, True], ids=["filled", "stored"])
async def test_an_answer_never_replaces_one_that_was_asked_for_later(store: RedisStore, explicit: bool) -> None:
    who = identity("overtaken")
    first = await token(store, who)
    second = await later(store, first)
    third = await later(store, second)
    await put(store, who, response=b"2", fill=None if explicit else second)
    refused = await store.entries.put(draft(who, response=b"1", tags=("t",), fill=first))
    assert refused == Fenced(RefusedReason.NEWER_KEPT)
    assert await kept(store, who) == b"2"
    if not explicit:
        await put(store, who, response=b"2 again", fill=second)
        await put(store, who, response=b"3", fill=third)
        assert await store.entries.put(draft(who, fill=second)) == Fenced(RefusedReason.NEWER_KEPT)
        assert await kept(store, who) == b"3"
    await put(store, who, response=b"4", fill=await later(store, await token(store, who)))
    assert await kept(store, who) == b"4"


async def test_who_was_asked_later_and_stores_first_is_not_taken_for_the_time_of_its_store(store: RedisStore) -> None:
    who = identity("slow")
    first = await token(store, who)
    second = await later(store, first)
    await later(store, second)
    await put(store, who, response=b"1", fill=first)  # created after the second was asked for
    await put(store, who, response=b"2", fill=second)
    assert await kept(store, who) == b"2"


async def test_what_is_stored_without_a_miss_replaces_everything(store: RedisStore) -> None:
    who = identity("by hand")
    first = await token(store, who)
    await put(store, who, response=b"1", fill=await later(store, first))
    await put(store, who, response=b"2")
    assert await kept(store, who) == b"2"
    before = first.issued_ms - 1000
    imported = await store.entries.put(draft(who, response=b"3", created_ms=before))
    assert imported == Fenced(RefusedReason.NEWER_KEPT)  # unless it was kept elsewhere, and is older
    assert await kept(store, who) == b"2"
    await store.entries.remove([who.entry_id])
    await put(store, who, response=b"3", created_ms=before)  # it counts as of its own time
    await put(store, who, response=b"4", fill=first)
    assert await kept(store, who) == b"4"


async def test_what_is_gone_or_invalidated_stands_in_nobodys_way(store: RedisStore, raw: Any, key_prefix: str) -> None:
    who = identity("gone")
    first = await token(store, who)
    await put(store, who, fill=await later(store, first))
    await store.entries.remove([who.entry_id])
    await put(store, who, response=b"1", fill=first)
    key = f"{key_prefix}:{{s{who.shard:02d}}}:e:{who.entry_id}"
    for field, value in (("a", 1 << 50), ("d", b"x" * 32)):  # of a clock that went ahead; of another request
        await raw.execute_command("HSET", key, field, value)
        await put(store, who, response=b"2", fill=first)
    await raw.execute_command("HSET", key, "a", first.issued_ms + 1, "e", 1)
    await put(store, who, response=b"3", fill=first)
    ahead = msgspec.structs.replace(first, issued_ms=1 << 50)
    await put(store, who, response=b"4", fill=ahead)  # counts as of now
    await put(store, who, response=b"5", fill=await later(store, await token(store, who)))
    assert await kept(store, who) == b"5"


RACES = {
    "namespace": (Selector(namespace="n1", older_than_s=3.0), True),
    "everything": (Selector(all=True), True),
    "everywhere": (Selector(contains="x"), True),
    "tag": (Selector(namespace="n1", tags=("t1",)), True),
    "tag everywhere": (Selector(tags=("t2",)), True),
    "tag and prefix": (Selector(namespace="n1", tags=("t1",), prefix="p"), True),
    "model": (Selector(namespace="n1", model="m1"), True),
    "version": (Selector(namespace="n1", model="m1", model_version="v1"), True),
    "version alone": (Selector(namespace="n1", model_version="v1"), True),
    "entry": (Selector(namespace="n1", entry_ids=(identity("raced", namespace="n1").entry_id,)), True),
    "other namespace": (Selector(namespace="n2", all=True), False),
    "other tag": (Selector(namespace="n1", tags=("t3",)), False),
    "other model": (Selector(namespace="n1", model="m2"), False),
    "other version": (Selector(namespace="n1", model="m1", model_version="v2"), False),
    "other entry": (Selector(namespace="n1", entry_ids=(identity("calm", namespace="n1").entry_id,)), False),
    "tag of other namespace": (Selector(namespace="n2", tags=("t1",)), False),
}


@pytest.mark.parametrize("name", RACES)
async def test_a_fence_stops_what_it_concerns(store: RedisStore, name: str) -> None:
    selector, fenced = RACES[name]
    who = identity("raced", namespace="n1")
    fill = await token(store, who)
    await store.catalog.raise_fence(selector)
    outcome = await store.entries.put(draft(who, fill=fill, tags=("t1", "t2")))
    assert isinstance(outcome, Fenced) is fenced
    assert ((await store.entries.read(who, EXACT)).exact is None) is fenced
    await put(store, who, fill=await token(store, who), tags=("t1", "t2"))  # asked for after the fence


async def test_a_raised_epoch_fences_too(store: RedisStore) -> None:
    who = identity("raced")
    fill = await token(store, who)
    await store.catalog.raise_epoch("default")
    assert isinstance(await store.entries.put(draft(who, fill=fill)), Fenced)
    await put(store, who)  # no token: cannot be told


async def test_lost_and_dropped_fences_count_as_raised(store: RedisStore, raw: Any, key_prefix: str) -> None:
    who = identity("raced", shard=2)
    fill = await token(store, who)

    async def tick() -> bool:
        return (await store.entries.read_many([])).now_ms > fill.fence

    await eventually(tick)
    await raw.delete(f"{key_prefix}:{{s02}}:fences")
    assert isinstance(await store.entries.put(draft(who, fill=fill)), Fenced)
    beyond = FillToken(who.entry_id, fill.epoch, (await token(store, who)).fence + 5, fill.issued_ms)
    assert isinstance(await store.entries.put(draft(who, fill=beyond)), Fenced)


async def test_fences_are_capped(store: RedisStore, raw: Any, key_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from semcache.stores import catalog

    monkeypatch.setattr(catalog, "MAX_FENCES", 20)
    who = identity("raced", shard=2)
    fill = await token(store, who)
    for n in range(60):
        await store.catalog.raise_fence(Selector(namespace="n", entry_ids=(f"02{n:030x}",)))
    assert await raw.hlen(f"{key_prefix}:{{s02}}:fences") <= 20
    assert isinstance(await store.entries.put(draft(who, fill=fill)), Fenced)
    await put(store, who, fill=await token(store, who))


async def test_a_shard_that_lost_writes_is_not_believed(store: RedisStore) -> None:
    here, elsewhere = identity("a", shard=5), identity("a", shard=6)
    before = await put(store, here)
    await put(store, elsewhere)
    token = FillToken(here.entry_id, before.entry.epoch, (await store.entries.read(here, EXACT)).fence, 0)
    await store.catalog.distrust(5)
    read = await store.entries.read(here, EXACT)
    assert read.exact is not None
    assert read.exact.entry.epoch < read.epoch
    assert isinstance(await store.entries.put(draft(here, fill=token)), Fenced)
    kept = await store.entries.read(elsewhere, EXACT)
    assert kept.exact is not None
    assert kept.exact.entry.epoch == kept.epoch
    again = await put(store, here)
    assert again.entry.epoch == read.epoch


@pytest.mark.parametrize("many", [False, True])
async def test_a_fence_that_fell_back_tells_of_lost_writes(
    store: RedisStore, raw: Any, key_prefix: str, many: bool
) -> None:
    who = identity("a", shard=5)
    await put(store, who)
    fences = f"{key_prefix}:{{s05}}:fences"
    old = await raw.dump(fences)
    await store.catalog.raise_fence(Selector(tags=("t",)))
    if old is None:
        await raw.hset(fences, mapping={"#": 1, "#floor": 1})
    else:
        await raw.restore(fences, 0, old, replace=True)
    if many:
        found = await store.entries.read_many([who.entry_id])
        assert found.found[who.entry_id].entry.epoch < found.epochs[who.entry_id]
    read = await store.entries.read(who, EXACT)
    assert read.exact is not None
    assert read.exact.entry.epoch < read.epoch
