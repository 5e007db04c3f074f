"""Replicas over real stores."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.coalesce.replicas import Replica
from tests.conftest import Backend
from tests.ops import settings_for


@pytest.fixture
async def replica(store_backend: Backend, key_prefix: str) -> AsyncIterator[Callable[..., Awaitable[Replica]]]:
    """Starts replicas over the same keys."""
    made: list[Replica] = []

    async def start(**options: Any) -> Replica:
        made.append(Replica(settings_for(store_backend, key_prefix), **options))
        await made[-1].store.start()
        return made[-1]

    yield start
    for one in made:
        await one.coalescer.aclose(within_s=0)
        await one.store.aclose()
