"""Records to bytes and back. Knows the formats and no store; nothing is pickled.

A record is a hash of these fields:

    m  msgpack, all that never changes while the record lives (`_Meta`)     r  the response, JSON bytes
    c  created, x  expires: ms by the store's clock     e  epoch     h  hits     n  namespace     d  raw digest
    a  when the miss was read that it fills, ms; absent where it fills none
    k  hashes of the sets that list it, 16 bytes each   p  normalised digest, hex (its pointer)
    l  ttl in ms, of sliding entries only               g  ms that the key outlives its expiry (stale window)
    z  rank of the reach, where it is less than semantic: such a record has no vectors
    v:<space>  vectors: uint16 windows n, n float32 weights, n*dim float16 components (little-endian)
    w:<asker>  veto for the prompts of a normalised digest      wn  how many vetoes there are
"""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
import numpy as np

from semcache.errors import RequestError
from semcache.models import Embedding, Entry, Strategy, TtlClass, Usage
from semcache.ports import Draft

log = logging.getLogger(__name__)

ENTRY_FIELDS: Final = ("m", "r", "c", "x", "e", "h")
"""What `decode_entry` needs, in this order."""

_Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_Half = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]


class _Meta(msgspec.Struct, frozen=True, array_like=True):
    digest: _Digest
    norm_digest: _Digest
    partition: _Half
    context: _Half
    namespace: str
    model: str
    model_version: str
    prompt: str
    ttl_class: TtlClass
    ttl_s: float
    sliding: bool
    tags: tuple[str, ...]
    usage: Usage | None
    cost_usd: float | None
    latency_ms: float | None
    metadata: dict[str, Any] | None
    owner: str | None = None
    reach: Strategy = Strategy.SEMANTIC
    # records of earlier versions end before here
    history: Annotated[bytes, msgspec.Meta(max_length=16)] = b""
    transcript: str = ""
    pinned: bool = False


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Meta).decode


def encode_meta(draft: Draft) -> bytes:
    """Field `m` of a draft. Raises RequestError where something in it has no such form (surrogates, huge integers)."""
    identity = draft.identity
    meta = _Meta(
        digest=identity.digest,
        norm_digest=identity.norm_digest,
        partition=identity.partition,
        context=identity.context,
        namespace=identity.namespace,
        model=identity.model,
        model_version=identity.model_version,
        prompt=identity.prompt,
        ttl_class=identity.ttl_class,
        ttl_s=draft.ttl_s,
        sliding=draft.sliding,
        tags=draft.tags,
        usage=draft.usage,
        cost_usd=draft.cost_usd,
        latency_ms=draft.latency_ms,
        metadata=draft.metadata,
        owner=identity.owner,
        reach=draft.reach,
        history=identity.history,
        transcript=identity.transcript,
        pinned=draft.pinned,
    )
    try:
        return _encode(meta)
    except (TypeError, ValueError, OverflowError) as error:
        raise RequestError(f"this entry cannot be written: {error}", field="metadata") from error


def decode_entry(entry_id: str, fields: Sequence[bytes | None]) -> Entry | None:
    """An entry from its ENTRY_FIELDS; None where it is absent. A damaged one counts as absent and is logged."""
    meta_bytes, response, created, expires, epoch, hits = fields
    if meta_bytes is None and response is None:
        return None
    try:
        if meta_bytes is None or response is None or created is None or expires is None or epoch is None:
            raise ValueError("fields are missing")
        meta = _decode(meta_bytes)
        return Entry(
            entry_id=entry_id,
            digest=meta.digest,
            norm_digest=meta.norm_digest,
            partition=meta.partition,
            context=meta.context,
            namespace=meta.namespace,
            model=meta.model,
            model_version=meta.model_version,
            prompt=meta.prompt,
            response=response,
            ttl_class=meta.ttl_class,
            ttl_s=meta.ttl_s,
            created_ms=int(created),
            expires_ms=int(expires),
            epoch=int(epoch),
            sliding=meta.sliding,
            tags=meta.tags,
            hits=int(hits or 0),
            usage=meta.usage,
            cost_usd=meta.cost_usd,
            latency_ms=meta.latency_ms,
            metadata=meta.metadata,
            owner=meta.owner,
            reach=meta.reach,
            history=meta.history,
            transcript=meta.transcript,
            pinned=meta.pinned,
        )
    except ValueError as error:  # msgspec's errors are ValueErrors too
        log.warning("record %s is damaged and counts as absent: %s", entry_id, error)
        return None


def stamped(draft: Draft, *, created_ms: int, expires_ms: int, epoch: int) -> Entry:
    """The entry that a draft became when the store stamped it."""
    identity = draft.identity
    return Entry(
        entry_id=identity.entry_id,
        digest=identity.digest,
        norm_digest=identity.norm_digest,
        partition=identity.partition,
        context=identity.context,
        namespace=identity.namespace,
        model=identity.model,
        model_version=identity.model_version,
        prompt=identity.prompt,
        response=draft.response,
        ttl_class=identity.ttl_class,
        ttl_s=draft.ttl_s,
        created_ms=created_ms,
        expires_ms=expires_ms,
        epoch=epoch,
        sliding=draft.sliding,
        tags=draft.tags,
        usage=draft.usage,
        cost_usd=draft.cost_usd,
        latency_ms=draft.latency_ms,
        metadata=draft.metadata,
        owner=identity.owner,
        reach=draft.reach,
        history=identity.history,
        transcript=identity.transcript,
        pinned=draft.pinned,
    )


def encode_embedding(embedding: Embedding) -> bytes:
    """Vectors as bytes; float16 costs about 2e-4 of cosine and halves the record."""
    windows = len(embedding.vectors)
    weights = np.ascontiguousarray(embedding.weights, dtype="<f4")
    vectors = np.ascontiguousarray(embedding.vectors, dtype="<f2")
    return struct.pack("<H", windows) + weights.tobytes() + vectors.tobytes()


def decode_embedding(space: str, data: bytes, *, entry_id: str = "") -> Embedding | None:
    """Vectors from bytes, rows of unit length again; None (and a log line) where the bytes are damaged."""
    try:
        (windows,) = struct.unpack_from("<H", data)
        body = len(data) - 2 - 4 * windows
        if windows == 0 or body <= 0 or body % (2 * windows):
            raise ValueError(f"{len(data)} bytes do not hold {windows} windows")
        weights = np.frombuffer(data, "<f4", windows, 2)
        vectors = np.frombuffer(data, "<f2", -1, 2 + 4 * windows).astype(np.float32).reshape(windows, -1)
        # Row by row, of which there is one as a rule: NumPy's ways for all at once are many calls.
        for row in vectors:
            length = math.sqrt(row.dot(row))
            if not 0.0 < length < math.inf:
                raise ValueError("components are not finite, or a row is zero")
            row /= length
        if not all(map(math.isfinite, weights.tolist())):
            raise ValueError("weights are not finite")
    except (ValueError, struct.error) as error:
        log.warning("vectors of record %s in %s are damaged and count as absent: %s", entry_id, space, error)
        return None
    return Embedding(space, vectors, weights)
