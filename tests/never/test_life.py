"""No hit prolongs its own life unless sliding expiry was asked for; what has expired is served by no tier."""

from __future__ import annotations

import asyncio
import time

import pytest

from semcache.models import Hit, MissReason, Strategy, Tier
from semcache.service import Service
from tests.integration.conftest import MakeService, eventually
from tests.never.conftest import keep, missed, request
from tests.prompts import prompt, reworded

SPELLINGS = {Tier.EXACT: prompt(0), Tier.NORMALIZED: prompt(0).rstrip("?"), Tier.SEMANTIC: reworded(0)}


async def expiry(service: Service, entry_id: str) -> int:
    return (await service.entries.read_many([entry_id])).found[entry_id].entry.expires_ms


async def hit_by_every_tier(service: Service) -> None:
    for tier, text in SPELLINGS.items():
        outcome = await service.cache.lookup(request(text))
        assert isinstance(outcome, Hit)
        assert outcome.tier is tier
    await service.cache.uses.flush()


async def test_hits_of_every_tier_leave_the_expiry_where_it_was(make_service: MakeService) -> None:
    """Flushed hit counts included; a longer life, or a stale window, changes nothing about it."""
    service = await make_service(ttl={"stale_window_s": 60.0})
    await keep(service, request(prompt(0)), "answer")
    began = time.monotonic()
    await hit_by_every_tier(service)
    ttl_s = 1.2 + 10 * (time.monotonic() - began)  # a busy machine needs longer to be hit by every tier
    began = time.monotonic()
    stored = await keep(service, request(prompt(0)), "answer", ttl_s=ttl_s)
    first = await expiry(service, stored.entry_id)
    assert first == stored.expires_ms
    while time.monotonic() - began < ttl_s / 2:
        await hit_by_every_tier(service)
        assert await expiry(service, stored.entry_id) == first
        await asyncio.sleep(0.05)

    async def expired() -> bool:
        return (await service.entries.read_many([])).now_ms >= first

    await eventually(expired)
    for text in SPELLINGS.values():  # the record is kept for the stale window, and not served
        assert (await missed(service, request(text))).reason is MissReason.EXPIRED
    assert await expiry(service, stored.entry_id) == first
    await service.cache.uses.flush()
    assert await expiry(service, stored.entry_id) == first


async def test_a_service_that_slides_does_not_prolong_what_was_stored_without(make_service: MakeService) -> None:
    plain, sliding = await make_service(), await make_service(ttl={"sliding": True})
    fixed = await keep(plain, request(prompt(0)), "answer", ttl_s=30.0)
    moving = await keep(sliding, request(prompt(1)), "answer", ttl_s=30.0)
    began = (await plain.entries.read_many([])).now_ms

    async def tick() -> bool:
        return (await plain.entries.read_many([])).now_ms > began + 20

    await eventually(tick)
    for number in (0, 1):
        assert isinstance(await sliding.cache.lookup(request(prompt(number))), Hit)
    await sliding.cache.uses.flush()
    assert await expiry(plain, fixed.entry_id) == fixed.expires_ms
    assert await expiry(plain, moving.entry_id) > moving.expires_ms


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_no_answer_older_than_was_asked_for(make_service: MakeService, strategy: Strategy) -> None:
    service = await make_service(embedder="off")
    stored = await keep(service, request(prompt(0)), "answer")

    async def aged() -> bool:
        return (await service.entries.read_many([])).now_ms > stored.expires_ms - stored.ttl_s * 1000 + 5

    await eventually(aged)
    outcome = await service.cache.lookup(request(prompt(0)), strategy=strategy, max_age_s=0.0)
    assert not isinstance(outcome, Hit)
