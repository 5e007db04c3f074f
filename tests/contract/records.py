"""Made-up identities and drafts for the store suites."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from semcache.models import CacheIdentity, Embedding, TtlClass
from semcache.ports import Draft, Written
from semcache.stores.store import RedisStore
from tests.patience import LONG_S

SPACE = "test-space-1"


def identity(
    prompt: str,
    *,
    namespace: str = "default",
    model: str = "m1",
    model_version: str = "v1",
    norm: str | None = None,
    shard: int | None = None,
) -> CacheIdentity:
    """An identity whose digests follow from its text; `norm` shares a normalised digest, `shard` forces the shard."""
    head = f"{namespace}|{model}|{model_version}|"
    digest = sha256(f"raw|{head}{prompt}".encode()).digest()
    norm_digest = sha256(f"norm|{head}{prompt if norm is None else norm}".encode()).digest()
    if shard is not None:
        norm_digest = bytes([shard]) + norm_digest[1:]
    return CacheIdentity(
        namespace=namespace,
        model=model,
        model_version=model_version,
        digest=digest,
        norm_digest=norm_digest,
        partition=sha256(head.encode()).digest()[:16],
        context=bytes(16),
        prompt=prompt,
        ttl_class=TtlClass.GENERAL,
        ttl_rule="test",
    )


def draft(prompt: str | CacheIdentity, *, response: bytes = b'{"a":1}', ttl_s: float = 60.0, **parts: Any) -> Draft:
    """A draft of a prompt in the default namespace, or of an identity."""
    who = identity(prompt) if isinstance(prompt, str) else prompt
    return Draft(identity=who, response=response, ttl_s=ttl_s, retain_s=parts.pop("retain_s", 0.0), **parts)


def embedding(seed: int, *, windows: int = 1, dimension: int = 8, space: str = SPACE) -> Embedding:
    """Random unit rows."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((windows, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Embedding(space, vectors, rng.integers(1, 200, windows).astype(np.float32))


async def put(store: RedisStore, *args: Any, **parts: Any) -> Written:
    """Store a draft that nothing fences."""
    written = await store.entries.put(draft(*args, **parts))
    assert isinstance(written, Written)
    return written


async def eventually(condition: Callable[[], Awaitable[Any]], *, timeout_s: float = LONG_S) -> Any:
    """Poll until `condition()` is truthy and return that."""
    deadline = time.monotonic() + timeout_s
    while True:
        if result := await condition():
            return result
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout_s:g} s in vain")
        await asyncio.sleep(0.01)
