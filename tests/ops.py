"""What the tests of invalidation, jobs, maintenance, statistics and doctor share: a real store, and entries in it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from semcache.models import CacheIdentity, Embedding, Entry, FillToken, TtlClass
from semcache.ports import Draft, Fenced, Written
from semcache.settings import Settings
from semcache.stores.store import RedisStore
from tests.conftest import Backend
from tests.patience import LONG_S, patient


def settings_for(backend: Backend, key_prefix: str, **fields: Any) -> Settings:
    """Settings of a store under a prefix of its own. With deadlines for a busy machine."""
    store = {"key_prefix": key_prefix, "cluster": backend.cluster, **fields.pop("store", {})}
    return Settings(redis_url=backend.url, **patient({**fields, "store": store}))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[RedisStore]:
    """A started store, closed at the end."""
    store = RedisStore(settings, None)
    await store.start()
    try:
        yield store
    finally:
        await store.aclose()


def identity_of(
    prompt: str,
    *,
    namespace: str = "default",
    model: str = "m",
    model_version: str = "",
    ttl: TtlClass = TtlClass.STATIC,
) -> CacheIdentity:
    """An identity as good as any: all that matters here is that its parts fit each other."""

    def sha(text: str) -> bytes:
        return hashlib.sha256(text.encode()).digest()

    place = f"{namespace}\0{model}\0{model_version}"
    return CacheIdentity(
        namespace=namespace,
        model=model,
        model_version=model_version,
        digest=sha(f"d\0{place}\0{prompt}"),
        norm_digest=sha(f"n\0{place}\0{prompt.lower()}"),
        partition=sha(place)[:16],
        context=sha("")[:16],
        prompt=prompt,
        ttl_class=ttl,
        ttl_rule="test",
    )


def draft_of(
    prompt: str,
    *,
    tags: Sequence[str] = (),
    ttl_s: float = 600.0,
    embedding: Embedding | None = None,
    fill: FillToken | None = None,
    **identity: Any,
) -> Draft:
    """A draft of an answer to a prompt."""
    return Draft(
        identity=identity_of(prompt, **identity),
        response=b'"an answer"',
        ttl_s=ttl_s,
        retain_s=0.0,
        tags=tuple(tags),
        embedding=embedding,
        fill=fill,
    )


async def put(store: RedisStore, prompt: str, **fields: Any) -> Entry:
    """Store one entry; it must not be fenced."""
    written = await store.entries.put(draft_of(prompt, **fields))
    assert isinstance(written, Written), Fenced
    return written.entry


async def put_many(store: RedisStore, prompts: Sequence[str], **fields: Any) -> list[str]:
    """Store entries, some at a time; returns their ids."""
    ids = []
    for start in range(0, len(prompts), 50):
        written = await asyncio.gather(*(put(store, prompt, **fields) for prompt in prompts[start : start + 50]))
        ids += [entry.entry_id for entry in written]
    return ids


async def alive(store: RedisStore, ids: Sequence[str]) -> set[str]:
    """Which of these may still be served."""
    read = await store.entries.read_many(list(ids))
    return {entry_id for entry_id, found in read.found.items() if found.entry.epoch >= read.epochs[entry_id]}


async def until(condition: Callable[[], Awaitable[Any]], *, within_s: float = LONG_S, what: str = "condition") -> Any:
    """Await `condition` again and again until it is truthy; return that, or fail after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        if result := await condition():
            return result
        assert time.monotonic() < deadline, f"waited {within_s:g} s in vain for {what}"
        await asyncio.sleep(0.02)
