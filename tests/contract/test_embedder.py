"""What every embedder does, on each real implementation, cached and batched as in production."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from semcache.embedders import make_embedder
from semcache.engines.package import model_dir
from semcache.errors import EmbedderOverloaded, EmbedderTimeout, EmbedderUnavailable
from semcache.policy.similarity import similarity
from semcache.ports import Embedder
from semcache.settings import EmbeddingSettings, Settings
from tests.embedders.embedding_server import embedding_server
from tests.patience import LONG_S

Maker = Callable[..., Awaitable[Embedder]]

LONG = " ".join(f"In step {at} we describe how part number {at * 7} of the machine is oiled." for at in range(1500))


@pytest.fixture(params=["minilm", "st", "openai"])
async def make(request: pytest.FixtureRequest, tmp_path: Path, prepared_models_dir: Path) -> AsyncIterator[Maker]:
    """Makes an embedder of the kind in turn, started, with settings of the embedding group changed."""
    (tmp_path / "models").symlink_to(prepared_models_dir)
    async with AsyncExitStack() as stack:
        extra: dict[str, object] = {}
        name = "minilm"
        if request.param == "st":
            name = f"st:{model_dir()}"
        if request.param == "openai":
            server = stack.enter_context(embedding_server())
            name, extra = "openai:test-embedding", {"openai_base_url": server.url, "openai_api_key": "k"}

        async def maker(**changed: object) -> Embedder:
            wants = EmbeddingSettings.model_validate({"threads": 1, "deadline_s": LONG_S, **extra, **changed})
            embedder = make_embedder(Settings(embedder=name, data_dir=tmp_path, embedding=wants))
            assert embedder is not None
            stack.push_async_callback(embedder.aclose)
            await embedder.start()
            return embedder

        yield maker


async def ready(embedder: Embedder, timeout_s: float = 2 * LONG_S) -> Embedder:
    end = time.monotonic() + timeout_s
    while not embedder.state().ready:
        assert time.monotonic() < end, embedder.state().detail
        await asyncio.sleep(0.02)
    return embedder


async def test_life(make: Maker) -> None:
    """Start, refuse while preparing, embed, refuse what is too much, stop: one load of the model for all of it."""
    embedder = await make(max_windows=80, queue=200)
    assert embedder.space
    assert not embedder.state().ready
    assert embedder.state().detail == "preparing"
    with pytest.raises(EmbedderUnavailable, match="preparing"):
        await embedder.embed(["too early"])

    await ready(embedder)
    space = embedder.space
    texts = ["How do I reset my password?", "how can I reset my password", "Bake a chocolate cake.", "", "\ud800 odd"]
    rows = await embedder.embed(texts)
    assert len(rows) == len(texts)
    for row in rows:
        assert row is not None
        assert row.space == space
        assert row.vectors.dtype == row.weights.dtype == np.float32
        assert row.vectors.shape == (1, embedder.dimension)
        assert row.weights.shape == (1,)
        assert row.weights[0] >= 1
        assert np.linalg.norm(row.vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    alike, other = similarity(rows[0], rows[1]), similarity(rows[0], rows[2])  # type: ignore[arg-type]
    assert alike > 0.8 > other

    assert await embedder.embed([]) == []
    [again] = await embedder.embed(texts[:1])
    assert again is not None
    assert similarity(again, rows[0]) > 0.9999  # type: ignore[arg-type]

    many = [f"Question number {at}: {'why ' * (at % 50)}" for at in range(150)]
    together, *single = await asyncio.gather(
        embedder.embed(many, deadline_s=LONG_S), *(embedder.embed([text], deadline_s=LONG_S) for text in many[::10])
    )
    for batch_row, alone in zip(together[::10], single, strict=True):
        assert batch_row is not None
        assert alone[0] is not None
        assert similarity(batch_row, alone[0]) > 0.999

    long = LONG[:9000]
    [whole, tail] = await embedder.embed([long, long + " Now what is the capital of Peru?" * 60], deadline_s=LONG_S)
    assert whole is not None
    assert tail is not None
    assert 3 <= len(whole.vectors) <= 80
    assert np.linalg.norm(whole.vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert whole.weights[1:-1].max() <= 1.5 * whole.weights[1:-1].min()
    assert similarity(whole, tail) < 0.8

    # Too long, too many, too late: each has its own name.
    for beside in ("short", "as short"):
        [too_long, short] = await embedder.embed([LONG * 2, beside], deadline_s=LONG_S)
        assert too_long is None
        assert short is not None
    with pytest.raises(EmbedderOverloaded):
        await embedder.embed([f"text {at}" for at in range(201)])
    with pytest.raises(EmbedderTimeout):
        await embedder.embed(["no time at all"], deadline_s=0.0)
    [row] = await embedder.embed(["still well"], deadline_s=LONG_S)
    assert row is not None

    await embedder.aclose()
    assert not embedder.state().ready
    with pytest.raises(EmbedderUnavailable):
        await embedder.embed(["after the end"])
