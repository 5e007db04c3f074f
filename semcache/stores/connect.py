"""Clients of the store, made from settings: standalone, unix socket, TLS, Sentinel, Cluster.

Nothing here talks to a server: clients connect when first used, so the service starts without its store. Retries and
read timeouts of connections are off: the guard's deadline is the only waiting there is (a call that is cancelled
closes its connection), and its breaker the only memory of failures. A read timeout of redis-py costs a task for each
write, a fifth of a call. The exception is one retry in a cluster, which is how its client learns a new topology.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from semcache.errors import ConfigError
from semcache.settings import Settings, StoreSettings

Client = Redis | RedisCluster
"""What speaks to the store; bytes in, bytes out."""

_DISCOVERY_S: Final = 5.0
"""Longest that reading a cluster's topology may take, over all its nodes."""


async def connect(settings: Settings, server_url: str | None) -> Client:
    """A client for `server_url` (the embedded server's), else for `settings.redis_url`. Opens no connection.

    Raises ConfigError for a URL that cannot be understood, or settings that contradict it.
    """
    if server_url is not None:
        return _standalone(server_url, settings.store)
    if settings.redis_url is None:
        raise ConfigError("no store: SEMCACHE_REDIS_URL is empty and no embedded server was started")
    url = settings.redis_url.get_secret_value()
    store = settings.store
    if store.cluster and store.sentinel_master:
        raise ConfigError("store.cluster and store.sentinel_master exclude each other")
    if store.cluster:
        return _cluster(url, store)
    if store.sentinel_master:
        return _sentinel(url, store, store.sentinel_master)
    return _standalone(url, store)


def _standalone(url: str, store: StoreSettings) -> Redis:
    try:
        parsed = dict(parse_url(url))
    except ValueError as error:
        raise _bad_url(str(error)) from error
    secure = parsed.get("connection_class") is SSLConnection
    options = _options(store) | _tls(store, secure) | _authentication(store) | parsed
    fixed = {"max_connections": store.pool_size, "retry": _no_retry(), "decode_responses": False}
    pool = _Pool(**(_unless_unix(options) | fixed))
    try:
        pool.connection_class(**pool.connection_kwargs)
    except TypeError as error:  # a query argument of the URL that no connection has
        raise _bad_url(str(error)) from error
    return Redis.from_pool(pool)


def _cluster(url: str, store: StoreSettings) -> RedisCluster:
    parts, hosts = _hosts(url)
    if parts.path.strip("/") not in ("", "0"):
        raise _bad_url("a cluster has database 0 only")
    secure = parts.scheme == "rediss"
    options = _options(store) | _tls(store, secure) | _authentication(store) | _credentials(parts)
    return _Cluster(
        startup_nodes=[ClusterNode(host, port) for host, port in hosts],
        max_connections=store.pool_size,
        retry=Retry(NoBackoff(), 1),
        ssl=secure,
        **options,
    )


def _sentinel(url: str, store: StoreSettings, master: str) -> Redis:
    parts, hosts = _hosts(url)
    secure = parts.scheme == "rediss"
    shared = _options(store) | _tls(store, secure) | {"retry": _no_retry(), "ssl": secure}
    watch_secret = {"password": store.sentinel_password.get_secret_value()} if store.sentinel_password else {}
    watchers = _Sentinel(hosts, sentinel_kwargs=shared | watch_secret)  # type: ignore[no-untyped-call]
    database = parts.path.strip("/") or "0"
    if not database.isdigit():
        raise _bad_url(f"{database!r} is no database number")
    options = shared | _authentication(store) | _credentials(parts) | {"db": int(database)}
    pool = _SentinelPool(  # type: ignore[no-untyped-call]
        master, watchers, max_connections=store.pool_size, **options
    )
    return Redis.from_pool(pool)


class _Pool(ConnectionPool):
    """Waits for a free connection when all are in use, rather than refuse; cheaper than redis-py's blocking pool."""

    def __init__(self, *, max_connections: int, **kwargs: Any) -> None:
        super().__init__(max_connections=max_connections, **kwargs)
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


class _Cluster(RedisCluster):
    """Reads the topology in a task of its own.

    A call that runs out of its deadline must not undo the discovery that all calls wait for; that is bounded by a
    limit of its own. redis-py closes its client, and so the discovery, whenever a node says that the cluster is down.
    """

    _discovery: asyncio.Task[RedisCluster] | None = None

    def __init__(self, *, ssl: bool, **options: Any) -> None:
        super().__init__(ssl=ssl, **options)
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

    async def aclose(self) -> None:
        if self._discovery is not None and not self._discovery.done():
            self._discovery.cancel()
            await asyncio.wait([self._discovery])
        await super().aclose()


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


class _SteadyConnection(_Steady, Connection):
    pass


class _SteadySSLConnection(_Steady, SSLConnection):
    pass


class _Sentinel(Sentinel):
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


class _SentinelPool(SentinelConnectionPool, _Pool):
    """Bounded as the other pool is; closes its Sentinels with itself."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def _options(store: StoreSettings) -> dict[str, Any]:
    return {
        "socket_connect_timeout": store.connect_timeout_s,
        "socket_timeout": None,
        "socket_keepalive": True,
        "protocol": 3,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def _unless_unix(options: dict[str, Any]) -> dict[str, Any]:
    if "path" in options:
        options.pop("socket_keepalive")
    return options


def _tls(store: StoreSettings, secure: bool) -> dict[str, Any]:
    if store.tls_ca_file is None:
        return {}
    if not secure:
        raise ConfigError("store.tls_ca_file is set and the URL does not start with rediss://")
    if not store.tls_ca_file.is_file():
        raise ConfigError(f"store.tls_ca_file names {str(store.tls_ca_file)!r}, which is no file")
    return {"ssl_ca_certs": str(store.tls_ca_file)}


def _authentication(store: StoreSettings) -> dict[str, Any]:
    return {"password": store.password.get_secret_value()} if store.password else {}


def _credentials(parts: SplitResult) -> dict[str, Any]:
    given = {"username": parts.username, "password": parts.password}
    return {name: unquote(value) for name, value in given.items() if value}


def _hosts(url: str) -> tuple[SplitResult, Sequence[tuple[str, int]]]:
    """Split a URL that may name several nodes, `redis://[[user]:password@]host:port,host:port/0`."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss"):
        raise _bad_url("Sentinel and Cluster need redis:// or rediss://")
    hosts = []
    for node in parts.netloc.rpartition("@")[2].split(","):
        host, _, port = node.strip().rpartition(":") if not node.strip().endswith("]") else (node.strip(), "", "")
        host, port = (host, port) if host else (port, "6379")
        if not host or not port.isdigit():
            raise _bad_url(f"{node!r} is not host:port")
        hosts.append((host.strip("[]"), int(port)))
    return parts, hosts


def _no_retry() -> Retry:
    return Retry(NoBackoff(), 0)


def _bad_url(detail: str) -> ConfigError:
    return ConfigError(f"redis_url [SEMCACHE_REDIS_URL]: {detail}")


def _observe(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # whoever waited has it; where nobody did, it is no news
