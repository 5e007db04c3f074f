"""Shipped tensors: what is saved comes back, to a 254th of a row's range; several runs have a mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from semcache.verifier import weights


def tensors(seed: int, rows: int = 300) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return {
        "dense.weight": rng.normal(size=(rows, 400)).astype(np.float32),
        "dense.bias": rng.normal(size=rows).astype(np.float32),
    }


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    made = tensors(1)
    weights.save(tmp_path / "one.npz", made)
    found = weights.load(tmp_path / "one.npz")
    assert found.keys() == made.keys()
    step = np.abs(made["dense.weight"]).max(axis=1, keepdims=True) / 127
    assert (np.abs(found["dense.weight"] - made["dense.weight"]) <= step * 0.501).all()
    np.testing.assert_allclose(found["dense.bias"], made["dense.bias"], rtol=1e-3)


def test_a_file_is_called_as_it_was_asked_for_and_replaced_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights"
    weights.save(file, tensors(1))
    assert list(tmp_path.iterdir()) == [file]

    def full(out: Any, **arrays: Any) -> None:
        out.write(b"PK")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space left"):
        weights.save(file, tensors(2))
    assert list(tmp_path.iterdir()) == [file]
    np.testing.assert_array_equal(weights.load(file)["dense.bias"], tensors(1)["dense.bias"].astype(np.float16))


def test_shapes_tell_one_network_from_another(tmp_path: Path) -> None:
    for name, rows in (("one", 300), ("two", 300), ("three", 301)):
        weights.save(tmp_path / name, tensors(1, rows=rows))
    one, two, three = (weights.shapes(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two != three


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 and no more"])
def test_what_holds_no_weights_is_told_by_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "one.npz"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"one\.npz holds no weights"):
        weights.load(file)


def test_of_one_run_the_mean_is_itself_and_of_two_the_middle(tmp_path: Path) -> None:
    files = [tmp_path / "one.npz", tmp_path / "two.npz"]
    for seed, file in enumerate(files):
        weights.save(file, tensors(seed))
    one, two = (weights.load(file) for file in files)
    middle = weights.mean(files)
    for name in one:
        np.testing.assert_array_equal(weights.mean(files[:1])[name], one[name])
        np.testing.assert_allclose(middle[name], (one[name] + two[name]) / 2, rtol=1e-6)


def test_runs_of_several_networks_have_none(tmp_path: Path) -> None:
    weights.save(tmp_path / "one.npz", tensors(1))
    weights.save(tmp_path / "two.npz", tensors(2, rows=301))
    with pytest.raises(ValueError, match=r"several networks: .*one\.npz, .*two\.npz"):
        weights.mean([tmp_path / "one.npz", tmp_path / "two.npz"])
