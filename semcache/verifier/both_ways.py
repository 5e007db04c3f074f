"""A pair is read either way round: one that looks the same must look so with its prompts swapped, too.

A cross-encoder is not symmetric, though what it is asked is; the lesser of two readings is surer than one. Only pairs
that might be served are read again, so that a lookup pays for one or two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semcache.verifier.inputs import PairInput

AGAIN: Final = 1.25
"""The logit above which a pair is read again, and to which a second reading lowers it at most: too little to be served
by, and so no score jumps where the first reading is about this."""


def logits(
    inputs: Sequence[PairInput], read: Callable[[Sequence[PairInput]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """float32 (inputs,): the lesser of both readings. `read`: logits of inputs as they are, float32 (inputs,)."""
    found = read(inputs).copy()
    again = np.flatnonzero(found > AGAIN)
    if again.size:
        swapped = read([inputs[at].swapped for at in again.tolist()])
        found[again] = np.minimum(found[again], np.maximum(swapped, AGAIN))
    return found
