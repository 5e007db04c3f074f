"""What the verifier is made of: the package's files, or the operator's, which are looked at before anything starts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semcache.engines import prepared
from semcache.errors import ConfigError, VerifierUnavailable
from semcache.service import Service
from semcache.settings import Settings
from semcache.verifier import check_files, files, is_prepared, make_verifier, packaged, weights
from semcache.verifier.examining import examine
from semcache.verifier.judge import PackagedJudge
from tests.verifier.own import calibrated, settings_of

pytestmark = pytest.mark.skipif(not weights.FILE.is_file(), reason="the package ships no weights yet")


@pytest.fixture(scope="module")
def other_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's, a little changed."""
    return changed(weights.FILE, tmp_path_factory.mktemp("own") / "own.npz")


def changed(file: Path, out: Path) -> Path:
    tensors = weights.load(file)
    tensors["out.bias"] += 0.5
    weights.save(out, tensors)
    return out


@pytest.fixture
def own(tmp_path: Path, other_weights: Path) -> files.Files:
    """Files that go together."""
    return files.Files(other_weights, calibrated(tmp_path / "own.json", other_weights, bias=2.5))


def settings(folder: Path, named: files.Files | None = None, **more: Any) -> Settings:
    verification = {} if named is None else settings_of(*named)
    return Settings(
        data_dir=folder / "data", index_dir=folder / "indexes", redis_url="redis://127.0.0.1:1",
        **{"mode": "guarded", "verification": verification, **more},
    )  # fmt: skip


def test_none_named_are_the_packages(tmp_path: Path) -> None:
    assert files.named(settings(tmp_path)) == files.checked(settings(tmp_path)) == files.PACKAGED


def test_a_verifier_is_made_of_those_that_are_named(tmp_path: Path, own: files.Files) -> None:
    made = make_verifier(settings(tmp_path, own))
    assert made is not None
    assert made.fingerprint == packaged.fingerprint(own.weights) != packaged.fingerprint()
    assert made.calibration("any space").bias == 2.5


def test_prepared_is_what_was_named(tmp_path: Path, own: files.Files) -> None:
    mine = settings(tmp_path, own)
    assert not is_prepared(mine)
    folder = packaged.prepared_dir(tmp_path / "data" / "models", own.weights)
    folder.mkdir(parents=True)
    (folder / prepared.MANIFEST).touch()
    assert is_prepared(mine)
    assert not is_prepared(settings(tmp_path))


@pytest.mark.parametrize("named", ["weights_file", "calibration_file"])
def test_one_without_the_other_is_refused(named: str) -> None:
    with pytest.raises(ValueError, match="go together") as refused:
        Settings(verification={named: Path("new")})
    [other] = {"weights_file", "calibration_file"} - {named}
    assert f"SEMCACHE_VERIFICATION__{other.upper()} is not set" in str(refused.value)


def _absent(file: Path) -> None:
    file.unlink()


def _a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _text(file: Path) -> None:
    file.write_text("weights")


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1000])


def _flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def _an_array(file: Path) -> None:
    with file.open("wb") as out:
        np.save(out, np.zeros(3))


def _pickled(file: Path) -> None:
    with file.open("wb") as out:
        np.savez(out, strange=np.array([{}], dtype=object))


def _another_network(file: Path) -> None:
    with file.open("wb") as out:
        np.savez(out, strange=np.zeros(3, np.float16))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_absent, "cannot be read: No such file or directory"),
        (_a_folder, "cannot be read: Is a directory"),
        (_empty, "is damaged, or no file of weights"),
        (_text, "is damaged, or no file of weights"),
        (_cut, "is damaged, or no file of weights"),
        (_flipped, "is damaged, or no file of weights"),
        (_an_array, "is damaged, or no file of weights"),
        (_pickled, "is damaged, or no file of weights"),
        (_another_network, "is of another network"),
    ],
)
@pytest.mark.parametrize("mode", ["guarded", "threshold"])
def test_weights_that_cannot_be_served_stop_the_start(
    tmp_path: Path, own: files.Files, spoil: Callable[[Path], None], told: str, mode: str
) -> None:
    """In a mode that asks no verifier, too: what a setting names is there."""
    mine = own._replace(weights=tmp_path / "own.npz")
    shutil.copyfile(own.weights, mine.weights)
    spoil(mine.weights)
    with pytest.raises(ConfigError) as refused:
        Service(settings(tmp_path, mine, mode=mode))
    assert str(refused.value).startswith(f"verification.weights_file '{mine.weights}' {told}")
    assert "semcache train --out" in str(refused.value)


@pytest.mark.parametrize("mode", ["guarded", "threshold"])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file or directory"),
        (b"", "no calibration"),
        (b"{}", "no calibration"),
        (b'{"x": ' + b"[" * 200_000, "no calibration"),
        (b'{"spaces": {}}', "never measured"),
    ],
)
def test_a_calibration_that_cannot_be_served_stops_the_start(
    tmp_path: Path, own: files.Files, content: bytes | None, told: str, mode: str
) -> None:
    own.calibration.unlink()
    if content is not None:
        own.calibration.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        Service(settings(tmp_path, own, mode=mode))
    assert str(refused.value).startswith("verification.calibration_file: ")
    assert str(own.calibration) in str(refused.value)
    assert told in str(refused.value)
    assert "semcache train --calibration" in str(refused.value)


def test_a_calibration_of_other_weights_is_refused(tmp_path: Path, own: files.Files) -> None:
    calibrated(own.calibration, own.weights, bias=2.5, fingerprint="cross-0")
    with pytest.raises(ConfigError) as refused:
        Service(settings(tmp_path, own))
    assert f"is of the verifier cross-0, not of {packaged.fingerprint(own.weights)}" in str(refused.value)
    assert f"with the weights '{own.weights}'" in str(refused.value)


def test_of_one_that_is_off_nothing_is_looked_at(tmp_path: Path) -> None:
    absent = files.Files(tmp_path / "absent.npz", tmp_path / "absent.json")
    off = settings(tmp_path, absent, verifier="off")
    check_files(off)
    assert make_verifier(off) is None
    assert Service(off).verifier is None


def test_an_examination_is_of_those_that_are_named(tmp_path: Path, own: files.Files) -> None:
    told = examine(settings(tmp_path, own), "*")
    codes = {one.code: one.detail for one in told.findings}
    assert codes.keys() == {"verifier_confidence", "verifier_unprepared"}
    assert told.summary.startswith(f"{packaged.fingerprint(own.weights)}; ")
    assert told.summary.endswith("; calibrated")
    assert "0.97" in codes["verifier_confidence"]
    assert packaged.prepared_dir(tmp_path / "data" / "models", own.weights).name in codes["verifier_unprepared"]
    own.calibration.unlink()
    told = examine(settings(tmp_path, own), "*")
    assert [(one.code, one.fault) for one in told.findings] == [("verifier_weights", True)]
    assert "verification.calibration_file" in told.findings[0].detail


def test_weights_that_are_others_by_now_are_not_prepared_in_their_place(tmp_path: Path, own: files.Files) -> None:
    """The start knew them by a fingerprint, and what is prepared is called by it."""
    file = tmp_path / "own.npz"
    shutil.copyfile(own.weights, file)
    judge = PackagedJudge(tmp_path / "models", threads=1, file=file)
    assert judge.fingerprint == packaged.fingerprint(own.weights)
    changed(file, file)
    with pytest.raises(VerifierUnavailable, match="is not what it was when the service started"):
        judge.load()
    assert not packaged.prepared_dir(tmp_path / "models", file).exists()
