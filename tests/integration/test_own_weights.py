"""A service that decides by weights and a calibration of the operator's, on the real embedder and guards."""

from __future__ import annotations

from pathlib import Path

import pytest

from semcache.models import Hit, Miss, MissReason, Tier
from semcache.policy.calibration import CONFIDENCE_CAUTIOUS
from semcache.service import Service
from semcache.verifier import packaged
from semcache.verifier.judge import PackagedJudge, Pair
from tests.conftest import Backend
from tests.integration.conftest import MakeService, make_service
from tests.never.conftest import keep, request
from tests.verifier.own import calibrated, settings_of

__all__ = ["make_service"]

STORED = "How do I enable two-factor authentication on my router?"
ASKED = "What are the steps to set up two-factor authentication on my router?"


@pytest.fixture
def store_backend(standalone_server: str) -> Backend:
    return Backend(standalone_server)


async def deciding_by(make_service: MakeService, weights: Path, calibration: Path) -> Service:
    """A replica with these files, in guarded mode."""
    verification = settings_of(weights, calibration)
    return await make_service(mode="guarded", threshold=None, verification=verification)


async def test_what_is_served_and_how_sure_it_is_comes_from_the_named_files(
    make_service: MakeService, untrained_verifier: Path, prepared_models_dir: Path, tmp_path: Path
) -> None:
    sure = calibrated(tmp_path / "sure.json", untrained_verifier, bias=5.0)
    service = await deciding_by(make_service, untrained_verifier, sure)
    assert service.verifier is not None
    assert service.verifier.fingerprint == packaged.fingerprint(untrained_verifier) != packaged.fingerprint()

    judge = PackagedJudge(prepared_models_dir, threads=1, file=untrained_verifier)
    judge.load()
    assert await service.verifier.scores(ASKED, [STORED]) == pytest.approx(judge.run([Pair(ASKED, STORED)]), abs=0.01)
    judge.unload()

    await keep(service, request(STORED), "like this")
    found = await service.cache.lookup(request(ASKED))
    assert isinstance(found, Hit), found
    assert found.tier is Tier.SEMANTIC
    assert found.confidence == pytest.approx(0.9933, abs=1e-4), "which the calibration says of everything"


async def test_of_weights_that_nobody_measured_more_is_asked(
    make_service: MakeService, untrained_verifier: Path, tmp_path: Path
) -> None:
    doubtful = calibrated(tmp_path / "doubtful.json", untrained_verifier, bias=3.4)  # .968
    service = await deciding_by(make_service, untrained_verifier, doubtful)
    await keep(service, request(STORED), "like this")
    found = await service.cache.lookup(request(ASKED))
    assert isinstance(found, Miss), found
    assert found.reason is MissReason.DOUBTED
    assert CONFIDENCE_CAUTIOUS == 0.97
