"""Server-sent events: bytes to events whatever their chunking, events to bytes (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import msgspec


class Event(msgspec.Struct, frozen=True):
    """One dispatched event."""

    data: str
    event: str | None = None
    """Its type; None for plain messages."""
