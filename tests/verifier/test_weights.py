"""Shipped tensors: what is saved comes back, to a 254th of a row's range; several runs have a mean."""

from __future__ import annotations

from pathlib import Path

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
