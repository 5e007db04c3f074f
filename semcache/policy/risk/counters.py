"""The counters that replicas share: only ever added to, so that they write at the same time without a lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from semcache.policy import adaptation
from semcache.policy.risk.scale import BINS, Floats

EPOCHS: Final = 16
"""Epochs that are told apart; what is older counts as one."""
LEVELS: Final = (0.64, 0.32, 0.16, 0.08, 0.04, 0.02)
"""Probabilities, one of which a servable candidate is explored with. Few, so that one counter a level says it all."""


def epoch_of(requests: float) -> int:
    """The epoch that a request belongs to, by the number of requests before it.

    64 requests at first; from 1,024 on 8 epochs to each doubling, until one has 4,096 requests.
    """
    count = max(int(requests), 0)
    if count < 1024:
        return count // 64
    doubling = min((count // 1024).bit_length() - 1, 5)
    return 16 + 8 * doubling + (count - (1024 << doubling)) // (128 << doubling)


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The shared counters as last read: of all time, and of the last `EPOCHS` epochs, newest last.

    Each delta that this module hands out is added to the hash of all time and to that of the current epoch. Absent
    hashes are empty. Values may be the store's strings.
    """

    total: Mapping[str, float | str] = {}
    epochs: Sequence[Mapping[str, float | str]] = ()

    @property
    def requests(self) -> float:
        """Requests so far, those without a candidate included."""
        return float(self.total.get("n", 0.0))

    @property
    def epoch(self) -> int:
        """Where what happens now is to be counted."""
        return epoch_of(self.requests)


class Sums:
    """Counters of one hash as arrays."""

    __slots__ = ("bets", "bins", "levels", "requests", "taught")

    def __init__(self, fields: Mapping[str, float | str]) -> None:
        self.requests = 0.0
        self.bins: dict[str, Floats] = {kind: np.zeros(BINS) for kind in _BY_BIN}
        self.levels: dict[str, Floats] = {kind: np.zeros(len(LEVELS)) for kind in _BY_LEVEL}
        self.bets = np.zeros(len(BETS))
        self.taught = adaptation.sums(fields)
        for name, value in fields.items():
            kind, number = name[:1], name[1:]
            if name == "n":
                self.requests = float(value)
            elif name and name in BETS:
                self.bets[BETS.index(name)] = float(value)
            elif kind in self.bins and number.isdigit() and int(number) < BINS:
                self.bins[kind][int(number)] = float(value)
            elif kind in self.levels and number.isdigit() and int(number) < len(LEVELS):
                self.levels[kind][int(number)] = float(value)


_BY_BIN: Final = "csrxqv"
"""By bin of confidence: candidates, served, labels that were right, labels that were wrong; of these labels: tests (of
candidates that were servable) and wrong ones among them."""
_BY_LEVEL: Final = "SATV"
"""By level of exploration: served; tested, that is explored though servable; tests that brought a label; wrong ones."""
BETS: Final = "def"
"""Logarithms of what the bets of `alarm` on labels came to, one field a bet."""


def view(state: State) -> tuple[Sums, list[Sums]]:
    """The total, and the epochs; the first of these is all that is older than the others."""
    total = Sums(state.total)
    epochs = [Sums(fields) for fields in state.epochs[-EPOCHS:]] or [Sums({})]
    older = Sums({})
    older.requests = max(total.requests - sum(one.requests for one in epochs), 0.0)
    for kind in _BY_BIN:
        older.bins[kind] = np.maximum(total.bins[kind] - sum(one.bins[kind] for one in epochs), 0.0)
    older.taught = total.taught - sum((one.taught for one in epochs), np.zeros_like(total.taught))
    return total, [older, *epochs]
