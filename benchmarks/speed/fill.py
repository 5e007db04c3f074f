"""Entries written straight into a store, with vectors of real texts or generated ones, through semcache's own store.

For what would take an hour through the service: a million entries. The service finds them as it finds any others.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.speed import vectors
from benchmarks.speed.parts import MODELS, prepare_model
from semcache.embedders import packaged
from semcache.embedders.minilm import MiniLm
from semcache.models import CacheRequest, Embedding, Strategy
from semcache.policy.canonical import user_message
from semcache.policy.freshness import TtlRules
from semcache.policy.identity import identify
from semcache.policy.normalize import Normalizer
from semcache.ports import Draft, Written
from semcache.settings import Settings, StoreSettings
from semcache.stores.store import RedisStore

DAY_S: Final = 86_400.0
_AT_ONCE: Final = 32
_PATIENT: Final = StoreSettings(deadline_s=60, write_deadline_s=60, connect_timeout_s=60)
"""Making vectors keeps the loop from reading answers for a while."""

Item = tuple[str, str, NDArray[np.float32] | None]
"""Model, prompt, vector; without one the entry is of the exact tier alone."""


def fill(url: str, items: Iterable[Item], total: int, response: bytes, params: dict[str, Any] | None = None) -> None:
    """Write the items, all with this response (JSON), as asked with these parameters."""
    asyncio.run(_fill(url, items, total, response, params or {}))


async def _fill(url: str, items: Iterable[Item], total: int, response: bytes, params: dict[str, Any]) -> None:
    settings = Settings(redis_url=url, store=_PATIENT)
    store = RedisStore(settings, None)
    await store.start()
    draft = _drafter(settings, response, params)
    shown = tqdm(items, total=total, desc="fill", file=sys.stderr, mininterval=5)
    waiting = iter(shown)

    async def write() -> None:
        for item in waiting:  # shared: each takes the next
            done = await store.entries.put(draft(*item))
            if not isinstance(done, Written):
                raise RuntimeError(f"not stored: {done}")

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(write())
    finally:
        shown.close()
        await store.aclose()


def _drafter(
    settings: Settings, response: bytes, params: dict[str, Any]
) -> Callable[[str, str, NDArray[np.float32] | None], Draft]:
    normalizer, rules = Normalizer(settings.normalization), TtlRules.default()
    space, weights = packaged.announced_space(MODELS), np.ones(1, np.float32)

    def draft(model: str, prompt: str, vector: NDArray[np.float32] | None) -> Draft:
        request = CacheRequest(messages=user_message(prompt), model=model, params=params)
        return Draft(
            identity=identify(request, normalizer, rules),
            response=response,
            ttl_s=DAY_S,
            retain_s=0.0,
            embedding=None if vector is None else Embedding(space, vector[None], weights),
            reach=Strategy.EXACT if vector is None else Strategy.SEMANTIC,
        )

    return draft


def exact(model: str, prompts: Iterable[str]) -> Iterator[Item]:
    """Items of the exact tier."""
    return ((model, prompt, None) for prompt in prompts)


def semantic(real: Sequence[str], count: int, model: Callable[[int], str]) -> Iterator[Item]:
    """`count` items: the real texts, spread evenly, with their own vectors; else generated ones.

    `model`: of the item of a number, and so its partition. Real text r is item `real_at(r, ...)`.
    """
    embedded = _embedded(tuple(real))
    places = {real_at(number, len(real), count): number for number in range(len(real))}
    made = _generated(count - len(real))
    for at in range(count):
        number = places.get(at)
        if number is None:
            yield model(at), f"generated entry {at}", next(made)
        else:
            yield model(at), real[number], embedded[number]


def real_at(number: int, real: int, count: int) -> int:
    """Which item the real text of this number is."""
    return number * count // real


@functools.lru_cache(2)
def _embedded(texts: tuple[str, ...]) -> list[NDArray[np.float32]]:
    prepare_model()
    model = MiniLm(MODELS, threads=1, batch=64, max_windows=8)
    model.load()
    found = [model.encode([text])[0] for text in texts]
    return [one.pooled for one in found if one is not None]


def _generated(count: int) -> Iterator[NDArray[np.float32]]:
    for number in range(-(-count // vectors.CHUNK)):
        yield from vectors.chunk(number)[: count - number * vectors.CHUNK]
