"""Export from one store and import into another: what was found before is found again, at its own age."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from semcache.admin.transfer import Imported
from semcache.models import CacheRequest, Hit, Outcome, Stored, Strategy, Tier
from semcache.service import Service
from tests.integration.conftest import MakeService, eventually, is_ready

PARIS = "What is the capital city of France?"
PARAPHRASE = "What's the name of the capital city of France?"


def asked(prompt: str, **fields: Any) -> CacheRequest:
    return CacheRequest(messages=[{"role": "user", "content": prompt}], model="m", **fields)


async def fill(service: Service) -> dict[str, Stored]:
    """Entries of every kind; by prompt."""
    stored = {}
    for prompt, more in {
        PARIS: {"tags": ["geography"], "cost_usd": 0.25, "latency_ms": 12.0, "metadata": {"source": ["a", 1]}},
        "Explain recursion to me": {},
        "Explain iteration to me": {"reach": Strategy.EXACT},
    }.items():
        outcome = await service.cache.store(asked(prompt), b'{\n "answer": "\xc3\xa4"\n}', **more)  # type: ignore[arg-type]
        assert isinstance(outcome, Stored)
        stored[prompt] = outcome
    personal = await service.cache.store(asked("What is my name?", principal="user:ada"), b'"Ada"')
    assert isinstance(personal, Stored)
    return stored


async def export(service: Service, **options: Any) -> list[bytes]:
    parts = [part async for part in service.transfer.export(opens=lambda _: True, **options)]
    return b"".join(parts).splitlines()


async def take(service: Service, lines: list[bytes]) -> Imported:
    async def source() -> AsyncIterator[bytes]:
        for line in lines:
            yield line

    return await service.transfer.take(source(), opens=lambda _: True)


async def found(service: Service, prompt: str, **fields: Any) -> Outcome:
    return await service.cache.lookup(asked(prompt, **fields))


def tier(outcome: Outcome) -> Tier | None:
    return outcome.tier if isinstance(outcome, Hit) else None


async def test_all_tiers_survive_between_two_stores(make_service: MakeService, key_prefix: str) -> None:
    old = await make_service(threshold=0.8)
    stored = await fill(old)
    await eventually(lambda: old.follower is not None and old.follower.pending == 0, what="vectors")
    lines = await export(old)
    new = await make_service(
        threshold=0.8,
        store={"key_prefix": f"{key_prefix}new"},
        normalization={"stop_words": True},  # other normalised digests, and so other ids
    )
    done = await take(new, lines)
    assert (done.imported, done.replaced, done.refused, done.damaged, done.pending) == (4, 0, 0, 0, 0)
    hit = await found(new, PARIS)
    assert isinstance(hit, Hit)
    assert hit.tier is Tier.EXACT
    entry = hit.entry
    assert entry.response == b'{  "answer": "\xc3\xa4" }'
    assert (entry.tags, entry.cost_usd, entry.latency_ms, entry.metadata) == (
        ("geography",), 0.25, 12.0, {"source": ["a", 1]},
    )  # fmt: skip
    assert entry.expires_ms == stored[PARIS].expires_ms
    assert tier(await found(new, "explain the recursion to me")) is Tier.NORMALIZED
    assert tier(await found(new, "explain iteration to me")) is None  # it reaches no further than exact
    assert tier(await found(new, "Explain iteration to me")) is Tier.EXACT
    assert tier(await found(new, "What is my name?", principal="user:ada")) is Tier.EXACT
    assert tier(await found(new, "What is my name?", principal="user:eve")) is None

    async def by_meaning() -> bool:
        return tier(await found(new, PARAPHRASE)) is Tier.SEMANTIC

    await eventually(by_meaning, what="a semantic hit")
    again = await take(new, lines)  # an import that broke off is sent again
    assert (again.imported, again.replaced) == (0, 4)
    audit = await new.store.audit.check(repair=False, progress=lambda done, total: None)
    assert [one for one in audit if one.fault] == []


async def test_entries_are_embedded_anew_in_another_vector_space(make_service: MakeService, key_prefix: str) -> None:
    old = await make_service()
    await fill(old)
    lines = [line.replace(json.dumps(old.embedder.space).encode(), b'"another-space"') for line in await export(old)]  # type: ignore[union-attr]
    assert any(b'"another-space"' in line for line in lines)
    new = await make_service(threshold=0.8, store={"key_prefix": f"{key_prefix}new"})
    done = await take(new, lines)
    assert (done.imported, done.pending) == (4, 3)
    assert tier(await found(new, PARIS)) is Tier.EXACT

    async def by_meaning() -> bool:
        return tier(await found(new, PARAPHRASE)) is Tier.SEMANTIC

    await eventually(by_meaning, what="a semantic hit")
    assert await is_ready(new)
