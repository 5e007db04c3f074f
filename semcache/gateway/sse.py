"""Server-sent events: bytes to events whatever their chunking, events to bytes (WHATWG HTML, section 9.2).

Knows no protocol: what stands in an event's data is the dialects' business. `id` and `retry` are read past, as no
provider's answer depends on them. Where the standard would show a reader replacement characters or let an event grow
without end, the stream is unreadable here instead: it is recorded, and a record must not differ from what was sent.
"""

from __future__ import annotations

from typing import Final

import msgspec

MAX_EVENT_BYTES: Final = 16 * 1024 * 1024
"""Longest event, its field names included. The largest known are images of a few MB."""

_BOM: Final = b"\xef\xbb\xbf"
_LINE_ENDS: Final = (0x0A, 0x0D)
_BLANK: Final = b"\n\n"
"""The end of a line, and an empty one: where an event ends, as nearly all providers write it."""


class Event(msgspec.Struct, frozen=True):
    """One dispatched event."""

    data: str
    event: str | None = None
    """Its type; None for plain messages."""


class Parser:
    """Bytes of one stream in, events out. Each byte is looked at a constant number of times, however it is cut.

    A carriage return ends its line at once, so that no event waits for the byte after it. The end of the stream
    therefore completes no event: one that lacks its blank line is dropped, as the standard says, and `clean` tells.
    """

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit = max_event_bytes
        self._broken: str | None = None
        self._first = True
        self._after_cr = False
        self._line = bytearray()  # the line that has not ended
        self._size = 0  # bytes of the event's ended lines
        self._data: list[str] = []
        self._event: str | None = None

    @property
    def broken(self) -> str | None:
        """Why the stream cannot be read (`too_large`, `not_utf8`); None while it can. Nothing comes after that."""
        return self._broken

    @property
    def clean(self) -> bool:
        """Whether nothing is lost if the stream ends here: it is readable and no event is unfinished."""
        return self._broken is None and not self._data and not self._line

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes."""
        if self._broken is not None or not chunk:
            return []
        if self._after_cr and chunk[0] == 0x0A:
            chunk = chunk[1:]
        self._after_cr = False
        events: list[Event] = []
        if self._data or self._line or self._event is not None:  # an event goes on: to its end, line by line
            end = chunk.find(_BLANK) + len(_BLANK)
            if end < len(_BLANK):
                self._read(chunk, events)
                return events
            self._read(chunk[:end], events)
            chunk = chunk[end:]
        if chunk and self.broken is None:
            self._read(self._whole(chunk, events), events)
        return events

    def _whole(self, chunk: bytes, events: list[Event]) -> bytes:
        """Take the whole events at its beginning, in the form that nearly all providers write; what is left of it.

        Not line by line: that takes several times as long as all else that is done with an event.
        """
        end = chunk.rfind(_BLANK)
        if end < 0 or len(chunk) > self._limit or b"\r" in chunk or (self._first and chunk[0] == _BOM[0]):
            return chunk
        try:
            blocks = chunk[:end].decode().split("\n\n")
        except UnicodeDecodeError:  # the events before that still count
            return chunk
        self._first = False
        for block in blocks:
            line, name = block, None
            if block.startswith("event: "):
                name, _, line = block[7:].partition("\n")
            if line.startswith("data: ") and "\n" not in line:
                events.append(Event(line[6:], name or None))
            else:
                self._read(block.encode() + _BLANK, events)
        return chunk[end + len(_BLANK) :]

    def _read(self, chunk: bytes, events: list[Event]) -> None:
        """Take lines, the last of which may go on in the next chunk."""
        lines = chunk.splitlines(keepends=True)  # of bytes: at CR, LF and CRLF alone
        for line in lines:
            if line[-1] not in _LINE_ENDS:  # the last one
                self._line += line
                self._bound(len(self._line))
                break
            ended = bytes(self._line + line) if self._line else line
            self._line.clear()
            if not self._take(ended.rstrip(b"\r\n"), events):
                break
        self._after_cr = bool(lines) and lines[-1][-1] == 0x0D

    def _take(self, line: bytes, events: list[Event]) -> bool:
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            self._dispatch(events)
            return True
        if not self._bound(len(line)):
            return False
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self._break("not_utf8")
            return False
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._size += len(line)
            self._data.append(value)
        elif name == "event":
            self._event = value or None
        return True

    def _dispatch(self, events: list[Event]) -> None:
        if self._data:
            events.append(Event("\n".join(self._data), self._event))
            self._data = []
        self._event = None
        self._size = 0

    def _bound(self, more: int) -> bool:
        if self._size + more <= self._limit:
            return True
        self._break("too_large")
        return False

    def _break(self, why: str) -> None:
        self._broken = why
        self._line.clear()
        self._data = []


def encode(data: bytes | str, event: str | None = None) -> bytes:
    """An event as its bytes. A line break in `data` of any kind reads back as LF.

    Raises ValueError for an event type with a line break in it, which would forge fields.
    """
    raw = data.encode() if isinstance(data, str) else data
    head = b""
    if event is not None:
        if "\n" in event or "\r" in event:
            raise ValueError("the type of an event is one line")
        head = b"event: %b\n" % event.encode()
    if b"\n" in raw or b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
    return b"%bdata: %b\n\n" % (head, raw)
