"""A stream of requests against many caches at once, one for each threshold, each storing what it missed, or everything.

As in the service: an identical text is an exact hit, an equal normalised spelling a normalised one, else the few
nearest stored prompts are candidates. Only the decision on the candidates differs between modes, and only its
threshold between the caches of one mode, so one pass over the stream answers for all of them: what is stored is a
boolean a threshold.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

CANDIDATES: Final = 4
"""Neighbours that the service reads at first; twice as many, and so on, while guards veto all of them."""
_WIDEST: Final = 16
"""Times as many are read at most."""
_NEAREST: Final = 256
"""Neighbours of each text that are known; a small stream's are all known."""
_BLOCK: Final = 128
"""Requests whose pairs are judged together."""

Floats = NDArray[np.float64]
Chance = Callable[[int, int, float], float]
"""Of asked text, cached text (numbers) and their cosine: the probability."""
Refused = Callable[[int, int, float], bool]
"""Of the same: whether a guard vetoes the pair. Asked before `Chance`."""
Prepare = Callable[[list[tuple[int, int]]], None]
"""Told of the pairs (asked, cached) that will be asked for next."""


class Asked(msgspec.Struct, frozen=True):
    """One request of a stream."""

    text: str
    label: str
    """Requests of one label deserve one answer, all others do not."""
    place: str = ""
    """What the service would keep apart by namespace: a database that questions are about."""


class Line(msgspec.Struct, frozen=True):
    """A stream in one order, texts and labels as numbers; a text is one number for each place that it stands in."""

    text: NDArray[np.int64]
    label: NDArray[np.int64]
    texts: list[str]
    spelling: list[int]
    """By text: texts of one spelling in one place share it."""
    near: NDArray[np.int64]
    """(texts, M): other texts of the place, nearest first; -1 where there are no more."""
    cosine: NDArray[np.float32]

    @property
    def possible(self) -> int:
        """Hits of a perfect decision: every request but the first of its label."""
        return len(self.label) - len(set(self.label.tolist()))

    def shuffled(self, seed: int) -> Line:
        """The same requests in a random order."""
        order = list(range(len(self.text)))
        random.Random(seed).shuffle(order)
        return msgspec.structs.replace(self, text=self.text[order], label=self.label[order])


def line(
    requests: Sequence[Asked], vectors: Callable[[str], NDArray[np.float32] | None], spell: Callable[[str], str]
) -> Line:
    """Number the texts and find each one's neighbours. `vectors`: unit rows; None for a text that has none."""
    numbers: dict[tuple[str, str], int] = {}
    labels: dict[tuple[str, str], int] = {}
    spellings: dict[tuple[str, str], int] = {}
    text = [numbers.setdefault((one.place, one.text), len(numbers)) for one in requests]
    label = [labels.setdefault((one.place, one.label), len(labels)) for one in requests]
    spelling = [spellings.setdefault((place, spell(each)), len(spellings)) for place, each in numbers]
    places: dict[str, list[int]] = {}
    for (place, _), number in numbers.items():
        places.setdefault(place, []).append(number)
    texts = [each for _, each in numbers]
    width = min(_NEAREST, max(len(members) for members in places.values()))
    near = np.full((len(texts), width), -1, np.int64)
    cosine = np.full((len(texts), width), -1.0, np.float32)
    for members in places.values():
        there = [(number, vector) for number in members if (vector := vectors(texts[number])) is not None]
        if there:
            _neighbours(np.array([number for number, _ in there]), np.stack([row for _, row in there]), near, cosine)
    return Line(np.array(text), np.array(label), texts, spelling, near, cosine)


def _neighbours(
    ids: NDArray[np.int64], rows: NDArray[np.float32], near: NDArray[np.int64], cosine: NDArray[np.float32]
) -> None:
    """Fill in the rows of `near` and `cosine` for the texts `ids` of one place."""
    width = min(near.shape[1], len(ids) - 1)
    if width < 1:
        return
    for start in range(0, len(ids), 512):
        table = rows[start : start + 512] @ rows.T
        table[np.arange(len(table)), np.arange(start, start + len(table))] = -2.0
        best = np.argpartition(-table, width - 1, axis=1)[:, :width]
        found = np.take_along_axis(table, best, 1)
        order = np.argsort(-found, axis=1, kind="stable")
        asked = ids[start : start + 512]
        near[asked, :width] = ids[np.take_along_axis(best, order, 1)]
        cosine[asked, :width] = np.take_along_axis(found, order, 1)


class Wrong(msgspec.Struct, frozen=True):
    """A wrong semantic hit: numbers of the texts, and the value that the threshold was compared with."""

    asked: int
    cached: int
    value: float


Run = tuple[int, int, int, int]
"""Direct and semantic hits, wrong ones of both, wrong semantic ones."""


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """What the cache of each threshold did with one stream."""

    thresholds: Floats
    requests: int
    direct: NDArray[np.int64]
    """Exact and normalised hits."""
    semantic: NDArray[np.int64]
    wrong: NDArray[np.int64]
    wrong_semantic: NDArray[np.int64]
    watched: list[Wrong] = []
    """The wrong semantic hits at the watched threshold."""

    @classmethod
    def of(cls, thresholds: Sequence[float], requests: int, runs: Sequence[Run]) -> Curve:
        """Of a run for each threshold, or whatever else was varied."""
        direct, semantic, wrong, wrong_semantic = np.array(runs, np.int64).T
        return cls(
            thresholds=np.array(thresholds),
            requests=requests,
            direct=direct,
            semantic=semantic,
            wrong=wrong,
            wrong_semantic=wrong_semantic,
        )

    @property
    def hits(self) -> NDArray[np.int64]:
        """Of all tiers."""
        return self.direct + self.semantic

    @property
    def error(self) -> Floats:
        """Wrong answers over all requests."""
        return self.wrong / self.requests

    def best(self, error: float) -> int | None:
        """The threshold (its number) with the most hits among those with at most `error` wrong; None if none has."""
        fits = np.flatnonzero(self.wrong <= error * self.requests)
        return int(fits[np.argmax(self.hits[fits])]) if len(fits) else None


class Replay:
    """The caches of all thresholds of one mode. `chance` None: the nearest stored prompt's cosine decides."""

    def __init__(
        self,
        stream: Line,
        thresholds: Sequence[float],
        *,
        insert_all: bool,
        chance: Chance | None = None,
        refused: Refused = lambda asked, cached, cosine: False,
        prepare: Prepare = lambda pairs: None,
        floor: float = 0.0,
        watch: int | None = None,
    ) -> None:
        """`floor`: least cosine of a candidate; `watch`: number of the threshold whose wrong hits are listed."""
        self._line, self._insert_all, self._floor, self._watch = stream, insert_all, floor, watch
        self._thresholds = np.asarray(thresholds, np.float64)
        self._chance, self._refused, self._prepare = chance, refused, prepare
        count, caches = len(stream.texts), len(thresholds)
        self._stored = np.zeros((count, caches), bool)
        self._label = np.full((count, caches), -1, np.int32)
        self._ever = np.zeros(count, bool)
        self._spelled: dict[int, list[int]] = {}
        self._known: dict[tuple[int, int], float] = {}
        self._direct, self._semantic, self._wrong, self._wrong_semantic = (np.zeros(caches, np.int64) for _ in range(4))
        self._watched: list[Wrong] = []

    def run(self) -> Curve:
        """Send the whole stream."""
        texts, labels = self._line.text.tolist(), self._line.label.tolist()
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            if self._chance is not None:
                self._ahead(block)
            for text, label in zip(block, labels[start : start + _BLOCK], strict=True):
                self._step(text, label)
        return Curve(
            thresholds=self._thresholds,
            requests=len(texts),
            direct=self._direct,
            semantic=self._semantic,
            wrong=self._wrong,
            wrong_semantic=self._wrong_semantic,
            watched=self._watched,
        )

    def _step(self, text: int, label: int) -> None:
        stored = self._stored[text]
        hit = stored.copy()
        answer = self._label[text].copy()
        for other in reversed(self._spelled.get(self._line.spelling[text], ())):
            if hit.all():
                break
            taken = self._stored[other] & ~hit
            answer[taken] = self._label[other][taken]
            hit |= taken
        direct = hit.copy()
        if not hit.all():
            self._semantic_hits(text, label, hit, answer)
        wrong = hit & (answer != label)
        self._direct += direct
        self._semantic += hit & ~direct
        self._wrong += wrong
        self._wrong_semantic += wrong & ~direct
        self._store(text, label, np.ones_like(hit) if self._insert_all else ~hit)

    def _semantic_hits(self, text: int, label: int, hit: NDArray[np.bool_], answer: NDArray[np.int32]) -> None:
        near, cosine, stored = self._around(text)
        if not len(near):
            return
        caches = np.arange(len(hit))
        if self._chance is None:
            first = stored.argmax(axis=0)
            value = np.where(stored[first, caches], cosine[first], -2.0)
        else:
            chosen = self._candidates(text, near, cosine, stored)
            chance = np.full(len(near), -2.0)
            for at in np.flatnonzero(chosen.any(axis=1)).tolist():
                chance[at] = self._judge(text, int(near[at]), float(cosine[at]))
            table = np.where(chosen, chance[:, None], -2.0)
            first = table.argmax(axis=0)  # the nearer one of two that are as probable
            value = table[first, caches]
        taken = ~hit & (value >= self._thresholds)
        answer[taken] = self._label[near[first[taken]], caches[taken]]
        hit |= taken
        if self._watch is not None and taken[self._watch] and answer[self._watch] != label:
            self._watched.append(Wrong(text, int(near[first[self._watch]]), float(value[self._watch])))

    def _around(self, text: int) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
        """Stored neighbours, their cosines, and (neighbours, caches) which caches hold them."""
        near, cosine = self._line.near[text], self._line.cosine[text]
        keep = (near >= 0) & (cosine >= self._floor) & self._ever[near]
        return near[keep], cosine[keep], self._stored[near[keep]]

    def _candidates(
        self, text: int, near: NDArray[np.int64], cosine: NDArray[np.float32], stored: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """(neighbours, caches): which ones a cache judges; it reads twice as many while all that it read are vetoed."""
        chosen = np.zeros_like(stored)
        if not len(near):
            return chosen
        rank = stored.cumsum(axis=0)
        waiting = np.ones(stored.shape[1], bool)
        most = CANDIDATES
        while waiting.any() and most <= CANDIDATES * _WIDEST:
            within = stored & (rank <= most) & waiting
            for at in np.flatnonzero(within.any(axis=1)).tolist():
                if self._refused(text, int(near[at]), float(cosine[at])):
                    within[at] = False
            some = within.any(axis=0)
            chosen |= within
            waiting &= ~some & (rank[-1] > most)
            most *= 2
        return chosen

    def _judge(self, text: int, other: int, alike: float) -> float:
        found = self._known.get((text, other))
        if found is None:
            assert self._chance is not None
            found = self._known[text, other] = self._chance(text, other, alike)
        return found

    def _ahead(self, block: list[int]) -> None:
        """Have all pairs judged together that the block's requests will ask for."""
        wanted: dict[tuple[int, int], None] = {}
        coming: set[int] = set()
        for text in block:
            if not self._stored[text].all():
                near, cosine, stored = self._around(text)
                chosen = self._candidates(text, near, cosine, stored)
                wanted.update(dict.fromkeys((text, int(other)) for other in near[chosen.any(axis=1)]))
                # What the block itself is about to store.
                for other, alike in zip(self._line.near[text].tolist(), self._line.cosine[text].tolist(), strict=True):
                    if alike < self._floor or other < 0:
                        break
                    if other in coming and not self._refused(text, other, alike):
                        wanted[text, other] = None
            coming.add(text)
        self._prepare([pair for pair in wanted if pair not in self._known])

    def _store(self, text: int, label: int, where: NDArray[np.bool_]) -> None:
        if not where.any():
            return
        if not self._ever[text]:
            self._ever[text] = True
            self._spelled.setdefault(self._line.spelling[text], []).append(text)
        self._stored[text] |= where
        self._label[text][where] = label
