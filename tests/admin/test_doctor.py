"""The doctor on a real store: a sound one passes, every damage is found, repair leaves a sound one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis, RedisCluster

from semcache.admin.doctor import Report
from semcache.models import SHARDS
from semcache.ports import Row, Selector
from semcache.settings import Settings
from semcache.stores.audit import _DETAILS
from semcache.stores.store import RedisStore
from semcache.vectors import IndexFolder
from tests.admin.test_invalidation import Circle, angle
from tests.admin.test_maintenance import Live
from tests.conftest import Backend
from tests.doctor_helper import ORDINARY, assert_healthy, doctor_of
from tests.ops import opened, put, put_many, settings_for, until


@pytest.fixture
def settings(store_backend: Backend, key_prefix: str) -> Settings:
    return settings_for(store_backend, key_prefix)


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[RedisStore]:
    async with opened(settings) as store:
        yield store


@pytest.fixture
async def raw(store_backend: Backend) -> AsyncIterator[Any]:
    """A client that can do damage."""
    kind = RedisCluster if store_backend.cluster else Redis
    client = kind.from_url(store_backend.url)
    yield client
    await client.aclose()


def key(settings: Settings, entry_id: str, kind: str = "e") -> str:
    return f"{settings.store.key_prefix}:{{s{int(entry_id[:2], 16):02d}}}:{kind}:{entry_id}"


def shard_key(settings: Settings, entry_id: str, name: str) -> str:
    return f"{settings.store.key_prefix}:{{s{int(entry_id[:2], 16):02d}}}:{name}"


def found(report: Report) -> dict[str, tuple[int, int]]:
    return {each.code: (each.count, each.repaired) for each in report.findings if each.code not in ORDINARY}


async def test_a_used_store_is_healthy(store: RedisStore) -> None:
    ids = await put_many(store, [f"prompt {at}" for at in range(100)], tags=["t", "u"])
    await put_many(store, [f"prompt {at}" for at in range(50)], tags=["u"])  # replaced, other tags
    await put_many(store, [f"PROMPT {at}" for at in range(50)], namespace="ü|x", embedding=angle(1))
    await store.entries.remove(ids[:10])
    await store.entries.veto(ids[20], b"x" * 32, wrong=True)
    await store.catalog.raise_fence(Selector(tags=("t",)))
    await store.control.hset("job:1", {"a": "b"})
    seen = []
    report = await doctor_of(store).check(progress=lambda done, total: seen.append((done, total)))
    assert found(report) == {}
    assert report.entries == 140
    assert report.healthy
    assert seen[-1][0] == seen[-1][1]
    assert all(done <= total for done, total in seen)


async def test_every_damage_is_found_and_mended(store: RedisStore, settings: Settings, raw: Any) -> None:
    entries = [await put(store, f"prompt {at}", tags=["t"]) for at in range(12)]
    ids = [entry.entry_id for entry in entries]
    norms = [entry.norm_digest.hex() for entry in entries]
    await raw.hset(key(settings, ids[0]), "m", b"\xc1 no msgpack")
    await raw.hdel(key(settings, ids[1]), "r")
    await raw.hset(key(settings, ids[2]), "n", "another namespace")
    await raw.hset(key(settings, ids[3]), "d", b"x" * 32)
    await raw.persist(key(settings, ids[4]))
    await raw.persist(shard_key(settings, ids[5], f"p:{norms[5]}"))
    await raw.zrem(shard_key(settings, ids[6], "use"), ids[6])
    await raw.delete(shard_key(settings, ids[7], "groups"))
    await raw.delete(key(settings, ids[8]))  # as an eviction does
    moved = f"{int(ids[9][:2], 16):02x}{'0' * 30}"
    await raw.hset(key(settings, moved), mapping=await raw.hgetall(key(settings, ids[9])))
    await raw.expire(key(settings, moved), 100)
    await raw.set(shard_key(settings, ids[10], "stray"), "x")
    await raw.set(f"{settings.store.key_prefix}:elsewhere", "x")

    report = await doctor_of(store).check()
    sick = found(report)
    assert not report.healthy
    assert sick["damaged_record"] == (4, 0)
    assert sick["no_ttl"] == (2, 0)
    assert sick["foreign_id"] == (1, 0)
    assert sick["unlisted_record"][0] >= 2  # those of a shard that lost its groups come on top
    assert sick["dangling_pointer"] == (1, 0)
    assert sick["vanished_listing"][0] >= 2
    assert sick["unknown_key"] == (2, 0)

    mended = await doctor_of(store).check(repair=True)
    assert all(repaired == count for code, (count, repaired) in found(mended).items() if code != "unknown_key")
    for stray in (shard_key(settings, ids[10], "stray"), f"{settings.store.key_prefix}:elsewhere"):
        await raw.delete(stray)
    again = await doctor_of(store).check(repair=True)  # what a removed record left behind
    assert set(found(again)) <= {"dangling_pointer", "vanished_listing"}
    await assert_healthy(store, notes=True)
    listed = [entry_id async for page in store.catalog.ids(selector=Selector(tags=("t",))) for entry_id in page]
    assert sorted(listed) == sorted([*ids[4:8], *ids[9:]])
    assert await raw.pttl(key(settings, ids[4])) > 0


async def test_expired_entries_are_no_fault(store: RedisStore) -> None:
    await put_many(store, ["one", "two"], ttl_s=0.05, tags=["t"])

    async def expired() -> bool:
        return "vanished_listing" in found(await doctor_of(store).check())

    await until(expired, what="expiry")
    await assert_healthy(store)
    for shard in range(SHARDS):
        await store.catalog.sweep(shard)
    await assert_healthy(store, notes=True)


async def test_rows_and_records_are_held_against_each_other(store: RedisStore, tmp_path: Path) -> None:
    folder = IndexFolder(tmp_path)
    live = Live(folder.create("circle", 2))
    assert live.index is not None
    try:
        entries = [await put(store, f"{at} degrees", embedding=angle(at)) for at in range(20)]
        rows = [Row(e.entry_id, e.partition, e.context, angle(at).pooled) for at, e in enumerate(entries)]
        live.upsert(rows)
        await put(store, "30 degrees")  # not embedded yet
        await assert_healthy(store, live=live, embedder=Circle())
        live.remove([row.entry_id for row in rows[:3]])
        live.upsert([Row(f"00{at:030x}", b"p" * 16, b"c" * 16, angle(1).pooled) for at in range(2)])
        report = await doctor_of(store, live=live, embedder=Circle()).check()
        assert found(report) == {"row_missing": (3, 0), "row_dead": (2, 0), "vector_missing": (1, 0)}
        assert not report.healthy
        report = await doctor_of(store, live=live, embedder=Circle()).check(repair=True)
        assert found(report) == {"row_missing": (3, 3), "row_dead": (2, 2), "vector_missing": (1, 1)}
        assert report.healthy
        assert set(live.index.ids()) == {entry.entry_id for entry in entries}
        read = await store.entries.read_many([entries[0].entry_id], space="circle")
        assert all(each.embedding is not None for each in read.found.values())
        live.caught_up = False
        assert "index_warming" in found(await doctor_of(store, live=live).check())
    finally:
        live.index.close()
        folder.close()


async def test_a_snapshot_is_judged(store: RedisStore, tmp_path: Path) -> None:
    folder = IndexFolder(tmp_path)
    try:
        doctor = doctor_of(store, shelf=folder, embedder=Circle())
        assert found(await doctor.check()) == {"snapshot_rejected": (1, 0)}  # none yet
        entry = await put(store, "1 degrees", embedding=angle(1))
        index = folder.create("circle", 2)
        index.upsert([Row(entry.entry_id, entry.partition, entry.context, angle(1).pooled)])
        assert folder.save(index, await store.log.generation(), await store.log.tails())
        index.close()
        assert found(await doctor.check()) == {}
        await put(store, "2 degrees", embedding=angle(2))
        report = await doctor.check(repair=True)
        assert found(report) == {"row_missing": (1, 0)}
        assert report.healthy  # a start replays the log
        for file in tmp_path.rglob("*"):
            if file.is_file() and file.stat().st_size > 100:
                data = bytearray(file.read_bytes())
                data[len(data) // 2] ^= 0xFF
                file.write_bytes(bytes(data))
        assert "snapshot_rejected" in found(await doctor.check())
    finally:
        folder.close()


async def test_a_store_that_cannot_be_used_is_a_finding(settings: Settings, raw: Any) -> None:
    gone = RedisStore(settings_for(Backend("redis://127.0.0.1:1"), "gone"), None)
    assert set(found(await doctor_of(gone).check())) == {"store_unreachable"}
    async with opened(settings) as store:
        await raw.hset(f"{settings.store.key_prefix}:{{ctl}}:meta", "format", "999")
        report = await doctor_of(store).check()
    assert set(found(report)) == {"store_format"}
    assert not report.healthy


def test_the_page_explains_every_finding() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "operations.md").read_text(encoding="utf-8")
    source = "".join(
        (root / "semcache" / name).read_text(encoding="utf-8") for name in ("admin/doctor.py", "stores/audit.py")
    )
    codes = set(re.findall(r'code="(\w+)"', source)) | set(_DETAILS) | {"row_missing", "row_dead"}
    assert {code for code in codes if f"`{code}`" not in page} == set()
