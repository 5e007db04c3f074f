"""A segment's bytes: a header, then its arrays, each on a page of its own so that they can be mapped.

    8 bytes   MAGIC
    8 bytes   length of the header, little-endian
    header    JSON: for each array its name, type, shape and offset
    arrays    little-endian, C order, at multiples of 4096

Checksums are not here but in the manifest, and are verified before `map_columns` is called.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from semcache.vectors.keys import GROUP_TYPE, ID_TYPE
from semcache.vectors.segment import Backing, Cells, Columns

_CELL: Final = "cell_"
MAGIC: Final = b"SCSEG002"
PAGE: Final = 4096
TYPES: Final = {
    "groups": GROUP_TYPE,
    "starts": "<u4",
    "ids": ID_TYPE,
    "row_of": "<u4",
    "place_of": "<u4",
    "vectors": "<f2",
    "cell_starts": "<u4",
    "cell_stops": "<u4",
    "cell_centres": "<f2",
}
if sys.byteorder != "little":  # pragma: no cover
    raise ImportError("segments are mapped as they are written: little-endian machines only")


class _Array(msgspec.Struct, frozen=True):
    name: str
    shape: tuple[int, ...]
    offset: int


def pack(columns: Columns) -> Iterator[bytes | memoryview]:
    """The file's content, piece by piece, without copying the arrays."""
    arrays = {name: np.ascontiguousarray(_named(columns, name), dtype=kind) for name, kind in TYPES.items()}
    header = _header(arrays)
    at = 0
    for piece in (MAGIC, len(header).to_bytes(8, "little"), header):
        yield piece
        at += len(piece)
    for entry in msgspec.json.decode(header, type=list[_Array]):
        yield bytes(entry.offset - at)
        content = arrays[entry.name].reshape(-1).view(np.uint8)
        yield content.data
        at = entry.offset + len(content)


def _named(columns: Columns, name: str) -> Any:
    return getattr(columns.cells, name.removeprefix(_CELL)) if name.startswith(_CELL) else getattr(columns, name)


def _header(arrays: dict[str, Any]) -> bytes:
    room = PAGE  # the header of nine arrays is some 600 bytes
    entries = []
    for name, array in arrays.items():
        entries.append(_Array(name, array.shape, room))
        room += -(-array.nbytes // PAGE) * PAGE
    return msgspec.json.encode(entries)


def map_columns(descriptor: int, path: Path) -> Columns:
    """Columns mapped read-only from a verified file, which may be closed after this."""
    mapped = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
    if mapped[: len(MAGIC)] != MAGIC:
        raise ValueError("not a segment of this format")
    length = int.from_bytes(mapped[8:16], "little")
    arrays: dict[str, Any] = {}
    for entry in msgspec.json.decode(mapped[16 : 16 + length], type=list[_Array]):
        kind, count = TYPES[entry.name], int(np.prod(entry.shape))
        flat = np.frombuffer(mapped, kind, count, entry.offset) if count else np.empty(0, kind)
        arrays[entry.name] = flat.reshape(entry.shape)
    cells = Cells(*(arrays.pop(name) for name in TYPES if name.startswith(_CELL)))
    return Columns(**arrays, cells=cells, backing=Backing(path))
