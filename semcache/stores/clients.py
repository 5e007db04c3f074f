"""redis-py's clients with what a cache in front of live traffic needs of them: bounds that wait, and steady errors.

Pools wait for a free connection instead of refusing; a cluster's topology is read apart from the call that noticed;
all Sentinels are asked at once. Everything raises exceptions of redis-py, which `guard` translates. It knows no
settings (`connect` does).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, cast

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterPipeline
from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError, RedisError

from semcache.stores.lane import packed

log = logging.getLogger(__name__)

_DISCOVERY_S: Final = 5.0
"""Longest that reading a cluster's topology may take, over all its nodes."""


class _Packed:
    """Packs commands in C, as redis-py's blocking connections do: a look at all change logs has 130 arguments."""

    def pack_command(self, *args: Any) -> list[bytes]:
        name = args[0]
        if isinstance(name, str) and " " not in name:
            try:  # what redis-py does before this, it does to each argument in turn
                return [packed(args)]
            except TypeError:
                log.debug("a command has an argument that is to be converted: %s", name)
        converted: list[bytes] = _SERIALIZER.pack(*args)
        return converted


_SERIALIZER: Final = HiredisRespSerializer()


def _packed(plain: type[Any]) -> type[Any]:
    return type(f"Packed{plain.__name__}", (_Packed, plain), {})


class Pool(ConnectionPool):
    """Waits for a free connection when all are in use, rather than refuse; cheaper than redis-py's blocking pool."""

    def __init__(self, connection_class: type[Any] = Connection, *, max_connections: int, **kwargs: Any) -> None:
        super().__init__(_packed(connection_class), max_connections, **kwargs)
        self._room = asyncio.Semaphore(max_connections)

    async def get_connection(self, *_: Any, **__: Any) -> Any:
        await self._room.acquire()
        try:
            connection = self.get_available_connection()  # type: ignore[no-untyped-call]
        except BaseException:
            self._room.release()
            raise
        try:
            await self.ensure_connection(connection)
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def release(self, connection: Any) -> None:
        try:
            await super().release(connection)
        finally:
            self._room.release()


class Cluster(RedisCluster):
    """Reads the topology in a task of its own.

    A call that runs out of its deadline must not undo the discovery that all calls wait for; that is bounded by a
    limit of its own. redis-py closes its client, and so the discovery, whenever a node says that the cluster is down.
    """

    _discovery: asyncio.Task[RedisCluster] | None = None

    def __init__(self, *, ssl: bool, pool_size: int, **options: Any) -> None:
        super().__init__(ssl=ssl, max_connections=2 * max(1, pool_size // 2), **options)
        # Nodes refuse where they have no free connection; here calls wait. Two rooms, because a pipeline that is
        # redirected issues single commands: one room for both could be full of pipelines that wait for it.
        self._room = asyncio.Semaphore(max(1, pool_size // 2))
        self.pipelines = asyncio.Semaphore(max(1, pool_size // 2))
        steady = _SteadySSLConnection if ssl else _SteadyConnection
        self.connection_kwargs["connection_class"] = steady
        self.nodes_manager.connection_kwargs["connection_class"] = steady
        for node in self.nodes_manager.startup_nodes.values():
            node.connection_class = steady

    async def initialize(self, *args: Any, **kwargs: Any) -> RedisCluster:
        if not self._initialize:
            return self
        if self._discovery is None or self._discovery.done():
            found = super().initialize(*args, **kwargs)
            self._discovery = asyncio.create_task(asyncio.wait_for(found, _DISCOVERY_S))
            self._discovery.add_done_callback(_observe)
        discovery = self._discovery
        await asyncio.wait([discovery])
        if discovery.cancelled():
            raise ConnectionError("closed while the topology was read")
        return discovery.result()

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        async with self._room:
            return await super().execute_command(*args, **kwargs)

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> ClusterPipeline:
        return _ClusterPipeline(self, transaction)  # type: ignore[abstract]

    async def aclose(self) -> None:
        if self._discovery is not None and not self._discovery.done():
            self._discovery.cancel()
            await asyncio.wait([self._discovery])
        await super().aclose()


class _ClusterPipeline(ClusterPipeline):
    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        async with cast(Cluster, self.cluster_client).pipelines:
            return await super().execute(*args, **kwargs)


class _Steady:
    """Says ConnectionError where a connection was closed under a call, by the peer or by another call's failure.

    The nodes of a cluster client hand out connections unchecked; uvloop answers a write to a closed one with
    RuntimeError, redis-py with AttributeError.
    """

    async def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
        try:
            await super().send_packed_command(*args, **kwargs)  # type: ignore[misc]
        except (RuntimeError, AttributeError) as error:
            raise ConnectionError(f"connection closed before the command was sent: {error}") from error


class _SteadyConnection(_Steady, _Packed, Connection):
    pass


class _SteadySSLConnection(_Steady, _Packed, SSLConnection):
    pass


class WideSentinel(Sentinel):
    """Asks all Sentinels at once: one that swallows packets must not cost the whole deadline of every call."""

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        asked = [asyncio.create_task(self._ask(watcher, service_name)) for watcher in self.sentinels]
        problems = []
        try:
            for answer in asyncio.as_completed(asked):
                try:
                    return await answer
                except RedisError as error:
                    problems.append(str(error))
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        raise MasterNotFoundError(f"no Sentinel names a master {service_name!r}: {'; '.join(problems)}")

    async def _ask(self, watcher: Redis, service_name: str) -> tuple[str, int]:
        masters: Any = await watcher.sentinel_masters()
        state = masters.get(service_name)
        if not state or not self.check_master_state(state, service_name):
            raise MasterNotFoundError(f"{service_name!r} is unknown or down")
        return state["ip"], state["port"]


class SentinelPool(SentinelConnectionPool, Pool):
    """Bounded as the other pool is; closes its Sentinels with itself."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def _observe(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # whoever waited has it; where nobody did, it is no news
