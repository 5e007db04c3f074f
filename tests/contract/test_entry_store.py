"""What every EntryStore keeps to: embedded, standalone and cluster."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from semcache.errors import RequestError, StoreUnavailable
from semcache.models import SHARDS, Strategy, Usage
from semcache.ports import Selector, Touch
from semcache.settings import Settings, StoreSettings
from semcache.stores import entries as entries_module
from semcache.stores.store import RedisStore
from tests import servers
from tests.contract.records import SPACE, draft, embedding, eventually, identity, put
from tests.patience import LONG_S

EXACT, NORMALIZED, SEMANTIC = Strategy.EXACT, Strategy.NORMALIZED, Strategy.SEMANTIC


# -- round trips ----------------------------------------------------------------------------------------------------


async def test_everything_comes_back(store: RedisStore) -> None:
    vectors = embedding(1, windows=3)
    written = await put(
        store,
        "what is a résumé? 🙂",
        response='{"text": "ü"}'.encode(),
        ttl_s=61.5,
        sliding=True,
        tags=("doc:1", "ü"),
        usage=Usage(input_tokens=3, output_tokens=5),
        cost_usd=0.25,
        latency_ms=812.5,
        metadata={"k": [1, {"x": None}]},
        embedding=vectors,
    )
    entry = written.entry
    assert not written.replaced
    assert written.shard_entries == 1
    assert entry.expires_ms - entry.created_ms == 61_500
    assert entry.epoch > 0
    who = identity("what is a résumé? 🙂")
    read = await store.entries.read(who, SEMANTIC)
    assert read.exact is not None
    assert read.exact.entry == entry
    assert read.exact.embedding is None
    assert not read.exact.vetoed
    assert read.normalized is None
    assert read.epoch == entry.epoch
    assert read.now_ms >= entry.created_ms
    many = await store.entries.read_many([who.entry_id], space=SPACE)
    found = many.found[who.entry_id]
    assert found.entry == entry
    assert many.epochs == {who.entry_id: entry.epoch}
    assert found.embedding is not None
    assert found.embedding.space == SPACE
    assert written.embedding is not None
    np.testing.assert_array_equal(found.embedding.vectors, written.embedding.vectors)
    np.testing.assert_array_equal(found.embedding.weights, written.embedding.weights)
    np.testing.assert_array_equal(found.embedding.weights, vectors.weights)
    np.testing.assert_allclose(found.embedding.vectors, vectors.vectors, atol=1e-3)


async def test_nothing_is_found_where_nothing_is(store: RedisStore) -> None:
    who = identity("nobody asked")
    read = await store.entries.read(who, SEMANTIC)
    assert read.exact is None
    assert read.normalized is None
    assert read.epoch > 0
    assert read.fence > 0
    many = await store.entries.read_many([who.entry_id], space=SPACE, asker=bytes(32))
    assert many.found == many.epochs == {}
    assert (await store.entries.read_many([])).now_ms > 0
    assert await store.entries.remove([who.entry_id]) == 0
    assert await store.entries.remove([]) == 0
    assert not await store.entries.attach(who.entry_id, who.digest, embedding(1))
    assert not await store.entries.veto(who.entry_id, bytes(32), wrong=True)
    await store.entries.touch({who.entry_id: Touch(1, True)})
    await store.entries.touch({})
    assert (await store.entries.read(who, SEMANTIC)).exact is None


async def test_pointer_leads_to_another_spelling(store: RedisStore) -> None:
    first = identity("What is it?", norm="what is it")
    second = identity("what is it", norm="what is it")
    await put(store, first)
    assert (await store.entries.read(second, EXACT)).normalized is None
    for strategy in (NORMALIZED, SEMANTIC):
        read = await store.entries.read(second, strategy)
        assert read.exact is None
        assert read.normalized is not None
        assert read.normalized.entry.entry_id == first.entry_id
    await put(store, second)  # the pointer follows the newest
    read = await store.entries.read(second, NORMALIZED)
    assert read.exact is not None
    assert read.normalized is None
    read = await store.entries.read(first, NORMALIZED)
    assert read.exact is not None
    assert read.exact.entry.entry_id == first.entry_id
    assert read.normalized is not None
    assert read.normalized.entry.entry_id == second.entry_id
    # removing what the pointer no longer leads to leaves the pointer alone
    assert await store.entries.remove([first.entry_id]) == 1
    assert (await store.entries.read(first, NORMALIZED)).normalized is not None
    assert await store.entries.remove([second.entry_id]) == 1
    read = await store.entries.read(first, NORMALIZED)
    assert (read.exact, read.normalized) == (None, None)


async def test_the_whole_digest_decides(
    store: RedisStore, raw: Any, key_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    mine = identity("mine", shard=7)
    other = identity("other", shard=7)
    await put(store, other, response=b'"secret"')
    # a record under an id, and a pointer, that belong to another request: as after a collision or a crossed write
    stolen = await raw.hgetall(f"{key_prefix}:{{s07}}:e:{other.entry_id}")
    await raw.hset(f"{key_prefix}:{{s07}}:e:{mine.entry_id}", mapping=stolen)
    read = await store.entries.read(mine, EXACT)
    assert read.exact is None
    assert mine.entry_id in caplog.text
    await raw.set(f"{key_prefix}:{{s07}}:p:{mine.norm_digest.hex()}", other.entry_id)
    read = await store.entries.read(mine, NORMALIZED)
    assert (read.exact, read.normalized) == (None, None)


async def test_damaged_record_counts_as_absent(store: RedisStore, raw: Any, key_prefix: str) -> None:
    who = identity("damaged", shard=9)
    await put(store, who, embedding=embedding(1))
    key = f"{key_prefix}:{{s09}}:e:{who.entry_id}"
    await raw.hset(key, f"v:{SPACE}", b"\x07")
    many = await store.entries.read_many([who.entry_id], space=SPACE)
    assert many.found[who.entry_id].embedding is None
    await raw.hset(key, "m", b"\xc1")
    assert (await store.entries.read(who, SEMANTIC)).exact is None
    assert not (await store.entries.read_many([who.entry_id])).found
    await put(store, who)
    assert (await store.entries.read(who, SEMANTIC)).exact is not None


async def test_many_ids_over_all_shards(store: RedisStore) -> None:
    people = [identity(f"p{n}") for n in range(700)]
    same_shard = [identity(f"s{n}", shard=3) for n in range(620)]
    for start in range(0, len(people), 50):
        await asyncio.gather(*(put(store, who, embedding=embedding(0)) for who in people[start : start + 50]))
        await asyncio.gather(*(put(store, who) for who in same_shard[start : start + 50]))
    ids = [who.entry_id for who in (*people, *same_shard)]
    many = await store.entries.read_many([*ids, *ids[:5], identity("absent").entry_id], space=SPACE)
    assert set(many.found) == set(ids)
    assert all(many.found[who.entry_id].entry.digest == who.digest for who in people)
    assert many.found[people[0].entry_id].embedding is not None
    assert many.found[same_shard[0].entry_id].embedding is None
    assert await store.entries.remove([*ids, *ids[:5]]) == len(ids)
    assert not (await store.entries.read_many(ids)).found


async def test_an_id_that_is_none_is_the_callers_error(store: RedisStore) -> None:
    for bad in ("", "xyz", "ff" * 16, "0" * 31):
        with pytest.raises(RequestError):
            await store.entries.read_many([bad])
    with pytest.raises(RequestError):
        await store.entries.put(draft("x", ttl_s=0.0001))


async def test_scripts_are_sent_again_to_a_server_that_forgot_them(store: RedisStore, raw: Any) -> None:
    await put(store, "a")
    await raw.script_flush()
    who = [identity(f"n{n}") for n in range(20)]
    await put(store, who[0])
    await raw.script_flush()
    assert len((await store.entries.read_many([one.entry_id for one in who])).found) == 1


# -- replacing ------------------------------------------------------------------------------------------------------


async def test_replacing_resets_what_belongs_to_the_answer(store: RedisStore) -> None:
    who, stranger = identity("q"), identity("another q")
    first = await put(store, who, response=b"1", embedding=embedding(1), tags=("a",), sliding=True)
    await store.entries.touch({who.entry_id: Touch(5, False)})
    assert await store.entries.veto(who.entry_id, who.norm_digest, wrong=True)
    assert await store.entries.veto(who.entry_id, stranger.norm_digest, wrong=True)
    second = await put(store, who, response=b"2", embedding=embedding(2, space="other"), cost_usd=1.0)
    assert second.replaced
    assert second.shard_entries == 1
    assert second.entry.created_ms >= first.entry.created_ms
    read = await store.entries.read(who, SEMANTIC)
    assert read.exact is not None
    assert read.exact.entry.response == b"2"
    assert read.exact.entry.hits == 0
    assert read.exact.entry.tags == ()
    assert not read.exact.entry.sliding
    assert not read.exact.vetoed  # the answer that was wrong for it is gone
    many = await store.entries.read_many([who.entry_id], space=SPACE, asker=stranger.norm_digest)
    assert many.found[who.entry_id].vetoed
    assert many.found[who.entry_id].embedding is not None  # same prompt, same vectors
    other = await store.entries.read_many([who.entry_id], space="other", asker=who.norm_digest)
    assert other.found[who.entry_id].embedding is not None
    assert not other.found[who.entry_id].vetoed
    assert [batch async for batch in store.catalog.ids(selector=Selector(namespace="default", tags=("a",)))] == []


async def test_many_puts_of_one_id_leave_one_whole_record(store: RedisStore) -> None:
    who = identity("contended")
    outcomes = await asyncio.gather(
        *(put(store, who, response=b"%d" % n, metadata={"n": n}, tags=(f"t{n}",)) for n in range(40))
    )
    assert sum(not written.replaced for written in outcomes) == 1
    read = await store.entries.read(who, EXACT)
    assert read.exact is not None
    entry = read.exact.entry
    number = int(entry.response)
    assert entry.metadata == {"n": number}
    tagged = [
        n
        for n in range(40)
        if [ids async for ids in store.catalog.ids(selector=Selector(namespace="default", tags=(f"t{n}",)))]
    ]
    assert tagged == [number]


# -- life -----------------------------------------------------------------------------------------------------------


async def test_entry_and_pointer_vanish_after_ttl_and_stale_window(store: RedisStore) -> None:
    who = identity("short")
    written = await put(store, who, ttl_s=0.2, retain_s=0.4)

    async def expired() -> Any:
        read = await store.entries.read(who, NORMALIZED)
        return read.now_ms >= written.entry.expires_ms and read

    stale = await eventually(expired)
    if stale.now_ms < written.entry.expires_ms + 300:  # unless the machine looked away for the whole stale window
        assert stale.exact is not None  # kept for the stale window: the caller judges expiry

    async def gone() -> bool:
        return (await store.entries.read(identity("x", norm="short"), NORMALIZED)).normalized is None and not (
            await store.entries.read_many([who.entry_id])
        ).found

    await eventually(gone)


async def test_entry_keys_have_a_life_and_bookkeeping_has_none(store: RedisStore, raw: Any, key_prefix: str) -> None:
    who = identity("life", shard=5)
    await put(store, who, ttl_s=100, retain_s=50, tags=("t",))
    await store.entries.read(who, NORMALIZED)
    await store.entries.touch({who.entry_id: Touch(1, True)})
    await store.catalog.raise_fence(Selector(namespace="default", tags=("t",)))
    keys = [key async for key in raw.scan_iter(match=f"{key_prefix}:{{s05}}:*", count=1000)]
    lives = {key.decode(errors="replace").split(":", 2)[2]: await raw.pttl(key) for key in keys}
    mortal = {name for name, life in lives.items() if life != -1}
    assert mortal == {f"e:{who.entry_id}", f"p:{who.norm_digest.hex()}"}
    assert all(140_000 < lives[name] <= 150_000 for name in mortal)
    assert {"use", "log", "seq", "epochs", "fences", "groups", "tags"} <= set(lives)


async def test_uses_count_and_only_sliding_entries_slide(store: RedisStore, raw: Any, key_prefix: str) -> None:
    fixed, sliding = identity("fixed", shard=1), identity("sliding", shard=1)
    before = await put(store, fixed, ttl_s=50)
    await put(store, sliding, ttl_s=50, retain_s=7, sliding=True)
    first = (await store.entries.read_many([sliding.entry_id])).found[sliding.entry_id].entry
    for who in (fixed, sliding):
        await raw.pexpire(f"{key_prefix}:{{s01}}:e:{who.entry_id}", 20_000)

    async def later() -> bool:
        return (await store.entries.read_many([])).now_ms > first.created_ms + 5

    await eventually(later)
    await store.entries.touch({fixed.entry_id: Touch(2, True), sliding.entry_id: Touch(3, True)})
    found = (await store.entries.read_many([fixed.entry_id, sliding.entry_id])).found
    assert found[fixed.entry_id].entry.hits == 2
    assert found[fixed.entry_id].entry.expires_ms == before.entry.expires_ms
    assert found[sliding.entry_id].entry.hits == 3
    assert found[sliding.entry_id].entry.expires_ms > first.expires_ms
    assert await raw.pttl(f"{key_prefix}:{{s01}}:e:{fixed.entry_id}") <= 20_000
    assert 50_000 < await raw.pttl(f"{key_prefix}:{{s01}}:e:{sliding.entry_id}") <= 57_000
    assert 50_000 < await raw.pttl(f"{key_prefix}:{{s01}}:p:{sliding.norm_digest.hex()}") <= 57_000
    await store.entries.touch({sliding.entry_id: Touch(1, False)})
    after = (await store.entries.read_many([sliding.entry_id])).found[sliding.entry_id].entry
    assert after.hits == 4
    assert after.expires_ms == found[sliding.entry_id].entry.expires_ms


async def test_a_use_does_not_revive_what_has_expired(store: RedisStore) -> None:
    who = identity("late use")
    written = await put(store, who, ttl_s=0.05, retain_s=60, sliding=True)

    async def expired() -> bool:
        return (await store.entries.read_many([])).now_ms >= written.entry.expires_ms

    await eventually(expired)
    await store.entries.touch({who.entry_id: Touch(1, True)})
    found = (await store.entries.read_many([who.entry_id])).found[who.entry_id].entry
    assert found.expires_ms == written.entry.expires_ms


# -- vectors and vetoes ---------------------------------------------------------------------------------------------


async def test_attach_needs_the_same_digest(store: RedisStore) -> None:
    who = identity("to embed")
    await put(store, who)
    assert not await store.entries.attach(who.entry_id, bytes(32), embedding(1))
    assert (await store.entries.read_many([who.entry_id], space=SPACE)).found[who.entry_id].embedding is None
    assert await store.entries.attach(who.entry_id, who.digest, embedding(1))
    assert (await store.entries.read_many([who.entry_id], space=SPACE)).found[who.entry_id].embedding is not None


async def test_vetoes_are_for_one_asker_and_can_be_taken_back(store: RedisStore) -> None:
    who = identity("vetoed")
    askers = [identity(f"asker {n}").norm_digest for n in range(3)]
    await put(store, who)

    async def vetoed() -> list[bool]:
        reads = [await store.entries.read_many([who.entry_id], asker=asker) for asker in askers]
        return [read.found[who.entry_id].vetoed for read in reads]

    for _ in range(2):  # saying it twice is saying it once
        assert await store.entries.veto(who.entry_id, askers[0], wrong=True)
    assert await store.entries.veto(who.entry_id, askers[1], wrong=True)
    assert await vetoed() == [True, True, False]
    for _ in range(2):
        assert await store.entries.veto(who.entry_id, askers[0], wrong=False)
    assert await vetoed() == [False, True, False]
    assert await store.entries.veto(who.entry_id, who.norm_digest, wrong=True)
    read = await store.entries.read(who, EXACT)
    assert read.exact is not None
    assert read.exact.vetoed


async def test_a_record_is_disputed_while_anybody_finds_it_wrong(store: RedisStore) -> None:
    who, stranger = identity("q"), identity("stranger")
    assert not (await put(store, who)).disputed

    async def disputed() -> bool:
        read = await store.entries.read_many([who.entry_id], asker=identity("somebody else").norm_digest)
        assert not read.found[who.entry_id].vetoed
        return read.found[who.entry_id].disputed

    assert not await disputed()
    for asker in (who, stranger):
        assert await store.entries.veto(who.entry_id, asker.norm_digest, wrong=True)
    assert await disputed()
    assert (await put(store, who)).disputed  # that the new answer is its own prompt's says nothing of the stranger's
    assert await store.entries.veto(who.entry_id, stranger.norm_digest, wrong=False)
    assert not await disputed()
    assert not (await put(store, who)).disputed
    assert (await put(store, who, vetoes=(stranger.norm_digest[:16],))).disputed


async def test_what_is_gone_is_told_and_to_ask_is_no_use(store: RedisStore, raw: Any, key_prefix: str) -> None:
    people = [identity(f"q{n}", shard=n % 2) for n in range(4)]
    for who in people:
        await put(store, who)
    assert await store.entries.gone([]) == ({}, [])
    await store.entries.remove([people[2].entry_id])
    clocks, gone = await store.entries.gone([who.entry_id for who in people])
    assert gone == [people[2].entry_id]
    assert set(clocks) == {0, 1}
    now_ms = (await store.entries.read_many([])).now_ms
    assert all(abs(now_ms - clock) < 1000 * LONG_S for clock in clocks.values())
    key = f"{key_prefix}:{{s00}}:e:{people[0].entry_id}"
    await eventually(lambda: _idle(raw, key))
    await store.entries.gone([people[0].entry_id])
    assert await _idle(raw, key)
    await store.entries.read_many([people[0].entry_id])
    assert not await _idle(raw, key)


async def _idle(raw: Any, key: str) -> bool:
    """Whether a key was not used for a second, as its server sees it."""
    return bool(int(await raw.object("IDLETIME", key)) >= 1)


async def test_an_entry_that_too_many_found_wrong_goes(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries_module, "MAX_VETOES", 3)
    who = identity("hated")
    await put(store, who)
    for n in range(4):
        assert await store.entries.veto(who.entry_id, identity(f"asker {n}").norm_digest, wrong=True)
    assert (await store.entries.read(who, EXACT)).exact is None


async def test_a_narrow_entry_has_neither_pointer_nor_vectors(store: RedisStore, raw: Any, key_prefix: str) -> None:
    who, spelt = identity("What?", norm="what", shard=2), identity("what", norm="what", shard=2)
    wide = await put(store, who, embedding=embedding(1))
    assert wide.entry.reach is SEMANTIC
    narrow = await put(store, who, embedding=embedding(1), reach=EXACT)
    assert narrow.replaced
    read = await store.entries.read(who, SEMANTIC)
    assert read.exact is not None
    assert read.exact.entry.reach is EXACT
    assert (await store.entries.read(spelt, NORMALIZED)).normalized is None
    assert (await store.entries.read_many([who.entry_id], space=SPACE)).found[who.entry_id].embedding is None
    assert not await store.entries.attach(who.entry_id, who.digest, embedding(1))
    record = await raw.hkeys(f"{key_prefix}:{{s02}}:e:{who.entry_id}")
    assert not [field for field in record if field.startswith(b"v:")]
    # in between: a pointer and still no vectors
    await put(store, who, embedding=embedding(1), reach=NORMALIZED)
    found = (await store.entries.read(spelt, NORMALIZED)).normalized
    assert found is not None
    assert found.entry.reach is NORMALIZED
    assert not await store.entries.attach(who.entry_id, who.digest, embedding(1))
    # and what is narrow leaves the pointer of another spelling alone
    await put(store, spelt, reach=EXACT)
    assert (await store.entries.read(spelt, NORMALIZED)).normalized is not None
    await put(store, who)
    assert await store.entries.attach(who.entry_id, who.digest, embedding(1))


async def test_only_what_the_server_has_evicted_is_forgotten_and_told(
    store: RedisStore, raw: Any, key_prefix: str
) -> None:
    gone, there = identity("gone", shard=2), identity("there", shard=3)
    await put(store, gone)
    await put(store, there)
    await raw.delete(f"{key_prefix}:{{s02}}:e:{gone.entry_id}")
    before = await store.log.tails()
    ids = [gone.entry_id, there.entry_id, identity("never", shard=4).entry_id]
    assert await store.entries.forget(ids) == 1
    (told,) = await store.log.changes(before, wait_s=0.0)
    assert told.entry_ids == (gone.entry_id,)
    assert await store.entries.forget(ids) == 0
    assert await store.entries.forget([]) == 0
    assert (await store.entries.read(there, EXACT)).exact is not None


# -- bounds ---------------------------------------------------------------------------------------------------------


async def test_eviction_spares_bookkeeping(key_prefix: str) -> None:
    with servers.standalone(maxmemory="6mb") as url:
        options = StoreSettings(key_prefix=key_prefix, deadline_s=LONG_S)
        store = RedisStore(Settings(redis_url=url, store=options), None)
        try:
            await store.start()
            generation = await store.log.generation()
            await store.catalog.raise_epoch("default")
            epoch = (await store.entries.read(identity("any"), EXACT)).epoch
            people = [identity(f"big {n}") for n in range(1200)]
            for start in range(0, len(people), 40):
                await asyncio.gather(
                    *(put(store, who, response=b'"%s"' % (b"x" * 8000)) for who in people[start : start + 40])
                )
            found = (await store.entries.read_many([who.entry_id for who in people])).found
            assert 0 < len(found) < len(people)
            assert sum(group.entries for group in await store.catalog.groups()) == len(people)
            told = sum(position.seq for position in await store.log.tails())
            assert told == len(people) + SHARDS  # the epoch was raised in each
            assert (await store.entries.read(identity("any"), EXACT)).epoch == epoch
            assert await store.log.generation() == generation
            dropped = sum([await store.catalog.sweep(shard) for shard in range(64)])
            assert dropped >= len(people) - len(found)
            listed = {at async for batch in store.catalog.ids() for at in batch}
            assert listed <= set(found)
        finally:
            await store.aclose()


async def test_before_the_start_and_after_the_end_it_is_unavailable(standalone_server: str, key_prefix: str) -> None:
    store = RedisStore(Settings(redis_url=standalone_server, store=StoreSettings(key_prefix=key_prefix)), None)
    with pytest.raises(StoreUnavailable):
        await store.entries.read(identity("x"), EXACT)
    assert not (await store.health()).reachable
    await store.start()
    await store.start()
    await store.entries.read(identity("x"), EXACT)
    await store.aclose()
    with pytest.raises(StoreUnavailable):
        await store.entries.put(draft("x"))
