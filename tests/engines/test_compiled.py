"""Compiled models that are kept: the same to the bit, made anew wherever they are not sound, and never needed."""

from __future__ import annotations

import hashlib
import mmap
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from semcache.engines import compiled, package
from semcache.engines.compiled import Compiler, forget
from semcache.engines.package import runtime_config
from semcache.engines.prepared import digests

CONFIG = runtime_config("f32", 1)
ASKED = np.linspace(-1, 1, 6 * 64, dtype=np.float32).reshape(6, 64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a model of one layer, as a prepared one lies there."""
    openvino = package.runtime()
    from openvino import opset13

    rows = opset13.parameter([-1, 64], np.float32, name="rows")
    weights = np.random.default_rng(0).standard_normal((64, 32), np.float32)
    model = openvino.Model([opset13.tanh(opset13.matmul(rows, weights, False, False))], [rows])
    made = tmp_path / "model"
    made.mkdir()
    openvino.save_model(model, made / "model.xml", compress_to_fp16=False)
    return made


def kept(folder: Path) -> list[Path]:
    return sorted(folder.with_name("model.compiled").glob("*"))


def answers(made: Any) -> NDArray[np.float32]:
    request = made.create_infer_request()
    request.infer([ASKED])
    found: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
    return found


def compiler(folder: Path) -> Compiler:
    return Compiler(folder, files=digests(folder))


@pytest.mark.parametrize("shapes", [None, {"rows": (6, 64)}])
def test_what_is_kept_computes_the_same_without_the_model_being_read(
    folder: Path, shapes: dict[str, tuple[int, ...]] | None
) -> None:
    files = digests(folder)
    expected = answers(Compiler(folder).compile(CONFIG, shapes))
    assert (answers(Compiler(folder, files=files).compile(CONFIG, shapes)) == expected).all()
    assert len(kept(folder)) == 1
    (folder / "model.xml").unlink()
    again = Compiler(folder, files=files)
    found = again.compile(CONFIG, shapes)
    again.release()
    assert (answers(found) == expected).all()


def test_nothing_is_kept_of_files_that_nobody_has_checked(folder: Path) -> None:
    Compiler(folder).compile(CONFIG)
    assert kept(folder) == []


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _sound_but_strange(file: Path) -> None:
    file.write_bytes(hashlib.sha256(b"strange").digest() + b"strange")


@pytest.mark.parametrize("damage", [_cut, _sound_but_strange, lambda file: file.write_bytes(b"")])
def test_what_cannot_be_used_is_made_anew(folder: Path, damage: Callable[[Path], object]) -> None:
    expected = answers(compiler(folder).compile(CONFIG))
    [file] = kept(folder)
    sound = file.read_bytes()
    damage(file)
    assert (answers(compiler(folder).compile(CONFIG)) == expected).all()
    assert kept(folder) == [file]
    assert len(file.read_bytes()) == len(sound)


def test_each_setting_shape_and_model_has_its_own(folder: Path) -> None:
    one = compiler(folder)
    one.compile(CONFIG)
    one.compile({**CONFIG, "INFERENCE_NUM_THREADS": 2})
    one.compile(CONFIG, {"rows": (1, 64)})
    Compiler(folder, files={**digests(folder), "model.bin": "another"}).compile(CONFIG)
    assert len(kept(folder)) == 4


def test_where_nothing_can_be_kept_the_model_serves_all_the_same(folder: Path) -> None:
    folder.with_name("model.compiled").write_bytes(b"a file where the folder should be")
    assert answers(compiler(folder).compile(CONFIG)).shape == (6, 32)


def test_a_version_that_keeps_nothing_serves_all_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_WEIGHTLESS", {"NO_SUCH_PROPERTY": "1"})
    assert answers(compiler(folder).compile(CONFIG)).shape == (6, 32)
    assert kept(folder) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_pages_that_were_read_are_given_back_and_are_there_when_they_are_wanted(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"w" * 64 * mmap.PAGESIZE)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[:].count(b"w") == len(mapped)
        assert _resident_kb(file) == 64 * mmap.PAGESIZE // 1024
        forget(file)
        assert _resident_kb(file) == 0
        assert mapped[:].count(b"w") == len(mapped)


def _resident_kb(file: Path) -> int:
    smaps = Path("/proc/self/smaps").read_text(encoding="utf-8")
    found = re.search(rf"{re.escape(str(file.resolve()))}\n(?:\S+:.*\n)*?Rss:\s+(\d+) kB", smaps)
    assert found is not None
    return int(found[1])
