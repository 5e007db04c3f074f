"""Reading a request's JSON where no two readers can read it differently.

A name that stands twice in an object is read as its first value by some parsers and as its last by others. Upstream
would then answer one question while the cache knows another, so such a body is not understood at all.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec


def unambiguous(raw: bytes) -> dict[str, Any] | None:
    """A JSON object in which no object has a name twice, at any depth; None for anything else.

    A body without blanks and needless escapes, as the SDKs send it, costs little more than its decoding.
    """
    try:
        found = msgspec.json.decode(raw)
        if not isinstance(found, dict):
            return None
        if msgspec.json.encode(found) != raw:  # blanks, escapes, other digits: or a name that was dropped
            json.loads(raw, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):  # msgspec.DecodeError and UnicodeDecodeError are ValueErrors
        return None
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    names = {name for name, _ in pairs}
    if len(names) != len(pairs):
        raise ValueError("a name stands twice in an object")
