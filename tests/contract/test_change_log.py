"""What every ChangeLog keeps to: order, gaps, lost writes, generations."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from semcache.errors import ConfigError
from semcache.models import SHARDS, Strategy
from semcache.ports import Position, ShardChanges
from semcache.stores import changelog
from semcache.stores.store import RedisStore
from tests.contract.conftest import MakeStore
from tests.contract.records import draft, embedding, eventually, identity
from tests.patience import LONG_S

START = [Position()] * SHARDS


async def drain(store: RedisStore, positions: list[Position]) -> list[ShardChanges]:
    """All that is there now; moves `positions`."""
    found: list[ShardChanges] = []
    while changes := await store.log.changes(positions, wait_s=0.0):
        for change in changes:
            positions[change.shard] = change.position
        found += changes
    return found


async def put(store: RedisStore, *prompts: str, shard: int | None = None) -> list[str]:
    people = [identity(prompt, shard=shard) for prompt in prompts]
    for who in people:
        await store.entries.put(draft(who))
    return [who.entry_id for who in people]


async def test_an_empty_log_ends_where_it_starts(store: RedisStore) -> None:
    assert await store.log.tails() == START
    assert await store.log.changes(START, wait_s=0.05) == []


async def test_every_change_is_told_once_and_in_order(store: RedisStore) -> None:
    ids = await put(store, "a", "b", "c", shard=5)
    await store.entries.remove([ids[0]])
    await store.entries.attach(ids[1], identity("b", shard=5).digest, embedding(1))
    elsewhere = await put(store, "d", shard=6)
    positions = list(START)
    first, second = await drain(store, positions)
    assert (first.shard, second.shard) == (5, 6)
    assert first.entry_ids == tuple(ids)  # an id that changed twice is told once
    assert first.position.seq == 5
    assert second.entry_ids == tuple(elsewhere)
    assert not first.gap
    assert positions == await store.log.tails()
    await put(store, "a", shard=5)
    (third,) = await drain(store, positions)
    assert third.entry_ids == (ids[0],)
    assert third.position.seq == 6


async def test_vetoes_and_only_real_changes_are_told(store: RedisStore) -> None:
    (one,) = await put(store, "a", shard=5)
    positions = await store.log.tails()
    await store.entries.read(identity("a", shard=5), Strategy.SEMANTIC)
    await store.entries.remove([identity("absent", shard=5).entry_id])
    assert await drain(store, positions) == []
    await store.entries.veto(one, bytes(32), wrong=True)
    await store.entries.veto(one, bytes(32), wrong=True)
    (change,) = await drain(store, positions)
    assert change.position.seq == 2


async def test_a_reader_is_woken_by_the_first_change(store: RedisStore) -> None:
    reading = asyncio.create_task(store.log.changes(await store.log.tails(), wait_s=0.9))
    await asyncio.sleep(0)  # let it begin; whether it waits already or not, it must find the change
    ids = await put(store, "wake up")
    changes = await asyncio.wait_for(reading, LONG_S)
    assert [change.entry_ids for change in changes] == [tuple(ids)]


async def test_waiting_is_bounded(store: RedisStore) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await store.log.changes(await store.log.tails(), wait_s=0.15) == []
    assert 0.1 < loop.time() - began < 2


async def test_waiting_readers_leave_the_data_plane_alone(make_store: MakeStore) -> None:
    store = await make_store(pool_size=4)
    tails = await store.log.tails()
    readers = [asyncio.create_task(store.log.changes(tails, wait_s=0.9)) for _ in range(3)]
    await asyncio.wait_for(put(store, *(f"p{n}" for n in range(10))), LONG_S)
    for changes in await asyncio.gather(*readers):
        assert changes


async def test_a_trimmed_log_is_a_gap(make_store: MakeStore) -> None:
    store = await make_store(log_entries=100)
    positions = list(START)
    await put(store, "first", shard=5)
    await put(store, "other", shard=6)
    await drain(store, positions)
    behind = list(positions)
    for start in range(0, 400, 50):
        await asyncio.gather(*(put(store, f"p{n}", shard=5) for n in range(start, start + 50)))
    tails = await store.log.tails()
    for lost in (behind, START):
        changes = {change.shard: change for change in await store.log.changes(lost, wait_s=0.0)}
        assert changes[5].gap
        assert not changes[5].lost
        assert changes[5].entry_ids == ()
        assert changes[5].position == tails[5]
        assert 6 not in changes or not changes[6].gap
    positions = [changes[5].position if shard == 5 else tail for shard, tail in enumerate(tails)]
    ids = await put(store, "after", shard=5)
    (change,) = await drain(store, positions)
    assert change.entry_ids == tuple(ids)
    assert not change.gap


async def test_lost_last_writes_are_a_gap(store: RedisStore, raw: Any, key_prefix: str) -> None:
    base = f"{key_prefix}:{{s05}}:"
    await put(store, "a", "b", shard=5)
    kept, kept_seq = await raw.dump(base + "log"), await raw.get(base + "seq")
    await put(store, "c", "d", shard=5)
    positions = await store.log.tails()
    await raw.restore(base + "log", 0, kept, replace=True)  # as a failover does that lost two writes
    await raw.set(base + "seq", kept_seq)

    async def noticed() -> list[ShardChanges]:
        return await store.log.changes(positions, wait_s=0.05)

    (change,) = await eventually(noticed)
    assert change.gap
    assert change.lost
    assert change.position == (await store.log.tails())[5]
    positions[5] = change.position
    ids = await put(store, "e", shard=5)
    (after,) = await drain(store, positions)
    assert (after.gap, after.entry_ids) == (False, tuple(ids))


async def test_lost_writes_that_were_written_over_are_a_gap(store: RedisStore, raw: Any, key_prefix: str) -> None:
    base = f"{key_prefix}:{{s05}}:"
    await put(store, "a", shard=5)
    kept, kept_seq = await raw.dump(base + "log"), await raw.get(base + "seq")
    await put(store, "b", "c", shard=5)
    positions = await store.log.tails()
    await raw.restore(base + "log", 0, kept, replace=True)
    await raw.set(base + "seq", kept_seq)
    await put(store, "d", "e", "f", shard=5)

    async def noticed() -> list[ShardChanges]:
        return await store.log.changes(positions, wait_s=0.05)

    (change,) = await eventually(noticed)
    assert change.gap
    assert change.lost


async def test_a_store_that_lost_everything_is_a_gap_and_another_generation(
    store: RedisStore, raw: Any, key_prefix: str
) -> None:
    generation = await store.log.generation()
    assert generation == await store.log.generation()
    await put(store, "a", shard=5)
    positions = await store.log.tails()
    async for key in raw.scan_iter(match=f"{key_prefix}:*", count=1000):
        await raw.delete(key)
    assert await store.log.generation() != generation

    async def noticed() -> list[ShardChanges]:
        return await store.log.changes(positions, wait_s=0.05)

    (change,) = await eventually(noticed)
    assert (change.shard, change.gap, change.position) == (5, True, Position())


async def test_a_lost_stream_is_a_gap_though_the_counter_stands(store: RedisStore, raw: Any, key_prefix: str) -> None:
    positions = await store.log.tails()
    await put(store, "a", shard=5)
    await raw.delete(f"{key_prefix}:{{s05}}:log")

    async def noticed() -> list[ShardChanges]:
        return await store.log.changes(positions, wait_s=0.05)

    (change,) = await eventually(noticed)
    assert change.gap
    assert change.position.seq == 1


async def test_batches_are_bounded_and_go_on(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelog, "_BATCH", 7)
    ids = await put(store, *(f"p{n}" for n in range(30)), shard=5)
    positions = list(START)
    found = await drain(store, positions)
    assert len(found) == 5
    assert max(len(change.entry_ids) for change in found) == 7
    assert [entry_id for change in found for entry_id in change.entry_ids] == ids


@pytest.mark.parametrize("field", ["format", "shards"])
async def test_a_store_of_another_make_is_refused(
    store: RedisStore, make_store: MakeStore, raw: Any, key_prefix: str, field: str
) -> None:
    await raw.hset(f"{key_prefix}:{{ctl}}:meta", field, "32")
    with pytest.raises(ConfigError, match="32"):
        await make_store()


async def test_a_new_epoch_is_told_in_every_shard(store: RedisStore) -> None:
    (one,) = await put(store, "a", shard=5)
    positions = list(START)
    await drain(store, positions)
    await store.catalog.raise_epoch("somewhere")
    changes = await drain(store, positions)
    assert [change.shard for change in changes] == list(range(SHARDS))
    assert {(change.entry_ids, change.namespaces, change.gap) for change in changes} == {((), ("somewhere",), False)}
    await store.catalog.distrust(5)
    (change,) = await drain(store, positions)
    assert (change.shard, change.entry_ids, change.namespaces) == (5, (), ("",))
    await store.catalog.raise_epoch("elsewhere")
    await store.entries.remove([one])
    told = {change.shard: change for change in await drain(store, positions)}
    assert (told[5].entry_ids, told[5].namespaces) == ((one,), ("elsewhere",))
    assert positions == await store.log.tails()


async def test_who_knows_nothing_of_epochs_reads_an_id_that_is_no_entrys(store: RedisStore, raw: Any) -> None:
    await store.catalog.raise_epoch("somewhere")
    for base in store._link.keys.bases:
        ((_, fields),) = await raw.xrange(base + b"log")
        assert (await store.entries.read_many([fields[b"i"].decode()])).found == {}


async def test_an_epoch_that_was_lost_is_told_when_it_is_made_anew(make_store: MakeStore, raw: Any) -> None:
    store = await make_store()
    who = identity("a", shard=5)
    await store.entries.put(draft(who))
    await store.entries.read(who, Strategy.EXACT)
    positions = await store.log.tails()
    await raw.delete(store._link.keys.bases[5] + b"epochs")
    other = await make_store()  # it has never seen the epoch, and cannot tell that there was one
    assert await drain(store, list(positions)) == []
    read = await store.entries.read(who, Strategy.EXACT)
    assert read.exact is not None
    assert read.exact.entry.epoch < read.epoch
    (change,) = await drain(other, positions)
    assert change.namespaces == (who.namespace,)


async def test_more_than_one_look_takes_is_said_to_go_on(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelog, "_BATCH", 2)
    await put(store, "a", "b", "c", shard=5)
    positions = list(START)
    (first,) = await store.log.changes(positions, wait_s=0.0)
    positions[5] = first.position
    (second,) = await store.log.changes(positions, wait_s=0.0)
    assert (first.more, second.more) == (True, False)
