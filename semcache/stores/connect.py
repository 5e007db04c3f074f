"""Clients of the store, made from settings: standalone, unix socket, TLS, Sentinel, Cluster.

Nothing here talks to a server: clients connect when first used, so the service starts without its store. Retries and
read timeouts of connections are off: the guard's deadline is the only waiting there is (a call that is cancelled
closes its connection), and its breaker the only memory of failures. A read timeout of redis-py costs a task for each
write, a fifth of a call. The exception is one retry in a cluster, which is how its client learns a new topology.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from semcache.errors import ConfigError
from semcache.settings import Settings, StoreSettings
from semcache.stores.clients import Cluster, Pool, SentinelPool, WideSentinel

Client = Redis | RedisCluster
"""What speaks to the store; bytes in, bytes out."""


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


async def check(settings: Settings) -> None:
    """Raises ConfigError where `connect` would: for what only the operator can mend, and no retry."""
    if settings.redis_url is not None:
        client = await connect(settings, None)
        await client.aclose()


def _standalone(url: str, store: StoreSettings) -> Redis:
    try:
        parsed = dict(parse_url(url))
    except ValueError as error:
        raise _bad_url(str(error)) from error
    secure = parsed.get("connection_class") is SSLConnection
    options = _options(store) | _tls(store, secure) | _authentication(store) | parsed
    fixed = {"max_connections": store.pool_size, "retry": _no_retry(), "decode_responses": False}
    pool = Pool(**(_unless_unix(options) | fixed))
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
    return Cluster(
        startup_nodes=[ClusterNode(host, port) for host, port in hosts],
        pool_size=store.pool_size,
        retry=Retry(NoBackoff(), 1),
        ssl=secure,
        **options,
    )


def _sentinel(url: str, store: StoreSettings, master: str) -> Redis:
    parts, hosts = _hosts(url)
    secure = parts.scheme == "rediss"
    shared = _options(store) | _tls(store, secure) | {"retry": _no_retry(), "ssl": secure}
    watch_secret = {"password": store.sentinel_password.get_secret_value()} if store.sentinel_password else {}
    watchers = WideSentinel(hosts, sentinel_kwargs=shared | watch_secret)  # type: ignore[no-untyped-call]
    database = parts.path.strip("/") or "0"
    if not database.isdigit():
        raise _bad_url(f"{database!r} is no database number")
    options = shared | _authentication(store) | _credentials(parts) | {"db": int(database)}
    pool = SentinelPool(  # type: ignore[no-untyped-call]
        master, watchers, max_connections=store.pool_size, **options
    )
    return Redis.from_pool(pool)


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
