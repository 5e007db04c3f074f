"""What the follower catches up on by itself: entries without vectors, and rows that a lookup doubted."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from semcache.models import CacheRequest, Hit, SemanticState, Stored
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


async def test_a_backlog_of_long_prompts_ends_though_no_single_call_could_embed_it(make_service: MakeService) -> None:
    first = await make_service(embedder="off")
    long = [f"{prompt(number)} " + f"Mind point {number} of the list. " * 400 for number in range(20)]
    for text in long:
        stored = await first.cache.store(request(text), b"1")
        assert isinstance(stored, Stored)
        assert stored.semantic is SemanticState.OFF
    second = await make_service(ready=False, embedding={"deadline_s": 0.5, "max_windows": 128})
    follower: Any = second.follower
    await eventually(lambda: follower.caught_up, what="caught up")
    await eventually(lambda: len(follower.index) == len(long), seconds=3 * LONG_S, what="all embedded")


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
