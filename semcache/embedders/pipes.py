"""What the service and a model's process say to each other: length-prefixed MessagePack over pipes, vectors raw.

Knows file descriptors and message shapes, no model. Nothing is pickled.
"""

from __future__ import annotations

import os
import select
import struct
import time

import msgspec

_HEAD = struct.Struct("<I")
_LARGEST = 1 << 30


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """First message of the model's process: it is ready."""

    dimension: int
    fingerprint: str
    """SHA-256 over the loaded weights and the tokenizer."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Texts to embed."""

    texts: list[str]
    max_windows: int
    batch: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Vectors of an `Ask`, or why there are none."""

    windows: list[int] = []
    """Windows of each text, in order; 0: more than `max_windows`."""
    vectors: bytes = b""
    """float32 (sum of windows, dimension), unit rows."""
    weights: bytes = b""
    """float32 (sum of windows,): tokens in each."""
    error: str = ""
    """The texts' fault; the process is still sound."""


def send(fd: int, message: Hello | Ask | Answer) -> None:
    """Write one message, blocking. Raises OSError when the other side is gone."""
    body = msgspec.msgpack.encode(message)
    data = memoryview(_HEAD.pack(len(body)) + body)
    while data:
        data = data[os.write(fd, data) :]


def receive(fd: int, timeout_s: float | None = None) -> bytes | None:
    """The body of the next message, None where the other side is gone. Raises TimeoutError."""
    end = None if timeout_s is None else time.monotonic() + timeout_s
    head = _read(fd, _HEAD.size, end)
    if head is None:
        return None
    (size,) = _HEAD.unpack(head)
    return _read(fd, size, end) if size <= _LARGEST else None


def _read(fd: int, size: int, end: float | None) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        left = None if end is None else max(0.0, end - time.monotonic())
        if not select.select([fd], [], [], left)[0]:
            raise TimeoutError("no answer in time")
        part = os.read(fd, size - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)
