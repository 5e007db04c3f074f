"""What the follower catches up on by itself: entries without vectors, and rows that a lookup doubted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from semcache.embedders.cached import CachedEmbedder
from semcache.follower.missing import PORTION
from semcache.models import CacheRequest, Embedding, Hit, SemanticState, Stored
from semcache.ports import Row
from tests.conftest import Backend
from tests.integration.conftest import MakeService, eventually
from tests.patience import LONG_S
from tests.prompts import prompt, reworded


@pytest.fixture
def store_backend(standalone_server: str) -> Backend:
    """One kind of store is enough here: it is the embedder that falls behind."""
    return Backend(standalone_server)


def request(text: str) -> CacheRequest:
    return CacheRequest(messages=[{"role": "user", "content": text}], model="m")


async def test_a_backlog_of_long_prompts_is_embedded_in_portions_that_one_call_can_do(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await make_service(embedder="off")
    long = [f"{prompt(number)} " + f"Mind point {number} of the list. " * 170 for number in range(9)]
    for text in long:
        stored = await first.cache.store(request(text), b"1")
        assert isinstance(stored, Stored)
        assert stored.semantic is SemanticState.OFF
    embed, portions = CachedEmbedder.embed, []

    async def watched(embedder: CachedEmbedder, texts: Sequence[str], **how: Any) -> list[Embedding | None]:
        portions.append([len(text) for text in texts])
        return await embed(embedder, texts, **how)

    monkeypatch.setattr(CachedEmbedder, "embed", watched)
    second = await make_service(ready=False, embedding={"max_windows": 128})
    follower: Any = second.follower
    await eventually(lambda: follower.caught_up, what="caught up")
    await eventually(lambda: len(follower.index) == len(long), seconds=3 * LONG_S, what="all embedded")
    assert sum(map(len, portions)) >= len(long)
    assert max(map(sum, portions)) <= PORTION < sum(map(sum, portions)) / 2


async def test_a_doubted_row_stays_if_its_record_is_there_and_goes_if_not(make_service: MakeService) -> None:
    service = await make_service()
    stored = await service.cache.store(request(prompt(1)), msgspec.json.encode("answer"))
    assert isinstance(stored, Stored)
    follower: Any = service.follower
    candidate = (await service.entries.read_many([stored.entry_id], space=follower.index.space)).found[stored.entry_id]
    assert candidate.embedding is not None
    entry, absent = candidate.entry, f"{stored.entry_id[:2]}{'0' * 30}"
    follower.upsert([Row(absent, entry.partition, entry.context, candidate.embedding.pooled)])
    follower.doubt([stored.entry_id, absent])
    await eventually(lambda: len(follower.index) == 1, what="the row without a record gone")
    assert isinstance(await service.cache.lookup(request(reworded(1))), Hit)
