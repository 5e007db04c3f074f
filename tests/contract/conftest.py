"""A started store on every backend, with settings that a test may vary, and a bare client beside it for damage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from semcache.settings import Settings, StoreSettings
from semcache.stores.connect import connect
from semcache.stores.store import RedisStore
from tests.conftest import Backend
from tests.patience import LONG_S

MakeStore = Callable[..., Awaitable[RedisStore]]


@pytest.fixture
async def make_store(store_backend: Backend, key_prefix: str) -> AsyncIterator[MakeStore]:
    """Start stores over the same keys: each is another process's view."""
    stores: list[RedisStore] = []

    async def make(**options: Any) -> RedisStore:
        patience = {"deadline_s": LONG_S, "write_deadline_s": LONG_S, "connect_timeout_s": LONG_S}
        store = StoreSettings(key_prefix=key_prefix, cluster=store_backend.cluster, **{**patience, **options})
        made = RedisStore(Settings(redis_url=store_backend.url, store=store), None)
        stores.append(made)
        await made.start()
        return made

    yield make
    for made in stores:
        await made.aclose()


@pytest.fixture
async def store(make_store: MakeStore) -> RedisStore:
    """A started store with default settings."""
    return await make_store()


@pytest.fixture
async def raw(store_backend: Backend) -> AsyncIterator[Any]:
    """A bare client."""
    options = StoreSettings(cluster=store_backend.cluster)
    client = await connect(Settings(redis_url=store_backend.url, store=options), None)
    yield client
    await client.aclose()
