"""Labels and evidence in a real store: shared by replicas, there after a restart, bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from semcache import labels as labels_module
from semcache.labels import MOST_OF_ONE, Labels
from semcache.policy.labels import Label, Source
from semcache.stores.store import RedisStore
from tests.conftest import Backend
from tests.ops import opened, settings_for

ENTRY = "0b" + "1" * 30


@pytest.fixture
async def store(embedded_server: str, key_prefix: str) -> AsyncIterator[RedisStore]:
    async with opened(settings_for(Backend(embedded_server), key_prefix)) as one:
        yield one


@pytest.fixture
def labels(store: RedisStore) -> Labels:
    return Labels(store.control)


async def replica(store: RedisStore) -> Labels:
    """What another process, or one that was started again, knows."""
    one = Labels(store.control)
    await one.follow()
    return one


def label(same: bool = False, **more: Any) -> Label:
    fixed = {"namespace": "n", "entry_id": ENTRY, "asked": "a?", "cached": "b?", "principal": "p"}
    return Label(same=same, **{"source": Source.FEEDBACK, **fixed, **more})


async def read(labels: Labels, **more: Any) -> list[Label]:
    return [one async for one in labels.read("n", **more)]


async def test_labels_come_back_whole_and_by_source(labels: Labels, store: RedisStore) -> None:
    said = label(similarity=0.9, confidence=0.5, answer={"text": "ü"}, weight=4.0)
    assert await labels.record(said)
    await labels.record(label(True, source=Source.SHADOW, principal=None, namespace="n"))
    await labels.record(label(True, namespace="other/one", principal="q"))
    one, two = await read(await replica(store))
    assert one.at_ms > 0
    assert (one.asked, one.answer, one.weight, one.similarity, one.same) == ("a?", {"text": "ü"}, 4.0, 0.9, False)
    assert two.source is Source.SHADOW
    assert [one.source for one in await read(labels, sources=[Source.SHADOW])] == [Source.SHADOW]
    assert [one.source for one in await read(labels, sources=[Source.FEEDBACK])] == [Source.FEEDBACK]
    assert await labels.namespaces() == {
        "n": {"feedback:other": 1, "shadow:same": 1},
        "other/one": {"feedback:same": 1},
    }


async def test_a_namespace_is_cleared(labels: Labels) -> None:
    await labels.record(label())
    await labels.record(label(source=Source.SHADOW, principal=None))
    await labels.clear("n")
    assert await read(labels) == []
    await labels.record(label(True))
    assert len(await read(labels)) == 1


async def test_evidence_is_shared_and_survives(labels: Labels, store: RedisStore) -> None:
    other = await replica(store)
    assert other.evidence([ENTRY]) == {}
    await labels.record(label())
    await labels.record(label(principal="q"))
    assert labels.evidence([ENTRY, "0" * 32]) == {ENTRY: (0.0, 2.0)}
    await other.follow()
    assert other.evidence([ENTRY]) == {ENTRY: (0.0, 2.0)}
    assert (await replica(store)).evidence([ENTRY]) == {ENTRY: (0.0, 2.0)}


async def test_saying_it_again_is_nothing_new_and_correct_takes_it_back(labels: Labels, store: RedisStore) -> None:
    assert await labels.record(label())
    assert not await labels.record(label())
    assert len(await read(labels)) == 1
    other = await replica(store)
    assert not await other.record(label())
    assert await other.record(label(True))
    await labels.follow()
    for one in (labels, other, await replica(store)):
        assert one.evidence([ENTRY]) == {ENTRY: (1.0, 0.0)}
    assert [one.same for one in await read(labels)] == [False, True]


async def test_feedback_is_about_the_record_comparisons_about_the_prompts(labels: Labels) -> None:
    await labels.record(label(at_ms=1000))
    await labels.record(label(source=Source.EXPLORED, principal=None, at_ms=1000))
    old, fresh = labels.standing(ENTRY, 1000), labels.standing(ENTRY, 1001)
    assert old is not None
    assert fresh is not None
    assert (old.wrong, fresh.wrong) == (2.0, 1.0)
    assert labels.standing("0" * 32) is None


async def test_the_same_word_counts_anew_for_a_fresh_answer(labels: Labels, store: RedisStore) -> None:
    assert await labels.record(label(at_ms=1000), created_ms=500)
    assert not await labels.record(label(at_ms=1500), created_ms=500)
    assert await labels.record(label(at_ms=3000), created_ms=2000)
    assert not await labels.record(label(at_ms=3500), created_ms=2000)
    for one in (labels, await replica(store)):
        standing = one.standing(ENTRY, 2000)
        assert standing is not None
        assert (standing.wrong, standing.against) == (1.0, 1)


async def test_a_vote_alone_is_no_label(labels: Labels, store: RedisStore) -> None:
    assert await labels.record(label(), pair=False)
    assert await read(labels) == []
    assert (await replica(store)).evidence([ENTRY]) == {ENTRY: (0.0, 1.0)}


async def test_one_principal_fills_neither_table_nor_store(labels: Labels, store: RedisStore) -> None:
    await labels.record(label(principal="q"))
    for n in range(MOST_OF_ONE + 5):
        await labels.record(label(asked=f"{n}?"))
    fields = [await store.control.hget_all(name) for name in await store.control.names("evidence:")]
    assert sum(map(len, fields)) == MOST_OF_ONE + 1
    assert labels.evidence([ENTRY]) == {ENTRY: (0.0, 2.0)}
    assert len(await read(labels)) == MOST_OF_ONE + 6


async def test_comparisons_are_not_pushed_out_by_feedback(labels: Labels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels_module, "MOST_LABELS", 3)
    await labels.record(label(source=Source.SHADOW, principal=None))
    for n in range(9):
        await labels.record(label(asked=f"{n}?"))
    assert [one.source for one in await read(labels)] == [*[Source.FEEDBACK] * 3, Source.SHADOW]


async def test_a_gap_in_the_stream_is_mended(
    labels: Labels, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels_module, "_VOTES_CAP", 4)
    monkeypatch.setattr(labels_module, "_PAGE", 2)
    other = await replica(store)
    entries = [f"0b{n:030x}" for n in range(12)]
    for entry_id in entries:
        await labels.record(label(entry_id=entry_id))
    await other.follow()
    assert set(other.evidence(entries)) == set(entries)


async def test_principals_are_keyed_and_the_same_everywhere(labels: Labels, store: RedisStore) -> None:
    one = await labels.principal("user:ann")
    assert one == await (await replica(store)).principal("user:ann")
    assert one != await labels.principal("user:bob")
    assert len(one) == 16
