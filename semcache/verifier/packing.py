"""Several pairs in one run of the network: laid one behind the other, each seeing itself alone.

Padding every pair of a batch to the longest costs more than the pairs themselves where they are short; laid end to end
only the rest of the row is lost (Krell et al. 2021, arXiv:2107.02027). Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from semcache.verifier.inputs import LIMIT, PairInput

PAIRS: Final = 8
"""Most pairs of one run."""
TOKENS: Final = 192
"""Of one run, unless a single pair is longer: attention grows with the square of it."""
STEP: Final = 16
"""A row that fits none of the fixed widths is as wide as the next multiple of this."""


class Packed(NamedTuple):
    """The network's input for up to PAIRS pairs: int64 (1, width) four times, and (PAIRS,)."""

    ids: NDArray[np.int64]
    types: NDArray[np.int64]
    positions: NDArray[np.int64]
    """Of each token in its pair."""
    segments: NDArray[np.int64]
    """Which pair each token is of; PAIRS: none, padding."""
    starts: NDArray[np.int64]
    """Where each pair begins; 0 for those that are not there, whose logits mean nothing."""


def runs(lengths: Sequence[int]) -> list[list[int]]:
    """Which pairs, by their place in `lengths`, run together; longest first, so that little is left over."""
    planned: list[list[int]] = []
    room: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda at: -lengths[at]):
        for number, chosen in enumerate(planned):
            if lengths[at] <= room[number] and len(chosen) < PAIRS:
                chosen.append(at)
                room[number] -= lengths[at]
                break
        else:
            planned.append([at])
            room.append(TOKENS - lengths[at])
    return planned


def width_of(tokens: int, widths: Sequence[int]) -> int:
    """The narrowest of `widths` (ascending) that holds so many tokens, else the next multiple of STEP."""
    return next((width for width in widths if tokens <= width), -(-tokens // STEP) * STEP)


def pack(inputs: Sequence[PairInput], width: int) -> Packed:
    """Lay up to PAIRS pairs into one row."""
    packed = empty(width)
    fill(packed, inputs)
    return packed


def empty(width: int) -> Packed:
    """Arrays for a row."""
    ids, types, positions = (np.zeros((1, width), np.int64) for _ in range(3))
    return Packed(ids, types, positions, np.full((1, width), PAIRS, np.int64), np.zeros(PAIRS, np.int64))


def fill(packed: Packed, inputs: Sequence[PairInput]) -> None:
    """Lay pairs into arrays that may hold others from before."""
    at = 0
    for number, one in enumerate(inputs):
        end = at + len(one.ids)
        packed.ids[0, at:end] = one.ids
        packed.types[0, at:end] = one.types
        packed.positions[0, at:end] = _POSITIONS[: end - at]
        packed.segments[0, at:end] = number
        packed.starts[number] = at
        at = end
    packed.ids[0, at:] = packed.types[0, at:] = packed.positions[0, at:] = 0
    packed.segments[0, at:] = PAIRS
    packed.starts[len(inputs) :] = 0


_POSITIONS: Final = np.arange(LIMIT)
