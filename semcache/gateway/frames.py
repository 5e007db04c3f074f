"""What a flight carries, as bytes: the head of upstream's answer, its body in pieces, and how it ended.

One form for followers in this process and in others. Knows no protocol: bodies are passed on as they came.
"""

from __future__ import annotations

from typing import Final

import msgspec

from semcache.models import Usage


class Head(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    """Upstream has begun to answer."""

    status: int
    headers: list[tuple[bytes, bytes]]
    """As they go back to the client, without ours."""
    stream: bool
    """The body is a stream of events."""
    shape: str
    """Of the request that fetched it (`Asked.shape`)."""
    epoch: int = 0
    fence: int = 0
    """What was invalidated before it was asked for (`FillToken`): who knows of more does not follow."""
    cause: str = ""
    """Of an error, what may have brought it about (`causes`): who would have asked otherwise does not follow."""


class Piece(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    """A part of the body, as it came."""

    data: bytes


ALL: Final = Piece(b"")
"""After the last piece of a stream: no more of it comes, though what it was is yet to be told."""


class End(msgspec.Struct, frozen=True, array_like=True, tag="e"):
    """Nothing more comes."""

    error: str = ""
    """Code of what went wrong; "" where upstream's answer is whole, whatever its status."""
    detail: str = ""
    whole: bytes | None = None
    """The answer in the form without streaming, where the body was a complete stream."""
    usage: Usage | None = None
    cost_usd: float | None = None
    seconds: float = 0.0
    """What the call took."""
    cause: str = ""
    """As in `Head`; "" where what went wrong is not up to what was asked."""


Frame = Head | Piece | End

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """A frame as MessagePack."""
    return _encoder.encode(frame)


def decode(data: bytes) -> Frame:
    """Read a frame. Raises msgspec.DecodeError for what is none."""
    frame: Frame = _decoder.decode(data)
    return frame
