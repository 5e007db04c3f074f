"""The verifier that the package ships: it loads, tells the plainest cases apart, and its calibration is its own."""

from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from semcache.engines import prepared
from semcache.policy.calibration import MEASURED_CONFIDENCE
from semcache.policy.confidence import FOR, probability
from semcache.policy.conversation import TURNS
from semcache.settings import Settings
from semcache.verifier import calibrations, is_prepared, packaged, weights
from semcache.verifier.both_ways import AGAIN
from semcache.verifier.inputs import pair_input
from semcache.verifier.judge import PackagedJudge, Pair
from semcache.verifier.runtime import Runtime

pytestmark = pytest.mark.skipif(not weights.FILE.is_file(), reason="the package ships no weights yet")

SAME = [
    Pair("How do I reset my password?", "How do I reset my password?"),
    Pair("How do I reset my password?", "how do i reset my password"),
    Pair("What is the capital of France?", "Please tell me, what is the capital of France?"),
]
OTHER = [
    Pair("How do I reset my password?", "Bake a chocolate cake."),
    Pair("How do I enable two-factor authentication?", "How do I disable two-factor authentication?"),
    Pair("What is the capital of France?", "What is the capital of Finland?"),
]


@pytest.fixture(scope="module")
def judge(prepared_models_dir: Path) -> PackagedJudge:
    made = PackagedJudge(prepared_models_dir, threads=1)
    made.load()
    return made


def test_what_was_loaded_is_prepared(judge: PackagedJudge, prepared_models_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(prepared_models_dir, target_is_directory=True)
    assert is_prepared(Settings(data_dir=tmp_path))
    assert not is_prepared(Settings(data_dir=tmp_path / "elsewhere"))


def test_the_plainest_cases(judge: PackagedJudge) -> None:
    same, other = ([score for score in judge.run(pairs) if score is not None] for pairs in (SAME, OTHER))
    assert (len(same), len(other)) == (len(SAME), len(OTHER))
    assert min(same) > max(other)


def test_models_that_were_kept_score_the_same_to_the_bit(prepared_models_dir: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(packaged.prepared_dir(prepared_models_dir), tmp_path / "model"))
    manifest = prepared.read(packaged.KIND, folder)
    tokens = [int(one) for one in np.random.default_rng(0).integers(1000, 29_000, 400)]
    inputs = [
        pair_input(tokens[at : at + size], tokens[at + 1 : at + size]) for at in range(40) for size in (5, 11, 70)
    ]
    pairs = [one for one in inputs if one is not None]

    def logits(*, kept: bool) -> np.ndarray:
        files = manifest.files if kept else None
        runtime = Runtime(folder, form=manifest.form, precision=manifest.precision, threads=2, files=files)
        return np.concatenate([runtime.logits(pairs[:size]) for size in (1, 2, 3, 5, 8, 120)])

    made, written = logits(kept=False), logits(kept=True)
    (folder / "model.xml").unlink()  # so that nothing can be compiled
    assert (made == written).all()
    assert (made == logits(kept=True)).all()


def test_a_score_hardly_depends_on_who_asked_first(judge: PackagedJudge) -> None:
    there = judge.run(SAME + OTHER)
    back = judge.run([Pair(cached, asked) for asked, cached in SAME + OTHER])
    for one, other in zip(there, back, strict=True):
        assert one is not None
        assert other is not None
        assert (one > AGAIN) == (other > AGAIN)
        if one > AGAIN:  # both were read either way round
            assert one == pytest.approx(other, abs=packaged.MOST_OFF)


def test_the_calibration_is_of_these_weights(judge: PackagedJudge) -> None:
    assert calibrations.load(judge.fingerprint).of(calibrations.ANY).weights["score"] > 0


def test_a_pair_that_looks_the_same_one_way_round_only_is_not_served(judge: PackagedJudge) -> None:
    found = calibrations.load(judge.fingerprint)
    for space in found.spaces.keys() - {TURNS}:
        for similarity, shared, short in product((0.8, 0.9, 0.97), (0.0, 0.2, 0.5, 0.9), (0.0, 0.1, 0.3)):
            evidence = {"score": AGAIN, "similarity": similarity, "shared": shared, "short": short}
            assert probability(evidence, found.of(space)) < MEASURED_CONFIDENCE[judge.fingerprint]


def test_what_speaks_for_a_pair_never_speaks_against_it(judge: PackagedJudge) -> None:
    for calibration in calibrations.load(judge.fingerprint).spaces.values():
        for part in (calibration, *calibration.bends):
            assert all(value >= 0 for name, value in part.weights.items() if name in FOR)
            assert all(value <= 0 for name, value in part.weights.items() if name.startswith("doubt:"))
        assert all(bend.gain >= 0 for bend in calibration.bends)


def test_it_is_small_enough_to_ship() -> None:
    assert weights.FILE.stat().st_size <= 15_000_000
