"""Guarded mode end to end, with the real embedder, guards and the shipped verifier."""

from __future__ import annotations

import pytest

from semcache.models import Hit, Miss, MissReason, Tier
from tests.conftest import Backend
from tests.integration.conftest import MakeService, eventually, make_service
from tests.never.conftest import keep, request
from tests.patience import LONG_S

__all__ = ["make_service"]

STORED = "How do I enable two-factor authentication on my router?"


@pytest.fixture
def store_backend(standalone_server: str) -> Backend:
    return Backend(standalone_server)


async def test_a_near_repeat_is_served_and_its_opposite_is_not(make_service: MakeService) -> None:
    service = await make_service(mode="guarded", threshold=None, verification={"deadline_s": LONG_S})
    verifier = service.verifier
    assert verifier is not None
    await eventually(lambda: verifier.state().ready, seconds=2 * LONG_S, what="the verifier")
    await keep(service, request(STORED), "like this")

    repeat = await service.cache.lookup(
        request("Hi, how do I enable two-factor authentification on my router? Thanks!")
    )
    assert isinstance(repeat, Hit), repeat
    assert repeat.tier is Tier.SEMANTIC
    assert repeat.confidence is not None
    assert repeat.confidence >= 0.95

    opposite = await service.cache.lookup(request("How do I disable two-factor authentication on my router?"))
    assert isinstance(opposite, Miss), opposite
    assert opposite.reason is MissReason.GUARDED
