"""The verifier's owner: whose pairs run together, what a failure costs whom."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from semcache.engines import owner
from semcache.errors import VerifierTimeout, VerifierUnavailable
from semcache.verifier.judge import PackagedJudge
from semcache.verifier.serving import BATCH, OwnedVerifier
from tests.patience import LONG_S
from tests.verifier.by_words import WordJudge, word_calibrations, word_verifier


async def until(condition: Callable[[], bool], timeout_s: float = LONG_S) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        await asyncio.sleep(0.002)


@pytest.fixture
def judge() -> WordJudge:
    return WordJudge()


@pytest.fixture
async def verifier(judge: WordJudge) -> AsyncIterator[OwnedVerifier]:
    made = OwnedVerifier(judge, queue=64, deadline_s=LONG_S)
    await made.start()
    await until(lambda: made.state().ready)
    yield made
    await made.aclose()


async def hold(judge: WordJudge, verifier: OwnedVerifier) -> asyncio.Task[list[float | None]]:
    """Let the owner thread be busy with a first pair until the gate opens."""
    judge.gate.clear()
    judge.entered.clear()
    task = asyncio.create_task(verifier.scores("first", ["one"]))
    await until(judge.entered.is_set)
    return task


async def test_callers_who_wait_share_batches_up_to_the_bound(judge: WordJudge, verifier: OwnedVerifier) -> None:
    first = await hold(judge, verifier)
    waiting = [asyncio.create_task(verifier.scores(f"asked {at}", ["x", f"asked {at}"])) for at in range(10)]
    await asyncio.sleep(0)
    judge.gate.set()
    found = await asyncio.gather(*waiting)
    await first
    assert [len(batch) for batch in judge.batches] == [1, BATCH, 20 - BATCH]
    assert found == [[-6.0, 6.0]] * 10


async def test_who_gave_up_costs_no_run(judge: WordJudge, verifier: OwnedVerifier) -> None:
    first = await hold(judge, verifier)
    with pytest.raises(VerifierTimeout, match="verifier: no answer"):
        await verifier.scores("late", ["x"], deadline_s=0.05)
    dropped = asyncio.create_task(verifier.scores("dropped", ["x"]))
    kept = asyncio.create_task(verifier.scores("kept", ["x"]))
    await asyncio.sleep(0)
    dropped.cancel()
    await asyncio.sleep(0)
    judge.gate.set()
    await asyncio.gather(first, kept)
    assert [pair.asked for batch in judge.batches for pair in batch] == ["first", "kept"]


async def test_one_bad_pair_spoils_no_other(judge: WordJudge, verifier: OwnedVerifier) -> None:
    first = await hold(judge, verifier)
    good = asyncio.create_task(verifier.scores("good", ["good"]))
    bad = asyncio.create_task(verifier.scores("poison", ["x"]))
    await asyncio.sleep(0)
    judge.gate.set()
    assert await good == [6.0]
    with pytest.raises(VerifierUnavailable, match="cannot judge this"):
        await bad
    await first
    assert verifier.state().ready


async def test_the_start_waits_for_no_load(judge: WordJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, load = threading.Event(), judge.load
    monkeypatch.setattr(judge, "load", lambda: (loaded.wait(LONG_S), load()))
    verifier = OwnedVerifier(judge, queue=4, deadline_s=LONG_S)
    await verifier.start()
    assert verifier.state().detail == "preparing"
    with pytest.raises(VerifierUnavailable, match="preparing"):
        await verifier.scores("too early", ["x"])
    loaded.set()
    await until(lambda: verifier.state().ready)
    await verifier.aclose()


async def test_a_model_that_dies_is_loaded_again(
    judge: WordJudge, verifier: OwnedVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "FIRST_PAUSE_S", 0.01)
    judge.dead = True
    with pytest.raises(VerifierUnavailable, match="the model died"):
        await verifier.scores("last", ["words"])
    await until(lambda: judge.loads == 2 and verifier.state().ready)
    assert await verifier.scores("back", ["back"]) == [6.0]


async def test_a_hung_verifier_is_told_at_once(
    judge: WordJudge, verifier: OwnedVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await hold(judge, verifier)
    monkeypatch.setattr(verifier._owner, "_hang_s", 0.0)
    with pytest.raises(VerifierUnavailable, match="hung"):
        await verifier.scores("at once", ["x"])
    judge.gate.set()
    await first


async def test_without_weights_it_is_unavailable_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("FIRST_PAUSE_S", "LONGEST_PAUSE_S"):
        monkeypatch.setattr(owner, name, 0.001)
    judge = PackagedJudge(tmp_path, threads=1, file=tmp_path / "weights.npz")
    tries: list[int] = []
    load = judge.load
    monkeypatch.setattr(judge, "load", lambda: (tries.append(1), load()))
    verifier = OwnedVerifier(judge, queue=4, deadline_s=LONG_S)
    await verifier.start()
    await until(lambda: len(tries) > 3)
    assert "weights.npz is absent" in verifier.state().detail
    with pytest.raises(VerifierUnavailable, match=r"no trained verifier: .*weights\.npz is absent"):
        await verifier.scores("a", ["b"])
    with pytest.raises(VerifierUnavailable, match="no weights"):
        _ = verifier.fingerprint
    await verifier.aclose()
    complaints = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert [one.getMessage() for one in complaints] == [f"verifier unavailable: {judge_error(tmp_path)}"]
    assert list(tmp_path.iterdir()) == []


def judge_error(folder: Path) -> str:
    return f"this installation has no trained verifier: {folder / 'weights.npz'} is absent"


async def test_the_double_and_its_calibration_belong_together() -> None:
    verifier = word_verifier()
    calibration = word_calibrations().of("any space")
    assert calibration.fingerprint == verifier.fingerprint
    await verifier.aclose()
