"""What every verifier does, on the packaged one and on the double that other suites use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from semcache.errors import VerifierOverloaded, VerifierTimeout, VerifierUnavailable
from semcache.ports import Verifier
from semcache.verifier.judge import Judge, PackagedJudge
from semcache.verifier.serving import OwnedVerifier
from tests.models import lend
from tests.patience import LONG_S
from tests.verifier.by_words import WordJudge

Maker = Callable[..., Awaitable[Verifier]]

ASKED = "How do I reset my password?"
CACHED = [
    "how can I reset my password",
    "Bake a chocolate cake.",
    "",
    "Où est la gare de Köln? ¿Mañana?",
    "\ud800 odd",
    ASKED,
]
ENDLESS = " ".join(f"In step {at} we describe how part {at * 7} of the machine is oiled." for at in range(400))


@pytest.fixture(params=["packaged", "by words"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Maker]:
    """Makes a verifier of the kind in turn, started."""
    async with AsyncExitStack() as stack:

        async def maker(*, queue: int = 256, deadline_s: float = LONG_S) -> Verifier:
            verifier = OwnedVerifier(judge(request), queue=queue, deadline_s=deadline_s)
            stack.push_async_callback(verifier.aclose)
            await verifier.start()
            return verifier

        yield maker


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where loading is not the matter, the packaged one is loaded once for all tests."""
    lend(monkeypatch)


def judge(request: pytest.FixtureRequest) -> Judge:
    if request.param == "by words":
        return WordJudge()
    folder: Path = request.getfixturevalue("prepared_models_dir")
    return PackagedJudge(folder, threads=1, file=request.getfixturevalue("untrained_verifier"))


async def ready(verifier: Verifier, timeout_s: float = LONG_S) -> Verifier:
    end = time.monotonic() + timeout_s
    while not verifier.state().ready:
        assert time.monotonic() < end, verifier.state().detail
        await asyncio.sleep(0.02)
    return verifier


async def test_life(make: Maker) -> None:
    """Start, judge, stop."""
    verifier = await make()
    fingerprint = verifier.fingerprint
    assert 0 < len(fingerprint) < 40
    await ready(verifier)
    assert verifier.fingerprint == fingerprint
    assert await verifier.scores(ASKED, []) == []
    scores = await verifier.scores(ASKED, CACHED)
    assert len(scores) == len(CACHED)
    assert all(isinstance(score, float) for score in scores)
    assert len(set(scores)) > 1
    await verifier.aclose()
    assert verifier.state().detail == "stopped"
    with pytest.raises(VerifierUnavailable, match="stopped"):
        await verifier.scores(ASKED, CACHED)


@pytest.mark.usefixtures("lent")
async def test_scores_come_in_the_order_asked_whoever_else_asks(make: Maker) -> None:
    verifier = await ready(await make())
    alone = [(await verifier.scores(ASKED, [one]))[0] for one in CACHED]
    assert await verifier.scores(ASKED, CACHED) == pytest.approx(alone, abs=0.25)
    backwards = await verifier.scores(ASKED, CACHED[::-1])
    assert backwards[::-1] == pytest.approx(alone, abs=0.25)

    asked = [f"What is {at} times {at + 1}, and why?" for at in range(50)]
    singly = [await verifier.scores(one, [one, "Bake a chocolate cake.", CACHED[3]]) for one in asked]
    at_once = await asyncio.gather(
        *(verifier.scores(one, [one, "Bake a chocolate cake.", CACHED[3]], deadline_s=LONG_S) for one in asked)
    )
    for one, other in zip(singly, at_once, strict=True):
        assert one == pytest.approx(other, abs=0.25)


@pytest.mark.usefixtures("lent")
async def test_a_pair_that_is_too_long_is_not_judged_and_harms_no_other(make: Maker) -> None:
    verifier = await ready(await make())
    first, none, last = await verifier.scores(ASKED, [CACHED[0], ENDLESS, CACHED[1]])
    assert none is None
    assert [first, last] == pytest.approx(await verifier.scores(ASKED, CACHED[:2]), abs=0.25)
    assert await verifier.scores(ENDLESS, [ASKED]) == [None]


@pytest.mark.usefixtures("lent")
async def test_limits(make: Maker) -> None:
    """Too many, too late: each has its own name."""
    verifier = await ready(await make(queue=4))
    with pytest.raises(VerifierOverloaded):
        await verifier.scores(ASKED, ["x"] * 5)
    with pytest.raises(VerifierTimeout):
        await verifier.scores(ASKED, ["x"], deadline_s=0.0)
    assert len(await verifier.scores(ASKED, ["x"] * 3)) == 3  # the one that came too late may still stand there
