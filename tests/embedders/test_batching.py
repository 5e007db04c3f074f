"""The owner thread: batches, bounds, deadlines, faults, end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from semcache.embedders.batching import BatchingEmbedder
from semcache.engines import owner
from semcache.errors import EmbedderOverloaded, EmbedderTimeout, EmbedderUnavailable
from tests.embedders.scripted import ScriptedEncoder, vector_of
from tests.patience import LONG_S


async def until(condition: Callable[[], bool], timeout_s: float = LONG_S) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        await asyncio.sleep(0.002)


@pytest.fixture
def encoder() -> ScriptedEncoder:
    return ScriptedEncoder()


@pytest.fixture
async def embedder(encoder: ScriptedEncoder) -> AsyncIterator[BatchingEmbedder]:
    made = BatchingEmbedder(encoder, queue=10, batch=4, deadline_s=LONG_S)
    await made.start()
    await until(lambda: made.state().ready)
    yield made
    await made.aclose()


async def hold(encoder: ScriptedEncoder, embedder: BatchingEmbedder) -> asyncio.Task[object]:
    """Let the owner thread be busy with a first text until the gate opens."""
    encoder.gate.clear()
    encoder.entered.clear()
    task: asyncio.Task[object] = asyncio.create_task(embedder.embed(["first"]))
    await until(encoder.entered.is_set)
    return task


async def test_requests_that_wait_share_batches_up_to_the_bound(
    encoder: ScriptedEncoder, embedder: BatchingEmbedder
) -> None:
    first = await hold(encoder, embedder)
    waiting = [asyncio.create_task(embedder.embed([f"text {at}"])) for at in range(6)]
    await asyncio.sleep(0)
    encoder.gate.set()
    rows = await asyncio.gather(*waiting)
    await first
    assert [len(batch) for batch in encoder.batches] == [1, 4, 2]
    for at, [row] in enumerate(rows):
        assert row is not None
        assert np.array_equal(row.vectors, vector_of(f"text {at}").vectors)


async def test_a_batch_is_bounded_in_windows_and_takes_a_larger_text_alone(
    encoder: ScriptedEncoder, embedder: BatchingEmbedder
) -> None:
    first = await hold(encoder, embedder)
    waiting = asyncio.create_task(embedder.embed(["a" * 950, "b" * 150, "c" * 150, "d"]))
    await asyncio.sleep(0)
    encoder.gate.set()
    await asyncio.gather(waiting, first)
    assert [[text[0] for text in batch] for batch in encoder.batches] == [["f"], ["a"], ["b", "c"], ["d"]]


class Later:
    """The owner's clock, set forward by a test."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s


OLD, NEW = ["old 0", "old 1"], ["new 0", "new 1"]


@pytest.mark.parametrize(("waited", "order"), [(0.4, OLD + NEW), (0.6, NEW[::-1] + OLD[::-1]), (1.1, NEW)])
async def test_once_the_first_has_waited_for_half_of_its_time_the_newest_go_first(
    encoder: ScriptedEncoder, monkeypatch: pytest.MonkeyPatch, waited: float, order: list[str]
) -> None:
    clock = Later()
    monkeypatch.setattr(owner, "time", clock)
    embedder = BatchingEmbedder(encoder, queue=10, batch=1, deadline_s=LONG_S)
    await embedder.start()
    await until(lambda: embedder.state().ready)
    first = await hold(encoder, embedder)
    waiting = [asyncio.create_task(embedder.embed([f"old {at}"])) for at in range(2)]
    await asyncio.sleep(0)
    clock.ahead_s = waited * LONG_S
    waiting += [asyncio.create_task(embedder.embed([f"new {at}"])) for at in range(2)]
    await asyncio.sleep(0)
    encoder.gate.set()
    rows = await asyncio.gather(*waiting[-len(order) :])
    assert [text for [text] in encoder.batches[1:]] == order
    for text, [row] in zip(sorted(order, key=lambda text: (text[:3] == "new", text)), rows, strict=True):
        assert row is not None
        assert np.array_equal(row.vectors, vector_of(text).vectors)
    for task in waiting:
        task.cancel()
    await first
    await embedder.aclose()


async def test_a_full_queue_refuses(encoder: ScriptedEncoder, embedder: BatchingEmbedder) -> None:
    first = await hold(encoder, embedder)
    waiting = asyncio.create_task(embedder.embed(["x"] * 10))
    await asyncio.sleep(0)
    with pytest.raises(EmbedderOverloaded):
        await embedder.embed(["one more"])
    encoder.gate.set()
    await asyncio.gather(waiting, first)


async def test_a_hung_model_holds_nobody_past_the_deadline(
    encoder: ScriptedEncoder, embedder: BatchingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await hold(encoder, embedder)
    began = time.monotonic()
    with pytest.raises(EmbedderTimeout):
        await embedder.embed(["late"], deadline_s=0.1)
    assert time.monotonic() - began < LONG_S / 2
    monkeypatch.setattr(embedder._owner, "_hang_s", 0.05)
    assert "hung" in embedder.state().detail
    with pytest.raises(EmbedderUnavailable, match="hung"):
        await embedder.embed(["at once"])
    encoder.gate.set()
    await first
    await until(lambda: embedder.state().ready)
    assert await embedder.embed(["well again"])
    assert "late" not in [text for batch in encoder.batches for text in batch]


async def test_cancelled_requests_cost_no_batch(encoder: ScriptedEncoder, embedder: BatchingEmbedder) -> None:
    first = await hold(encoder, embedder)
    dropped = asyncio.create_task(embedder.embed(["dropped"]))
    kept = asyncio.create_task(embedder.embed(["kept"]))
    await asyncio.sleep(0)
    dropped.cancel()
    await asyncio.sleep(0)
    encoder.gate.set()
    await asyncio.gather(kept, first)
    assert encoder.batches == [["first"], ["kept"]]


async def test_one_bad_text_spoils_no_other(encoder: ScriptedEncoder, embedder: BatchingEmbedder) -> None:
    first = await hold(encoder, embedder)
    good = asyncio.create_task(embedder.embed(["good", "endless"]))
    bad = asyncio.create_task(embedder.embed(["poison"]))
    await asyncio.sleep(0)
    encoder.gate.set()
    [row, endless] = await good
    assert row is not None
    assert endless is None
    with pytest.raises(EmbedderUnavailable, match="cannot read this"):
        await bad
    await first
    assert embedder.state().ready


async def test_a_model_that_dies_is_loaded_again(
    encoder: ScriptedEncoder, embedder: BatchingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "FIRST_PAUSE_S", 0.01)
    encoder.gone_on = "last words"
    with pytest.raises(EmbedderUnavailable, match="the model died"):
        await embedder.embed(["last words"])
    await until(lambda: embedder.state().ready)
    assert encoder.loads == 2
    assert await embedder.embed(["back"])


async def test_a_load_that_fails_says_why_and_is_tried_again(
    encoder: ScriptedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "FIRST_PAUSE_S", 0.01)
    encoder.load_error = "no such model"
    embedder = BatchingEmbedder(encoder, queue=10, batch=4, deadline_s=LONG_S)
    await embedder.start()
    await until(lambda: encoder.loads >= 2)
    assert embedder.state().detail == "no such model"
    with pytest.raises(EmbedderUnavailable, match="no such model"):
        await embedder.embed(["x"])
    encoder.load_error = None
    await until(lambda: embedder.state().ready)
    await embedder.aclose()
    assert encoder.unloaded


async def test_the_end_is_bounded_and_tells_the_waiting(
    encoder: ScriptedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "JOIN_S", 0.1)
    monkeypatch.setattr(encoder, "abort", lambda: None)
    embedder = BatchingEmbedder(encoder, queue=10, batch=4, deadline_s=LONG_S)
    await embedder.start()
    await until(lambda: embedder.state().ready)
    first = await hold(encoder, embedder)
    second = asyncio.create_task(embedder.embed(["second"]))
    await asyncio.sleep(0)
    began = time.monotonic()
    await embedder.aclose()
    assert time.monotonic() - began < LONG_S / 2
    with pytest.raises(EmbedderUnavailable):
        await second
    with pytest.raises(EmbedderUnavailable, match="stopped"):
        await embedder.embed(["later"])
    encoder.gate.set()  # even what comes after the end finds nobody harmed
    await first
