"""Entry ids and groups as fixed-width bytes, so that tables of them are plain sorted arrays.

An id is 16 bytes (32 hex digits), a group 32 (partition, then context). NumPy's `S` type pads with zero bytes on
the right and compares like `bytes`, which for equal widths is exactly memcmp.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from semcache.errors import IndexUnavailable

ID_BYTES: Final = 16
PART_BYTES: Final = 16
ID_TYPE: Final = "S16"
GROUP_TYPE: Final = "S32"

Keys = NDArray[Any]
"""An array of `S16` or `S32`."""


def id_bytes(entry_id: str) -> bytes:
    """16 bytes of an entry id. Raises IndexUnavailable for text that is none."""
    try:
        raw = bytes.fromhex(entry_id)
    except ValueError:
        raw = b""
    if len(raw) != ID_BYTES or len(entry_id) != 2 * ID_BYTES:
        raise IndexUnavailable(f"{entry_id!r} is no entry id: 32 hex digits are expected")
    return raw


def id_array(raw_ids: Iterable[bytes]) -> Keys:
    """Raw ids as an `S16` array."""
    return np.frombuffer(b"".join(raw_ids), dtype=ID_TYPE)


def hex_ids(ids: Keys) -> list[str]:
    """Entry ids of an `S16` array."""
    text = np.ascontiguousarray(ids).tobytes().hex()
    width = 2 * ID_BYTES
    return [text[at : at + width] for at in range(0, len(text), width)]


def group_key(partition: bytes, context: bytes) -> bytes:
    """32 bytes that sort by partition, then by context. Raises IndexUnavailable for other widths."""
    if len(partition) != PART_BYTES or len(context) != PART_BYTES:
        raise IndexUnavailable(f"partition and context have {PART_BYTES} bytes each")
    return partition + context


def find_group(keys: Keys, starts: NDArray[np.uint32], partition: bytes, context: bytes | None) -> tuple[int, int]:
    """Rows [first, last) of a group, or of the whole partition where context is None, in a sorted group table."""
    if context is None:
        low = keys.searchsorted(np.frombuffer(group_key(partition, b"\x00" * PART_BYTES), GROUP_TYPE), "left")
        high = keys.searchsorted(np.frombuffer(group_key(partition, b"\xff" * PART_BYTES), GROUP_TYPE), "right")
        return int(starts[low[0]]), int(starts[high[0]])
    probe = np.frombuffer(group_key(partition, context), GROUP_TYPE)
    at = int(keys.searchsorted(probe)[0])
    if at == len(keys) or keys[at : at + 1] != probe:
        return 0, 0
    return int(starts[at]), int(starts[at + 1])
