"""The Python clients of the cache: direct calls, a decorator, an HTTP transport, a LangChain cache.

Names are loaded when they are first used, so that importing this package costs nothing. What they speak is the REST
contract of a service, or of one that runs in this process (`LocalCache`); they know no store and no tier.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semcache.client.answers import (
        Accepted,
        EntryRecord,
        Imported,
        Invalidation,
        Job,
        Lookup,
        PastInvalidation,
        Readiness,
        Stored,
    )
    from semcache.client.asynchronous import AsyncClient
    from semcache.client.blocking import Client
    from semcache.client.decorator import cached
    from semcache.client.errors import CacheUnavailable, ClientError
    from semcache.client.items import LookupItem, StoreItem
    from semcache.client.local import LocalCache

_HOMES = {
    "Accepted": "answers",
    "AsyncClient": "asynchronous",
    "CacheUnavailable": "errors",
    "Client": "blocking",
    "ClientError": "errors",
    "EntryRecord": "answers",
    "Imported": "answers",
    "Invalidation": "answers",
    "Job": "answers",
    "LocalCache": "local",
    "Lookup": "answers",
    "LookupItem": "items",
    "PastInvalidation": "answers",
    "Readiness": "answers",
    "StoreItem": "items",
    "Stored": "answers",
    "cached": "decorator",
}

__all__ = [
    "Accepted",
    "AsyncClient",
    "CacheUnavailable",
    "Client",
    "ClientError",
    "EntryRecord",
    "Imported",
    "Invalidation",
    "Job",
    "LocalCache",
    "Lookup",
    "LookupItem",
    "PastInvalidation",
    "Readiness",
    "StoreItem",
    "Stored",
    "cached",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
