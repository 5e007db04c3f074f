"""The verifier's shipped tensors: matrices as int8 with a scale for each row, everything else as float16.

10.6 million weights in as many bytes. Per-row symmetric quantisation, rounding to nearest (Jacob et al. 2018,
arXiv:1712.05877). Read by preparation only; what it costs in agreement is measured there.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FILE: Final = Path(__file__).parent / "weights.npz"
"""Where the package carries them."""

_SCALE: Final = ".scale"
_SMALLEST: Final = 100_000
"""Elements from which on a matrix is worth quantising."""


def save(path: Path, tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """Write float32 tensors, quantised, in the order of their names. Who reads meanwhile finds the file of before."""
    packed: dict[str, NDArray[np.generic]] = {}
    for name in sorted(tensors):
        value = tensors[name]
        if value.ndim == 2 and value.size >= _SMALLEST and "position" not in name:
            scale = np.maximum(np.abs(value).max(axis=1), 1e-12).astype(np.float32) / 127
            packed[name] = np.clip(np.rint(value / scale[:, None]), -127, 127).astype(np.int8)
            packed[name + _SCALE] = scale
        else:
            packed[name] = value.astype(np.float16)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:  # by its name, one without .npz would get it
            np.savez(file, **packed)  # type: ignore[arg-type]
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def load(path: Path = FILE) -> dict[str, NDArray[np.float32]]:
    """float32 tensors by name. Raises OSError or ValueError where the file is absent or damaged."""
    packed = _packed(path)
    return {
        name: (
            value.astype(np.float32) * packed[name + _SCALE][:, None]
            if name + _SCALE in packed
            else value.astype(np.float32)
        )
        for name, value in packed.items()
        if not name.endswith(_SCALE)
    }


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Of the tensors as they lie in the file, which is read to its end. Raises OSError or ValueError as `load` does."""
    return {name: value.shape for name, value in _packed(path).items()}


def _packed(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file:  # of its own, numpy leaves one open that is no archive
            found = np.load(file, allow_pickle=False)
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise ValueError("a single array")
            return {name: found[name] for name in found.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, ValueError) as error:
        raise ValueError(f"{path} holds no weights: {error}") from error


def mean(paths: Sequence[Path]) -> dict[str, NDArray[np.float32]]:
    """The mean of several runs' tensors: of runs that start from one another it does better on what none has seen
    (Izmailov et al. 2018, arXiv:1803.05407; Wortsman et al. 2022, arXiv:2203.05482).

    Raises OSError or ValueError as `load` does, and ValueError where the tensors differ in name or shape.
    """
    each = [load(path) for path in paths]
    shapes = [{name: value.shape for name, value in one.items()} for one in each]
    if any(one != shapes[0] for one in shapes):
        raise ValueError(f"weights of several networks: {', '.join(map(str, paths))}")
    return {name: np.mean([one[name] for one in each], axis=0, dtype=np.float32) for name in each[0]}
