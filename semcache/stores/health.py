"""What an operator should know of the server behind the store: reached, how full, set so that bookkeeping survives."""

from __future__ import annotations

from typing import Any, Final

from semcache.errors import StoreUnavailable
from semcache.ports import StoreHealth
from semcache.stores.lua import Link

_PROBE_S: Final = 0.7
"""Longest wait for one answer: readiness is built on this, and who probes it gives up after a second."""
_INFO = ("server", "memory", "persistence")


async def inspect(link: Link) -> StoreHealth:
    """Ask every primary. Never raises: a store that is not reached is an answer."""
    try:
        nodes = [None] if not link.clustered else await _primaries(link)
        reports = [await _node(link, node) for node in nodes]
    except StoreUnavailable as error:
        return StoreHealth(reachable=False, detail=str(error))
    warnings: list[str] = []
    for info, config in reports:
        warnings += [text for text in _judge(info, config) if text not in warnings]
    first, settings = reports[0]
    limits = [int(info.get("maxmemory", 0)) for info, _ in reports]
    return StoreHealth(
        reachable=True,
        detail="" if len(reports) == 1 else f"cluster of {len(reports)} primaries",
        server=_server(first),
        used_memory_bytes=sum(int(info.get("used_memory", 0)) for info, _ in reports),
        max_memory_bytes=sum(limits) if all(limits) else 0,
        eviction_policy=str(first.get("maxmemory_policy") or (settings or {}).get("maxmemory-policy", "")),
        warnings=tuple(warnings),
    )


async def _primaries(link: Link) -> list[Any]:
    client: Any = link.client

    async def ask() -> list[Any]:
        await client.initialize()
        return list(client.get_primaries())

    found = await link.guard.run(ask, deadline_s=_PROBE_S)
    if not found:
        raise StoreUnavailable("store: the cluster names no primary")
    return found


async def _node(link: Link, node: Any) -> tuple[dict[str, Any], dict[str, str] | None]:
    """INFO of one node, and its settings: None where CONFIG is not permitted."""
    target = {} if node is None else {"target_nodes": node}
    info: dict[str, Any] = {}
    for section in _INFO:
        info |= _one(await link.command("INFO", section, deadline_s=_PROBE_S, **target), "redis_version", section)
    try:
        config = _one(await link.command("CONFIG GET", "maxmemory*", deadline_s=_PROBE_S, **target), "maxmemory", "")
    except StoreUnavailable:
        return info, None
    return info, {_text(name): _text(value) for name, value in config.items()}


def _one(answer: Any, marker: str, section: str) -> dict[str, Any]:
    """A single node's answer: a cluster client may wrap it by node name."""
    values = list(answer.values())
    if len(values) == 1 and isinstance(values[0], dict) and marker not in answer:
        return dict(values[0])
    return dict(answer)


def _judge(info: dict[str, Any], config: dict[str, str] | None) -> list[str]:
    found = []
    policy = str(info.get("maxmemory_policy") or (config or {}).get("maxmemory-policy", ""))
    limit = int(info.get("maxmemory", (config or {}).get("maxmemory", 0)))
    if policy.startswith("allkeys-"):
        found.append(
            f"maxmemory-policy {policy} may evict bookkeeping (epochs, fences, the change log): "
            "set it to volatile-lru or volatile-lfu"
        )
    elif policy == "noeviction" and limit:
        found.append(
            "maxmemory-policy noeviction makes stores fail once memory is full: set it to volatile-lru or volatile-lfu"
        )
    if config is None:
        found.append(
            "CONFIG GET is not permitted: the eviction policy is taken from INFO and cannot be verified; "
            "allow it, or check that maxmemory-policy is volatile-lru or volatile-lfu"
        )
    if not limit:
        found.append("maxmemory is not set: the store may take all memory of its machine; set a bound")
    if not int(info.get("aof_enabled", 0)):
        found.append(
            "the append-only file is off: entries written since the last snapshot are lost when the server dies; "
            "set appendonly yes"
        )
    elif str(info.get("aof_last_write_status", "ok")) != "ok":
        found.append("the append-only file cannot be written: look for a full disk")
    return found


def _server(info: dict[str, Any]) -> str:
    name = _text(info.get("server_name", "")) or "redis"
    version = info.get("valkey_version") or info.get("redis_version", "")
    return f"{name} {_text(version)}".strip()


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
