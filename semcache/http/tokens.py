"""Opaque tokens that semcache hands out and takes back: the fill token of a miss, the request id of a hit.

Both carry their whole meaning, so no table of them is kept and any replica understands them. They are no
credentials: what a token names is checked against the caller's namespaces like anything else.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

import msgspec

from semcache.errors import RequestError
from semcache.models import FillToken, shard_of

_MARK: Final = b"r1"
_encoder = msgspec.msgpack.Encoder()
_fill_decoder = msgspec.msgpack.Decoder(FillToken)


def encode_fill(token: FillToken) -> str:
    """A fill token as base64url text of its MessagePack form."""
    return _text(_encoder.encode(token))


def decode_fill(text: str) -> FillToken:
    """Read a fill token; raises RequestError for text that is none."""
    try:
        token = _fill_decoder.decode(_raw(text))
        shard_of(token.entry_id)
    except (ValueError, msgspec.DecodeError) as error:
        raise RequestError(
            "this is no fill token: give back unchanged the `fill_token` of the miss, or leave the field out",
            field="fill_token",
        ) from error
    return token


def encode_request_id(entry_id: str, asker: bytes) -> str:
    """The request id of a hit: which entry was served (32 hex digits), to which norm digest (32 bytes)."""
    return _text(_MARK + bytes.fromhex(entry_id) + asker)


def decode_request_id(text: str) -> tuple[str, bytes]:
    """Entry id and asker of a request id; raises RequestError for text that is none."""
    try:
        raw = _raw(text)
        if len(raw) != 50 or not raw.startswith(_MARK):
            raise ValueError("wrong length or mark")
        entry_id = raw[2:18].hex()
        shard_of(entry_id)
    except ValueError as error:
        raise RequestError(
            "this is no request id of a hit: give the `request_id` of a lookup's answer, or `entry_id` and `prompt`",
            field="request_id",
        ) from error
    return entry_id, raw[18:]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _raw(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
