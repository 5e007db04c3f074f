"""What became known of an entry, and what was tuned, decide with the semantic tier."""

from __future__ import annotations

from pathlib import Path

import pytest

from semcache.models import Hit, Miss
from semcache.policy.labels import Label, Source
from semcache.policy.tuning import Tuning
from semcache.service import Service
from tests.conftest import Backend
from tests.integration.conftest import MakeService, eventually, make_service
from tests.never.conftest import keep, request

__all__ = ["make_service"]

ASKED = request("What is the capital city of France?")
MEANT = request("What's the name of the capital city of France?")


@pytest.fixture
def store_backend(standalone_server: str) -> Backend:
    return Backend(standalone_server)


async def found(service: Service) -> str | float:
    outcome = await service.cache.lookup(MEANT)
    if isinstance(outcome, Hit):
        return outcome.similarity
    assert isinstance(outcome, Miss)
    return outcome.reason.value


def wrong(entry_id: str, principal: str, *, same: bool = False) -> Label:
    return Label(
        namespace="default", entry_id=entry_id, asked="Which city?", cached="x", same=same, source=Source.FEEDBACK,
        principal=principal,
    )  # fmt: skip


async def test_trust_and_tuned_cuts_count_in_every_replica(make_service: MakeService, tmp_path: Path) -> None:
    one, two = await make_service(threshold=None), await make_service(threshold=None)
    stored = await keep(one, ASKED, "Paris")
    entry_id = stored.entry_id
    alike = (await found(one)) if isinstance(await found(one), float) else None
    if alike is None:  # calibrated stricter than this pair: tuning lets it in
        await one.tunings.set("default", Tuning(threshold=0.8), who="test")
        alike = await found(one)
    assert isinstance(alike, float)

    await two.tunings.set("default", Tuning(threshold=(1 + alike) / 2), who="test")

    async def not_near_enough() -> bool:
        return await found(two) == "below_threshold"

    await eventually(not_near_enough)  # once its index knows the entry
    await eventually(lambda: one.tunings.of("default").threshold == (1 + alike) / 2)
    assert await found(one) == "below_threshold"
    loose = 1 - (1 - alike) * 1.5
    await two.tunings.set("default", Tuning(threshold=loose), who="test")
    await eventually(lambda: one.tunings.of("default").threshold == loose)
    assert await found(one) == pytest.approx(alike)

    await two.labels.record(wrong(entry_id, "p0"))  # the distance that is left is halved
    await eventually(lambda: one.labels.standing(entry_id) is not None)
    assert await found(one) == "below_threshold"
    await two.labels.record(wrong(entry_id, "p0", same=True))
    await eventually(lambda: one.labels.standing(entry_id).wrong == 0)  # type: ignore[union-attr]
    assert await found(one) == pytest.approx(alike)

    for n in range(4):
        await two.labels.record(wrong(entry_id, f"p{n}"))
    await eventually(lambda: one.labels.standing(entry_id).suspended)  # type: ignore[union-attr]
    assert await found(one) == "vetoed"
    assert isinstance(await one.cache.lookup(ASKED), Hit)
    await keep(one, ASKED, "fresh")
    assert await found(one) == pytest.approx(alike)
