"""Labelled pairs in a file, for `semcache tune --pairs`: plain ones (`a`, `b`, `same`), or the labels of a service.

Labels are heard as those of a running service are: the last word of each voice on a pair, and comparisons rather than
feedback where there are both. Their scores are not taken over: the file may be of another time, or another service.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec

from semcache.admin.scoring import Pair
from semcache.errors import RequestError
from semcache.policy.labels import Source

_BOM: Final = b"\xef\xbb\xbf"


class Found(NamedTuple):
    """What a file holds, and what to know of it."""

    pairs: list[Pair]
    notes: tuple[str, ...]


_SOURCES: Final = frozenset(map(str, Source))


class _Row(msgspec.Struct, frozen=True):
    a: str | None = None
    b: str | None = None
    cached: str | None = None
    asked: str | None = None
    same: bool | int | None = None
    weight: Annotated[float, msgspec.Meta(gt=0.0, le=1e9)] = 1.0
    entry_id: object = None
    conversation: object = False
    source: object = None
    principal: object = None
    """These four are a label's; what a plain pair calls so may be anything."""

    @property
    def heard(self) -> Source | None:
        """How the label became known; None of a plain pair."""
        labelled = self.entry_id is not None and isinstance(self.source, str) and self.source in _SOURCES
        return Source(str(self.source)) if labelled else None

    @property
    def texts(self) -> tuple[str | None, str | None]:
        """The cached prompt and the asking one."""
        return self.a if self.cached is None else self.cached, self.b if self.asked is None else self.asked


_decode: Final = msgspec.json.Decoder(_Row).decode


def pairs_of(file: Path) -> Found:
    """The pairs of a file of JSON lines, .gz too. Raises RequestError, naming the line."""
    plain: list[Pair] = []
    labels: dict[tuple[str, str, str], tuple[Pair, Source]] = {}
    textless = conversations = 0
    for number, row in _rows(file):
        a, b = row.texts
        source = row.heard
        if source is not None and not (a and b):  # it was too long to be kept, or personal
            textless += 1
        elif a is None or b is None or row.same not in (0, 1):
            raise RequestError(f"{file}, line {number}: a pair has the texts `a` and `b`, and `same`: true or false")
        elif source is None and a and b:
            plain.append(Pair(a, b, bool(row.same), row.weight))
        elif source is not None and row.conversation:
            conversations += 1
        elif source is not None:
            pair = Pair(a, b, bool(row.same), row.weight, str(row.principal or ""))
            labels[a, b, pair.voice] = pair, source
    heard, notes = _heard(list(labels.values()))
    if textless:
        notes.append(f"{textless} labels without their texts left out: nothing can score them anew")
    if conversations:
        notes.append(f"{conversations} labels of conversations left out: a service judges these turn by turn")
    pairs = [*plain, *heard]
    if not pairs:
        raise RequestError("; ".join([f"{file} holds no pair to tune by", *notes]))
    return Found(pairs, tuple(notes))


def _heard(labels: list[tuple[Pair, Source]]) -> tuple[list[Pair], list[str]]:
    measured = [pair for pair, source in labels if source is not Source.FEEDBACK]
    if not labels or len(measured) == len(labels):
        return measured, []
    if measured:
        return measured, [
            f"{len(labels) - len(measured)} labels of feedback left out: comparisons are the fairer sample"
        ]
    return [pair for pair, _ in labels], ["feedback alone, of who complains or praises: not a fair sample"]


def _rows(file: Path) -> Iterator[tuple[int, _Row]]:
    number = 0
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as lines:
            for number, line in enumerate(lines, 1):  # `number` is told of below
                text = line.removeprefix(_BOM) if number == 1 else line
                if text.strip():
                    yield number, _decode(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{file}, line {number}: {error}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise RequestError(f"{file}: {getattr(error, 'strerror', None) or error}") from error
