"""The verifier's shipped tensors: matrices as int8 with a scale for each row, everything else as float16.

10.6 million weights in as many bytes. Per-row symmetric quantisation, rounding to nearest (Jacob et al. 2018,
arXiv:1712.05877). Read by preparation only; what it costs in agreement is measured there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

FILE: Final = Path(__file__).parent / "weights.npz"
"""Where the package carries them."""

_SCALE: Final = ".scale"
_SMALLEST: Final = 100_000
"""Elements from which on a matrix is worth quantising."""


def save(path: Path, tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """Write float32 tensors, quantised, in the order of their names."""
    packed: dict[str, NDArray[np.generic]] = {}
    for name in sorted(tensors):
        value = tensors[name]
        if value.ndim == 2 and value.size >= _SMALLEST and "position" not in name:
            scale = np.maximum(np.abs(value).max(axis=1), 1e-12).astype(np.float32) / 127
            packed[name] = np.clip(np.rint(value / scale[:, None]), -127, 127).astype(np.int8)
            packed[name + _SCALE] = scale
        else:
            packed[name] = value.astype(np.float16)
    np.savez(path, **packed)  # type: ignore[arg-type]


def load(path: Path = FILE) -> dict[str, NDArray[np.float32]]:
    """float32 tensors by name. Raises OSError or ValueError where the file is absent or damaged."""
    with np.load(path, allow_pickle=False) as file:
        packed = {name: file[name] for name in file.files}
    return {
        name: (
            value.astype(np.float32) * packed[name + _SCALE][:, None]
            if name + _SCALE in packed
            else value.astype(np.float32)
        )
        for name, value in packed.items()
        if not name.endswith(_SCALE)
    }


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
