"""Reading a request's JSON where no two readers can read it differently.

A name that stands twice in an object is read as its first value by some parsers and as its last by others. Upstream
would then answer one question while the cache knows another, so such a body is not understood at all.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from semcache.policy.canonical import MAX_DEPTH

_DEEPEST: Final = MAX_DEPTH - 10
"""Levels; an identity puts a few around those of a body."""


def unambiguous(raw: bytes) -> dict[str, Any] | None:
    """A JSON object in which no object has a name twice, at any depth, nor one that is nested deeper than can be keyed;
    None for anything else.

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
    return None if _too_deep(raw, found) else found


def json_object(data: bytes) -> dict[str, Any] | None:
    """A JSON object, of whatever spelling; None for anything else."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _too_deep(raw: bytes, found: dict[str, Any]) -> bool:
    if raw.count(b"[") + raw.count(b"{") <= _DEEPEST:
        return False
    level: list[Any] = [found]
    for _ in range(_DEEPEST):
        inside = (one.values() if isinstance(one, dict) else one for one in level)
        level = [value for values in inside for value in values if isinstance(value, (dict, list))]
        if not level:
            return False
    return True


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    names = {name for name, _ in pairs}
    if len(names) != len(pairs):
        raise ValueError("a name stands twice in an object")
