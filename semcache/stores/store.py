"""The store as one thing: connected, verified, and its ports. What the composition root holds."""

from __future__ import annotations

import asyncio

from redis.asyncio import RedisCluster

from semcache.ports import StoreHealth
from semcache.settings import Settings
from semcache.stores.audit import RedisAudit
from semcache.stores.catalog import RedisCatalog
from semcache.stores.changelog import NEAR_TAILS_EVERY_S, RedisChangeLog
from semcache.stores.connect import connect
from semcache.stores.control import RedisControl
from semcache.stores.entries import Floors, RedisEntries
from semcache.stores.flights import RedisFlights
from semcache.stores.guard import Guard
from semcache.stores.health import inspect
from semcache.stores.keys import Keys
from semcache.stores.lua import Link
from semcache.stores.rates import RedisRates


class RedisStore:
    """Redis or Valkey behind the ports. Usable at once: until `start` succeeds, calls raise StoreUnavailable."""

    def __init__(self, settings: Settings, server_url: str | None) -> None:
        """`server_url`: the embedded server's; None: `settings.redis_url` says where."""
        self._settings = settings
        self._server_url = server_url
        self._starting = asyncio.Lock()
        self._link = Link(Keys(settings.store.key_prefix), Guard(settings.store))
        self.floors = floors = Floors()
        self.entries = RedisEntries(self._link, settings, floors)
        self.log = RedisChangeLog(self._link)
        self.near_log = RedisChangeLog(self._link, tails_every_s=NEAR_TAILS_EVERY_S)
        """The same log for another reader: each compares the counters with its own positions."""
        self.catalog = RedisCatalog(self._link, settings, floors)
        self.control = RedisControl(self._link)
        self.flights = RedisFlights(self._link, settings)
        self.rates = RedisRates(self._link)
        self.audit = RedisAudit(self._link, settings, self.catalog)

    async def start(self) -> None:
        """Connect and verify. May be called again after it failed.

        Raises StoreUnavailable while the server is not reached, ConfigError for a store of another format or shard
        count, or settings that no client can be made of.
        """
        async with self._starting:
            if not self._link.attached:
                client = await connect(self._settings, self._server_url)
                self._link.attach(client, clustered=isinstance(client, RedisCluster))
            await self.log.generation()

    async def health(self) -> StoreHealth:
        """What an operator should know; never raises."""
        return await inspect(self._link)

    async def aclose(self) -> None:
        """Close all connections."""
        self.entries.close()
        self.flights.close()
        client = self._link.detach()
        if client is not None:
            await client.aclose()
