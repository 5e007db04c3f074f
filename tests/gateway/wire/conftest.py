"""Every test on both event loops: uvloop serves where it can be had, asyncio's own elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from semcache.gateway.http_upstream import HttpUpstream
from tests.gateway.wire.raw import Raw, raw_server


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def raw() -> AsyncIterator[Raw]:
    async with raw_server() as made:
        yield made


@pytest.fixture
async def upstream(raw: Raw) -> AsyncIterator[HttpUpstream]:
    made = raw.upstream()
    yield made
    await made.aclose()
