"""OpenAI embeddings against a local server that answers well, badly, or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
from pydantic import SecretStr

from semcache.embedders import openai_api
from semcache.embedders.openai_api import OpenAiEmbedder
from semcache.errors import EmbedderOverloaded, EmbedderTimeout, EmbedderUnavailable
from tests.embedders.embedding_server import EmbeddingServer, embedding_server
from tests.patience import LONG_S


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server() as running:
        yield running


def made(server: EmbeddingServer, *, dimensions: int | None = None, model: str = "small") -> OpenAiEmbedder:
    return OpenAiEmbedder(
        model,
        base_url=server.url,
        api_key=SecretStr("k"),
        dimensions=dimensions,
        queue=200,
        batch=64,
        max_windows=8,
        deadline_s=LONG_S,
    )


async def until_ready(embedder: OpenAiEmbedder) -> OpenAiEmbedder:
    end = time.monotonic() + LONG_S
    while not embedder.state().ready:
        assert time.monotonic() < end, embedder.state().detail
        await asyncio.sleep(0.01)
    return embedder


@pytest.fixture
async def embedder(server: EmbeddingServer) -> AsyncIterator[OpenAiEmbedder]:
    embedder = made(server)
    await embedder.start()
    yield await until_ready(embedder)
    await embedder.aclose()


async def test_the_space_is_known_at_once_the_dimension_from_the_first_answer(server: EmbeddingServer) -> None:
    embedder = made(server)
    assert embedder.space == made(server).space
    assert embedder.space != made(server, dimensions=12).space
    assert embedder.space != made(server, model="large").space
    with pytest.raises(EmbedderUnavailable, match="dimension"):
        _ = embedder.dimension
    await embedder.start()
    await until_ready(embedder)
    assert embedder.dimension == server.dimension
    await embedder.aclose()


async def test_fewer_dimensions_are_asked_for(server: EmbeddingServer) -> None:
    embedder = made(server, dimensions=12)
    await embedder.start()
    await until_ready(embedder)
    [row] = await embedder.embed(["x"])
    assert row is not None
    assert row.vectors.shape == (1, 12)
    assert server.requests[-1]["dimensions"] == 12
    await embedder.aclose()


async def test_answers_in_any_order_become_unit_rows(server: EmbeddingServer, embedder: OpenAiEmbedder) -> None:
    texts = [f"text {at}" for at in range(100)]
    rows = await embedder.embed(texts)
    assert [len(request["input"]) for request in server.requests[1:]] == [64, 36]
    for text, row in zip(texts, rows, strict=True):
        assert row is not None
        expected = np.array(server.vector(text, server.dimension)) / 3
        assert row.vectors[0] == pytest.approx(expected, abs=1e-6)


async def test_long_texts_are_sent_in_pieces(server: EmbeddingServer, embedder: OpenAiEmbedder) -> None:
    [row, too_long] = await embedder.embed(["words and more " * 600, "words and more " * 6000])
    assert too_long is None
    assert row is not None
    assert len(row.vectors) == 7
    assert max(len(piece) for piece in server.requests[-1]["input"]) <= openai_api.PIECE_BYTES


@pytest.mark.parametrize(
    ("mode", "error", "says"),
    [
        ("hang", EmbedderTimeout, "no answer within 1 s"),
        ("500", EmbedderUnavailable, "no luck"),
        ("429", EmbedderOverloaded, "no luck"),
        ("garbage", EmbedderUnavailable, "no embeddings in the answer"),
        ("short", EmbedderUnavailable, "no embeddings in the answer"),
        ("resized", EmbedderUnavailable, "25 components where 24"),
    ],
)
async def test_faults_have_names_and_end_in_time(
    server: EmbeddingServer,
    embedder: OpenAiEmbedder,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    error: type[EmbedderUnavailable],
    says: str,
) -> None:
    assert embedder._client is not None
    if mode in ("500", "429"):  # its pauses between retries are longer than this test wants to wait
        monkeypatch.setattr(embedder, "_client", embedder._client.with_options(max_retries=0))
    server.mode = mode
    began = time.monotonic()
    with pytest.raises(error, match=says) as caught:
        await embedder.embed(["x"], deadline_s=1.0 if mode == "hang" else LONG_S)
    assert type(caught.value) is error
    assert time.monotonic() - began < LONG_S / 2
    assert not embedder.state().ready
    server.mode = "ok"
    assert (await embedder.embed(["x"]))[0] is not None
    assert embedder.state().ready


async def test_retries_stay_inside_the_deadline(server: EmbeddingServer, embedder: OpenAiEmbedder) -> None:
    server.mode = "500"
    server.retry_after_s = 55
    began = time.monotonic()
    with pytest.raises(EmbedderUnavailable):
        await embedder.embed(["x"], deadline_s=0.7)
    assert time.monotonic() - began < 30
    assert len(server.requests) <= 2 + openai_api.RETRIES


async def test_what_is_in_flight_is_bounded(server: EmbeddingServer, embedder: OpenAiEmbedder) -> None:
    server.mode = "hang"
    first = asyncio.create_task(embedder.embed(["x"] * 150, deadline_s=0.5))
    await asyncio.sleep(0)
    with pytest.raises(EmbedderOverloaded):
        await embedder.embed(["y"] * 51)
    with pytest.raises(EmbedderTimeout):
        await first


async def test_a_server_that_is_down_at_first_is_found_later(
    server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_api, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(openai_api, "RETRIES", 0)
    server.mode = "500"
    embedder = made(server)
    await embedder.start()
    end = time.monotonic() + LONG_S
    while "no luck" not in embedder.state().detail:
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
    server.mode = "ok"
    await until_ready(embedder)
    await embedder.aclose()
    with pytest.raises(EmbedderUnavailable, match="stopped"):
        await embedder.embed(["x"])
