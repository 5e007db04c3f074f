"""Whose answers are whose: one secret for all replicas, one namespace for all holders of a key."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from semcache.errors import StoreUnavailable
from semcache.gateway.tenancy import Tenancy, derived
from semcache.http.access import NAMESPACE_PATTERN
from semcache.models import Strategy
from semcache.settings import NamespaceSettings, Settings, StoreSettings
from semcache.stores.control import RedisControl
from semcache.stores.store import RedisStore
from tests import servers
from tests.conftest import Backend
from tests.patience import LONG_S


@pytest.fixture
async def control(store_backend: Backend, key_prefix: str) -> Any:
    store = StoreSettings(key_prefix=key_prefix, cluster=store_backend.cluster, deadline_s=LONG_S)
    made = RedisStore(Settings(redis_url=store_backend.url, store=store), None)
    await made.start()
    yield made.control
    await made.aclose()


def test_a_derived_namespace() -> None:
    one = derived("team", b"key", b"secret")
    assert re.fullmatch("team~[0-9a-f]{16}", one)
    assert len({one, derived("team", b"kex", b"secret"), derived("other", b"key", b"secret"),
                derived("team", b"key", b"secrex")}) == 4  # fmt: skip
    assert derived("team", b"key", b"secret") == one
    assert not re.match(NAMESPACE_PATTERN, one)


def test_the_operator_s_settings_of_a_namespace_hold_in_what_is_derived_from_it() -> None:
    settings = Settings(namespaces={"team": NamespaceSettings(strategy=Strategy.EXACT, threshold=0.99)})
    assert settings.namespace(derived("team", b"key", b"secret")) is settings.namespace("team")
    assert settings.namespace("team").strategy is Strategy.EXACT
    assert settings.namespace(derived("other", b"key", b"secret")).strategy is None


async def test_replicas_agree_however_they_race(control: RedisControl) -> None:
    replicas = [Tenancy(control) for _ in range(20)]
    found = await asyncio.gather(*(replica.namespace("team", b"key") for replica in replicas))
    assert len(set(found)) == 1
    assert await Tenancy(control).namespace("team", b"key") == found[0]
    assert await Tenancy(control).namespace("team", b"other") != found[0]
    assert await replicas[0].namespace("team", None) == "team"


async def test_a_store_that_lost_the_secret_is_given_it_again(control: RedisControl, key_prefix: str) -> None:
    now = [0.0]
    tenancy = Tenancy(control, monotonic=lambda: now[0])
    before = await tenancy.namespace("team", b"key")
    await control._link.command("DEL", control._base + b"s:gateway-secret", deadline_s=LONG_S)
    now[0] = 61.0
    assert await tenancy.namespace("team", b"key") == before
    assert await Tenancy(control).namespace("team", b"key") == before


async def test_without_the_store(key_prefix: str) -> None:
    now = [0.0]
    with servers.server() as one:
        store = RedisStore(
            Settings(redis_url=one.url, store=StoreSettings(key_prefix=key_prefix, deadline_s=LONG_S)), None
        )
        try:
            await store.start()
            known = Tenancy(store.control, monotonic=lambda: now[0])
            namespace = await known.namespace("team", b"key")
            one.kill()
            with pytest.raises(StoreUnavailable):
                await Tenancy(store.control).namespace("team", b"key")
            now[0] = 61.0
            assert await known.namespace("team", b"key") == namespace
            assert await Tenancy(store.control).namespace("team", None) == "team"
        finally:
            await store.aclose()


async def test_a_secret_that_is_none(control: RedisControl) -> None:
    await control.append("gateway-secret", {"secret": "not hex"}, cap=10)
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        await Tenancy(control).namespace("team", b"key")
