"""Entries written straight into a store, with vectors of real texts or generated ones, by semcache's own code.

For what would take an hour through the service: a million entries. The commands are those of the entries' store, sent
in pipelines. The service finds them as it finds any others.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import hiredis
import numpy as np
import redis
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
from semcache.ports import Draft
from semcache.settings import Settings
from semcache.stores.entries import Floors, RedisEntries
from semcache.stores.guard import Guard
from semcache.stores.keys import Keys
from semcache.stores.lua import Argument, Link, script
from semcache.stores.store import RedisStore

DAY_S: Final = 86_400.0
_BATCH: Final = 250
"""Writes in one pipeline: about 10 ms of the server's time."""

Item = tuple[str, str, NDArray[np.float32] | None]
"""Model, prompt, vector; without one the entry is of the exact tier alone."""


def fill(url: str, items: Iterable[Item], total: int, response: bytes, params: dict[str, Any] | None = None) -> None:
    """Write the items, all with this response (JSON), as asked with these parameters."""
    asyncio.run(_fill(url, items, total, response, params or {}))


async def _fill(url: str, items: Iterable[Item], total: int, response: bytes, params: dict[str, Any]) -> None:
    settings = Settings(redis_url=url)
    store = RedisStore(settings, None)
    await store.start()  # it marks the store with its format
    await store.aclose()
    writes = _Writes(settings)
    entries = RedisEntries(writes, settings, Floors())
    draft = _drafter(settings, response, params)
    with (
        contextlib.closing(redis.Redis.from_url(url)) as client,
        tqdm(total=total, desc="fill", file=sys.stderr, mininterval=5) as shown,
    ):
        client.script_load(script("put").text)
        connection: Any = client.connection_pool.get_connection()
        sent = 0
        for part in _batched(items):
            for item in part:
                await entries.put(draft(*item))
            _read(connection, sent)  # the server worked on it while this was made
            connection.send_packed_command([writes.taken()])
            shown.update(sent := len(part))
        _read(connection, sent)


def _read(connection: Any, answers: int) -> None:
    if not all(connection.read_response()[0] for _ in range(answers)):
        raise RuntimeError("an entry was not stored")


class _Writes(Link):
    """Keeps what the entries' store would have sent, packed: a round trip for each is what takes the time."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(Keys(settings.store.key_prefix), Guard(settings.store))
        self._sha = script("put").sha
        self._packed: list[bytes] = []

    async def run(self, name: str, base: bytes, args: Sequence[Argument], *, deadline_s: float | None = None) -> Any:
        command: tuple[Any, ...] = ("EVALSHA", self._sha, 1, base, *args)
        self._packed.append(hiredis.pack_command(command))
        return [1, 0, 0, 1, 0, 0, 0, None]  # the real answer is read by who sends it

    def taken(self) -> bytes:
        """What was kept since the last time."""
        taken, self._packed = b"".join(self._packed), []
        return taken


def _batched(items: Iterable[Item]) -> Iterator[tuple[Item, ...]]:
    waiting = iter(items)
    while part := tuple(itertools.islice(waiting, _BATCH)):
        yield part


def entry_ids(model: str, prompts: Iterable[str]) -> list[str]:
    """The ids under which such entries are found."""
    settings = Settings()
    normalizer, rules = Normalizer(settings.normalization), TtlRules.default()
    return [
        identify(CacheRequest(messages=user_message(prompt), model=model, params={}), normalizer, rules).entry_id
        for prompt in prompts
    ]


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
