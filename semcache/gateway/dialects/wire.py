"""JSON as it stands in the events of a stream: read and written.

What the dialects share below their protocols; it knows none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from semcache.gateway import sse

EVIDENCE: Final = "x_semcache"
"""The field that says where an answer came from. Never recorded: it tells of one call, not of the answer."""

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def decoded(text: str) -> Any:
    """The value of a JSON text, integers of any size kept; None for what is no JSON (and for `null`)."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def payload(event: sse.Event) -> dict[str, Any] | None:
    """The JSON object that an event carries; None if it carries anything else."""
    value = decoded(event.data)
    return value if isinstance(value, dict) else None


def typed(name: str, /, **fields: Any) -> bytes:
    """An event of a protocol that names an event's type twice: in its `event:` line and in its object."""
    return sse.encode(_encode({"type": name, **fields}), name)


def text(value: Any) -> str:
    """A value as JSON text."""
    return _encode(value).decode()


def kind(of: Mapping[str, Any]) -> str:
    """The `type` of an object; "" where it has none."""
    value = of.get("type")
    return value if isinstance(value, str) else ""


def count(value: Any) -> int:
    """A number of tokens as a provider tells it; 0 for what is none."""
    return value if type(value) is int and value > 0 else 0
