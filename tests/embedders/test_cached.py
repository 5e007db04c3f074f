"""The embedding cache: what is computed once, what is shared, who is told what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from semcache.embedders import make_embedder
from semcache.embedders.cached import CachedEmbedder
from semcache.errors import EmbedderOverloaded, EmbedderTimeout, EmbedderUnavailable
from semcache.models import Embedding
from semcache.ports import EmbedderState
from semcache.settings import Settings
from tests.embedders.scripted import vector_of


class Inner:
    """An embedder whose answers wait for `gate`."""

    def __init__(self) -> None:
        self.space = "scripted"
        self.dimension = 8
        self.calls: list[list[str]] = []
        self.cancelled = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None

    def state(self) -> EmbedderState:
        return EmbedderState(ready=True)

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    async def embed(self, texts: Sequence[str], *, deadline_s: float | None = None) -> list[Embedding | None]:
        self.calls.append(list(texts))
        try:
            async with asyncio.timeout(deadline_s):
                await self.gate.wait()
        except TimeoutError:
            raise EmbedderTimeout("late") from None
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure is not None:
            raise self.failure
        return [None if text == "endless" else vector_of(text) for text in texts]


@pytest.fixture
async def inner() -> Inner:
    return Inner()


@pytest.fixture
async def cached(inner: Inner) -> CachedEmbedder:
    return CachedEmbedder(inner, entries=3, deadline_s=2.0)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_second_time_costs_nothing(inner: Inner, cached: CachedEmbedder) -> None:
    first = await cached.embed(["a", "endless", "a"])
    second = await cached.embed(["endless", "a"])
    assert inner.calls == [["a", "endless"]]
    assert first[0] is first[2] is second[1]
    assert second[0] is None
    assert (cached.hits, cached.misses) == (2, 2)


async def test_least_recently_used_goes_first(inner: Inner, cached: CachedEmbedder) -> None:
    await cached.embed(["a", "b", "c"])
    await cached.embed(["a"])
    await cached.embed(["d"])
    await cached.embed(["a", "c", "d"])
    await cached.embed(["b"])
    assert inner.calls == [["a", "b", "c"], ["d"], ["b"]]


async def test_another_space_is_another_text(inner: Inner, cached: CachedEmbedder) -> None:
    await cached.embed(["a"])
    inner.space = "other"
    await cached.embed(["a"])
    assert inner.calls == [["a"], ["a"]]


async def test_the_same_text_at_once_is_computed_once(inner: Inner) -> None:
    cached = CachedEmbedder(inner, entries=0, deadline_s=2.0)
    inner.gate.clear()
    tasks = [asyncio.create_task(cached.embed(["a", "b"] if at else ["a"])) for at in range(5)]
    await settle()
    inner.gate.set()
    await asyncio.gather(*tasks)
    assert inner.calls == [["a"], ["b"]]
    await cached.embed(["a"])
    assert len(inner.calls) == 3  # nothing is kept


async def test_a_cancelled_leader_takes_nobody_along(inner: Inner, cached: CachedEmbedder) -> None:
    inner.gate.clear()
    leader = asyncio.create_task(cached.embed(["a"]))
    await settle()
    follower = asyncio.create_task(cached.embed(["a"]))
    await settle()
    leader.cancel()
    await settle()
    assert inner.cancelled == 0
    inner.gate.set()
    assert (await follower)[0] is not None
    assert inner.calls == [["a"]]


async def test_when_all_are_gone_the_work_is_dropped(inner: Inner, cached: CachedEmbedder) -> None:
    inner.gate.clear()
    task = asyncio.create_task(cached.embed(["a"]))
    await settle()
    task.cancel()
    await settle()
    assert inner.cancelled == 1
    inner.gate.set()
    assert (await cached.embed(["a"]))[0] is not None


async def test_a_shorter_deadline_binds_its_own_caller_alone(inner: Inner, cached: CachedEmbedder) -> None:
    inner.gate.clear()
    hasty = asyncio.create_task(cached.embed(["a"], deadline_s=0.05))
    await settle()
    patient = asyncio.create_task(cached.embed(["a"], deadline_s=5.0))
    with pytest.raises(EmbedderTimeout):
        await hasty
    inner.gate.set()
    assert (await patient)[0] is not None


async def test_failures_reach_every_waiter_and_are_not_kept(inner: Inner, cached: CachedEmbedder) -> None:
    inner.failure = EmbedderOverloaded("full")
    inner.gate.clear()
    tasks = [asyncio.create_task(cached.embed(["a"])) for _ in range(3)]
    await settle()
    inner.gate.set()
    for task in tasks:
        with pytest.raises(EmbedderOverloaded, match="full"):
            await task
    inner.failure = None
    assert (await cached.embed(["a"]))[0] is not None


async def test_the_end_tells_the_waiting(inner: Inner, cached: CachedEmbedder) -> None:
    inner.gate.clear()
    task = asyncio.create_task(cached.embed(["a"]))
    await settle()
    await cached.aclose()
    with pytest.raises(EmbedderUnavailable, match="stopped"):
        await task


async def test_what_was_begun_ahead_is_shared_by_who_asks_for_it(inner: Inner, cached: CachedEmbedder) -> None:
    leave = cached.begin("a")
    assert leave is not None
    await settle()
    assert inner.calls == [["a"]]
    assert (await cached.embed(["a"]))[0] is not None
    leave()
    assert (await cached.embed(["a"]))[0] is not None
    assert inner.calls == [["a"]]
    assert cached.begin("a") is None  # there already


async def test_what_was_begun_in_vain_is_dropped_unless_another_waits_for_it(
    inner: Inner, cached: CachedEmbedder
) -> None:
    inner.gate.clear()
    leave = cached.begin("a")
    assert leave is not None
    assert cached.begin("a") is None
    await settle()
    leave()
    await settle()
    assert inner.cancelled == 1
    leave = cached.begin("a")
    assert leave is not None
    waiting = asyncio.create_task(cached.embed(["a"]))
    await settle()
    leave()
    await settle()
    inner.gate.set()
    assert (await waiting)[0] is not None
    assert inner.cancelled == 1


async def test_a_caller_who_leaves_does_not_drop_what_was_begun_ahead(inner: Inner, cached: CachedEmbedder) -> None:
    inner.gate.clear()
    leave = cached.begin("a")
    assert leave is not None
    caller = asyncio.create_task(cached.embed(["a"]))
    await settle()
    caller.cancel()
    await settle()
    assert inner.cancelled == 0
    leave()
    await settle()
    assert inner.cancelled == 1


async def test_what_fails_ahead_is_tried_anew_by_who_asks(inner: Inner, cached: CachedEmbedder) -> None:
    inner.failure = EmbedderOverloaded("full")
    leave = cached.begin("a")
    assert leave is not None
    await settle()
    inner.failure = None
    assert (await cached.embed(["a"]))[0] is not None
    leave()


async def test_nothing_is_begun_ahead_where_it_costs_money(inner: Inner) -> None:
    cached = CachedEmbedder(inner, entries=3, deadline_s=2.0, free=False)
    assert cached.begin("a") is None
    await settle()
    assert inner.calls == []
    elsewhere = Settings(embedder="openai:text-embedding-3-small", embedding={"openai_api_key": "key"})
    made = make_embedder(elsewhere)
    assert made is not None
    assert made.begin("a") is None
