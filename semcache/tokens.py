"""Opaque tokens that semcache hands out and takes back: the fill token of a miss, the request id of a hit.

Both carry their whole meaning, so no table of them is kept and any replica understands them. They are no
credentials: what a token names is checked against the caller's namespaces like anything else.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
import zlib
from typing import Final

import msgspec

from semcache.errors import RequestError
from semcache.models import FillToken, Hit, Tier, Withheld, shard_of
from semcache.policy import risk
from semcache.policy.labels import Met

_MARK: Final = b"r1"
_MET: Final = b"r2"
_EVIDENCE: Final = struct.Struct("<ff")
_MOST_BYTES: Final = 1000
"""Of an asking prompt that a request id carries; feedback on a longer one names it once more."""
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
        if token.withheld is not None and not _may_be(token.withheld):
            raise ValueError("evidence of no hit")
    except (ValueError, msgspec.DecodeError) as error:
        raise RequestError(
            "this is no fill token: give back unchanged the `fill_token` of the miss, or leave the field out",
            field="fill_token",
        ) from error
    return token


def _may_be(withheld: Withheld) -> bool:
    """Whether it may be of a hit: a token goes through its caller's hands, and its numbers into what is tuned by."""
    sure = withheld.confidence
    return (
        -1.001 <= withheld.similarity <= 1.001
        and (sure is None or 0.0 <= sure <= 1.0)
        and 1.0 <= withheld.weight <= 1.0 / min(risk.LEVELS)
    )


def request_id(hit: Hit) -> str | None:
    """By which feedback names a hit, with how the two met where that was by meaning; None where nobody asked."""
    if not hit.asker:
        return None
    met = Met(hit.asked, hit.similarity, hit.confidence) if hit.tier is Tier.SEMANTIC else None
    return encode_request_id(hit.entry.entry_id, hit.asker, met)


def encode_request_id(entry_id: str, asker: bytes, met: Met | None = None) -> str:
    """The request id of a hit: which entry was served (32 hex digits), to which norm digest (32 bytes), and how they
    met where that was by meaning.
    """
    head = bytes.fromhex(entry_id) + asker
    if met is None:
        return _text(_MARK + head)
    asked = met.asked.encode("utf-8", "replace")
    packed = zlib.compress(asked if len(asked) <= _MOST_BYTES else b"")
    confidence = math.nan if met.confidence is None else met.confidence
    return _text(_MET + head + _EVIDENCE.pack(met.similarity, confidence) + packed)


def decode_hit(text: str) -> tuple[str, bytes, Met | None]:
    """Entry id, asker, and how they met, of a request id; raises RequestError for text that is none."""
    met = None
    try:
        raw = _raw(text)
        if raw[:2] not in (_MARK, _MET) or (len(raw) != 50 if raw.startswith(_MARK) else len(raw) <= 58):
            raise ValueError("wrong length or mark")
        entry_id = raw[2:18].hex()
        shard_of(entry_id)
        if raw.startswith(_MET):
            met = _met(raw[50:])
    except (ValueError, zlib.error) as error:
        raise RequestError(
            "this is no request id of a hit: give the `request_id` of a lookup's answer, or `entry_id` and `prompt`",
            field="request_id",
        ) from error
    return entry_id, raw[18:50], met


def _met(raw: bytes) -> Met:
    similarity, confidence = _EVIDENCE.unpack(raw[:8])
    packed = zlib.decompressobj()
    asked = packed.decompress(raw[8:], _MOST_BYTES)
    if not packed.eof or packed.unused_data or not -1.001 <= similarity <= 1.001:
        raise ValueError("evidence of no hit")
    if not math.isnan(confidence) and not 0.0 <= confidence <= 1.0:
        raise ValueError("evidence of no hit")
    similarity = max(-1.0, min(1.0, similarity))
    return Met(asked.decode("utf-8"), similarity, None if math.isnan(confidence) else confidence)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _raw(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
