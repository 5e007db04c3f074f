"""What is said of the verifier: fit, or what is wrong with it and what to do."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from semcache.settings import Settings
from semcache.verifier import calibrations, packaged, selfcheck, weights
from semcache.verifier.examining import Examined, examine, needs
from semcache.verifier.judge import PackagedJudge
from tests.models import lend

shipped_only = pytest.mark.skipif(not weights.FILE.is_file(), reason="the package ships no weights yet")


def settings_of(folder: Path, models: Path | None = None, **more: Any) -> Settings:
    folder.mkdir(exist_ok=True)
    if models is not None:
        (folder / "models").symlink_to(models, target_is_directory=True)
    return Settings(data_dir=folder, **{"mode": "guarded", **more})


def codes(examined: Examined) -> dict[str, bool]:
    return {one.code: one.fault for one in examined.findings}


@pytest.fixture(autouse=True)
def lent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped verifier is loaded once, not for each examination anew."""
    lend(monkeypatch)


@pytest.fixture(scope="module")
def models(prepared_models_dir: Path) -> Path:
    """With the shipped verifier prepared."""
    if weights.FILE.is_file():
        PackagedJudge(prepared_models_dir, threads=1).load()
    return prepared_models_dir


@pytest.fixture
def space() -> str:
    found = calibrations.load(packaged.fingerprint()).spaces
    return next(name for name in found if name != calibrations.ANY)


def test_which_modes_need_it(tmp_path: Path) -> None:
    plain = settings_of(tmp_path, mode="threshold", namespaces={"a": {"mode": "threshold"}})
    assert needs(plain) == []
    mixed = settings_of(tmp_path, namespaces={"b": {"mode": "shadow"}, "a": {"mode": "threshold"}, "c": {}})
    assert needs(mixed) == ["by default (guarded)", "in b (shadow)"]
    assert needs(settings_of(tmp_path, embedder="off")) == []
    told = examine(plain, "minilm-x")
    assert told.findings == []
    assert told.summary.startswith("not needed")


def test_one_that_is_off_and_needed(tmp_path: Path) -> None:
    told = examine(settings_of(tmp_path, verifier="off"), None)
    assert codes(told) == {"verifier_off": False}
    assert "SEMCACHE_VERIFIER=packaged" in told.findings[0].detail
    assert "by default (guarded)" in told.findings[0].detail


def test_one_without_weights(tmp_path: Path) -> None:
    told = examine(settings_of(tmp_path), None, file=tmp_path / "absent.npz")
    assert codes(told) == {"verifier_weights": True}
    assert "install" in told.findings[0].detail


@shipped_only
def test_a_fit_one(tmp_path: Path, models: Path, space: str) -> None:
    told = examine(settings_of(tmp_path, models, confidence=0.95), space)
    assert told.findings == []
    assert told.summary.startswith(f"{packaged.fingerprint()}; needed by default (guarded); prepared (")
    assert "self-check passed" in told.summary


@shipped_only
def test_one_that_is_not_prepared_is_no_fault_and_not_prepared_here(tmp_path: Path, space: str) -> None:
    told = examine(settings_of(tmp_path, confidence=0.95), space)
    assert codes(told) == {"verifier_unprepared": False}
    assert told.findings[0].detail.startswith(
        f"no prepared model in {packaged.prepared_dir(tmp_path / 'models')} yet; "
    )
    assert list(tmp_path.iterdir()) == []


@shipped_only
def test_one_that_is_being_prepared_is_told_from_one_that_waits_for_a_start(tmp_path: Path, space: str) -> None:
    folder = packaged.prepared_dir(tmp_path / "models")
    folder.parent.mkdir()
    settings = settings_of(tmp_path, confidence=0.95)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as the child does
        told = examine(settings, space)
        assert codes(told) == {"verifier_unprepared": False}
        assert "one is being prepared just now" in told.findings[0].detail
        assert "; being prepared; " in told.summary
    told = examine(settings, space)  # the lock's file stays for ever
    assert "the next start prepares it" in told.findings[0].detail
    assert "; not prepared; " in told.summary


@shipped_only
def test_a_damaged_one_is_named_with_its_file(tmp_path: Path, models: Path, space: str) -> None:
    folder = packaged.prepared_dir(models)
    settings = settings_of(tmp_path, confidence=0.95)
    shutil.copytree(folder, packaged.prepared_dir(tmp_path / "models"))
    model = packaged.prepared_dir(tmp_path / "models") / "model.bin"
    model.write_bytes(model.read_bytes()[:-1] + b"\0\0")
    told = examine(settings, space)
    assert codes(told) == {"verifier_unprepared": False}
    assert "model.bin has SHA-256" in told.findings[0].detail


@shipped_only
def test_another_space_and_an_unmeasured_confidence(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = examine(settings_of(tmp_path, models, confidence=0.9), "openai-1")
    assert codes(told) == {"verifier_space": False}
    assert "openai-1" in told.findings[0].detail
    monkeypatch.setattr("semcache.verifier.examining.MEASURED_CONFIDENCE", {})
    assert "verifier_confidence" in codes(examine(settings_of(tmp_path / "other", models), "openai-1"))


def test_weights_that_put_the_pairs_in_the_wrong_order(
    tmp_path: Path, prepared_models_dir: Path, untrained_verifier: Path
) -> None:
    told = examine(settings_of(tmp_path, prepared_models_dir), None, file=untrained_verifier)
    assert codes(told)["verifier_order"]
    assert codes(told)["verifier_calibration"]
    remedies = {one.code: one.detail for one in told.findings}
    assert str(packaged.prepared_dir(prepared_models_dir, untrained_verifier).name) in remedies["verifier_order"]
    assert "semcache.verifier.train" in remedies["verifier_calibration"]
    assert "self-check failed" in told.summary


@shipped_only
def test_scores_that_are_not_those_of_the_shipped_weights(
    tmp_path: Path, models: Path, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = selfcheck.shipped()
    assert scored is not None
    settings = settings_of(tmp_path, models, confidence=0.95)
    file = tmp_path / "selfcheck.json"
    monkeypatch.setattr("semcache.verifier.selfcheck.shipped", lambda _: selfcheck_of(file))
    for change, code, fault in (
        ({"scores": [scored.scores[0] + 1.0, *scored.scores[1:]]}, "verifier_scores", True),
        ({"scores": scored.scores[:-1]}, "verifier_scores", True),
        ({"fingerprint": "cross-0"}, "verifier_unknown", False),
    ):
        file.write_bytes(msgspec.json.encode(msgspec.structs.replace(scored, **change)))
        assert codes(examine(settings, space)) == {code: fault}
    file.unlink()
    assert codes(examine(settings, space)) == {"verifier_unknown": False}


def selfcheck_of(file: Path) -> selfcheck.Scored | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=selfcheck.Scored)
    except OSError:
        return None


@shipped_only
def test_what_is_shipped_beside_the_weights_is_of_these(tmp_path: Path, models: Path) -> None:
    scored = selfcheck.shipped()
    remedy = "new weights: run python -m semcache.verifier.selfcheck"
    assert scored is not None, remedy
    assert scored.fingerprint == packaged.fingerprint(), remedy
    assert selfcheck.order(scored.scores) == ""
    written = tmp_path / "written.json"
    assert selfcheck.main(["--models", str(models), "--out", str(written)]) == 0
    again = selfcheck.shipped(written)
    assert again is not None
    assert selfcheck.off(again.scores, scored) <= selfcheck.MOST_OFF


@shipped_only
def test_what_weights_of_ones_own_score_is_written_down_and_looked_for_beside_them(
    tmp_path: Path, models: Path, space: str
) -> None:
    own = tmp_path / "own.npz"
    shutil.copyfile(weights.FILE, own)  # what is prepared goes by what is in the file
    verification = {"weights_file": own, "calibration_file": calibrations.FILE}
    settings = settings_of(tmp_path / "data", models, confidence=0.95, verification=verification)
    told = examine(settings, space)
    assert codes(told) == {"verifier_unknown": False}
    assert f"python -m semcache.verifier.selfcheck --weights {own} writes it down" in told.findings[0].detail
    assert selfcheck.main(["--models", str(models), "--weights", str(own)]) == 0
    assert selfcheck.beside(own) == tmp_path / "own.selfcheck.json"
    told = examine(settings, space)
    assert told.findings == []
    assert "self-check passed" in told.summary
