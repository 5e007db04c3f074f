"""Exports as JSON lines: the header, one record a line, the end. Pure: entries in, lines out, and back.

    {"semcache_export": 1, "created_at": ..., "namespace": ..., "space": ..., "normalizer": ...}
    {"entry_id": ..., "digest": ..., ..., "response": {...}, "vectors": {...} | null}
    {"semcache_export_end": {"entries": 2, "last": "<entry id>"}}

Digests are hex, times RFC 3339, vectors base64 of little-endian float16 (`windows` rows of `dimension`), the response
is the JSON that was stored. Records come in the order of their ids, so the id of the last whole line is the cursor to
go on from. A file without its last line is not whole; its records are good all the same. Names may be added to a record
in later versions of the format; a change of meaning raises its number.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

from semcache.errors import RequestError
from semcache.models import CacheIdentity, Candidate, Embedding, Entry, Strategy, TtlClass, Usage
from semcache.policy.identity import asker_digest
from semcache.policy.normalize import Normalizer
from semcache.ports import Draft

FORMAT: Final = 1
_MOST_WINDOWS: Final = 4096
_MOST_DIMENSION: Final = 8192

_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
_Half = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
_Name = Annotated[str, Meta(max_length=256)]
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Amount = Annotated[float, Meta(ge=0.0, le=1e12)]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line."""

    semcache_export: int = FORMAT
    created_at: datetime
    namespace: str | None
    """The only namespace in it; null: all that the key opens."""
    space: str | None
    """Vector space of the vectors; null where there are none."""
    normalizer: str
    """Version of the normaliser that made the normalised digests."""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """What the last line says."""

    entries: int
    last: str | None


class Vectors(msgspec.Struct, frozen=True, kw_only=True):
    """An embedding."""

    space: str
    windows: Annotated[int, Meta(ge=1, le=_MOST_WINDOWS)]
    dimension: Annotated[int, Meta(ge=1, le=_MOST_DIMENSION)]
    weights: list[float]
    float16: str


class UsageLine(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of the call that made the answer."""

    input_tokens: _Count = 0
    output_tokens: _Count = 0


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One entry."""

    entry_id: str
    digest: _Digest
    norm_digest: _Digest
    partition: _Half
    context: _Half
    namespace: Annotated[str, Meta(min_length=1, max_length=256)]
    model: Annotated[str, Meta(min_length=1, max_length=256)]
    model_version: _Name
    prompt: str
    response: msgspec.Raw
    ttl_class: TtlClass
    ttl_s: Annotated[float, Meta(gt=0.0, le=1e10)]
    created_at: datetime
    expires_at: datetime
    sliding: bool = False
    tags: Annotated[list[Annotated[str, Meta(min_length=1, max_length=128)]], Meta(max_length=64)] = []
    usage: UsageLine | None = None
    cost_usd: _Amount | None = None
    latency_ms: _Amount | None = None
    metadata: dict[str, Any] | None = None
    owner: str | None = None
    reach: Strategy = Strategy.SEMANTIC
    history: Annotated[str, Meta(pattern=r"^([0-9a-f]{32})?$(?!\n)")] = ""
    """The context's digest, where `context` is that of a shape."""
    transcript: str = ""
    """What is compared in place of the prompt, with `history`."""
    pinned: bool = False
    vetoes: Annotated[list[_Half], Meta(max_length=1000)] = []
    """Heads of the normalised digests of prompts to which feedback found it a wrong answer."""
    hits: _Count = 0
    """Told, and not taken back: hits are those of one store."""
    vectors: Vectors | None = None


class Space(msgspec.Struct, frozen=True):
    """The vector space of the service that imports."""

    name: str
    dimension: int


class _Marks(msgspec.Struct):
    """What tells a header and an end from a record."""

    semcache_export: int | None = None
    semcache_export_end: End | None = None


_encode = msgspec.json.Encoder().encode
_records = msgspec.json.Decoder(Record)
_marks = msgspec.json.Decoder(_Marks)


def header_line(created_ms: int, *, namespace: str | None, space: str | None, normalizer: str) -> bytes:
    """The first line of an export."""
    header = Header(created_at=moment(created_ms), namespace=namespace, space=space, normalizer=normalizer)
    return _encode(header) + b"\n"


def end_line(entries: int, last: str | None) -> bytes:
    """The last line of an export."""
    return _encode({"semcache_export_end": End(entries=entries, last=last)}) + b"\n"


def record_line(candidate: Candidate, vetoes: Sequence[bytes] = ()) -> bytes:
    """The line of an entry."""
    entry = candidate.entry
    record = Record(
        entry_id=entry.entry_id,
        digest=entry.digest.hex(),
        norm_digest=entry.norm_digest.hex(),
        partition=entry.partition.hex(),
        context=entry.context.hex(),
        namespace=entry.namespace,
        model=entry.model,
        model_version=entry.model_version,
        prompt=entry.prompt,
        response=msgspec.Raw(_one_line(entry.response)),
        ttl_class=entry.ttl_class,
        ttl_s=entry.ttl_s,
        created_at=moment(entry.created_ms),
        expires_at=moment(entry.expires_ms),
        sliding=entry.sliding,
        tags=list(entry.tags),
        usage=_usage_line(entry),
        cost_usd=entry.cost_usd,
        latency_ms=entry.latency_ms,
        metadata=entry.metadata,
        owner=entry.owner,
        reach=entry.reach,
        history=entry.history.hex(),
        transcript=entry.transcript,
        pinned=entry.pinned,
        vetoes=[asker.hex() for asker in vetoes],
        hits=entry.hits,
        vectors=_vectors(candidate.embedding),
    )
    return _encode(record) + b"\n"


def read_line(line: bytes) -> Record | None:
    """The record of a line; None for a header or an end. Raises RequestError for a line that is neither."""
    try:
        if line.startswith(b'{"semcache_export'):
            marks = _marks.decode(line)
            if marks.semcache_export_end is not None or marks.semcache_export == FORMAT:
                return None
            raise RequestError(f"this export has format {marks.semcache_export}; this version reads {FORMAT}")
        return _records.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(str(error)) from error


def identity_of(record: Record, normalizer: Normalizer) -> CacheIdentity:
    """Who a record is here: with the normalised digest of this normaliser, and so perhaps with another id."""
    digest, partition, context = (bytes.fromhex(text) for text in (record.digest, record.partition, record.context))
    norm_digest, history = bytes.fromhex(record.norm_digest), bytes.fromhex(record.history)
    if record.prompt:
        norm_digest = asker_digest(partition, history or context, record.prompt, normalizer)
    return CacheIdentity(
        namespace=record.namespace,
        model=record.model,
        model_version=record.model_version,
        digest=digest,
        norm_digest=norm_digest,
        partition=partition,
        context=context,
        prompt=record.prompt,
        ttl_class=record.ttl_class,
        ttl_rule="import",
        owner=record.owner,
        history=history,
        transcript=record.transcript,
    )


def draft_of(
    record: Record,
    normalizer: Normalizer,
    *,
    now_ms: int,
    longest_s: float,
    retain_s: float,
    space: Space | None,
) -> Draft:
    """What to write for a record that has time left. Its life is kept, and no longer than `longest_s` from now.

    Vectors of another space than `space` are left out. Raises RequestError for vectors, or a response, that are none.
    """
    try:
        msgspec.json.decode(record.response)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"`response`: {error}", field="response") from error
    identity = identity_of(record, normalizer)
    vetoes, reach = _vetoes(record, identity)
    return Draft(
        identity=identity,
        response=bytes(record.response),
        ttl_s=min(record.ttl_s, longest_s),
        retain_s=retain_s,
        sliding=record.sliding,
        tags=tuple(sorted(set(record.tags))),
        usage=_usage(record),
        cost_usd=record.cost_usd,
        latency_ms=record.latency_ms,
        metadata=record.metadata,
        embedding=embedding_of(record.vectors, space),
        reach=reach,
        pinned=record.pinned,
        vetoes=vetoes,
        created_ms=min(to_ms(record.created_at), now_ms),
        expires_ms=min(to_ms(record.expires_at), now_ms + round(longest_s * 1000)),
    )


def _vetoes(record: Record, identity: CacheIdentity) -> tuple[tuple[bytes, ...], Strategy]:
    """Vetoes as this normaliser names them, and how far the entry may then be found.

    Of another normaliser's digests only the entry's own can be told. Whom the others mean cannot, so the entry is kept
    from everyone but who asks exactly its question.
    """
    before = bytes.fromhex(record.norm_digest)
    vetoes = tuple(bytes.fromhex(asker) for asker in record.vetoes)
    if identity.norm_digest == before:
        return vetoes, record.reach
    own = tuple(identity.norm_digest[:16] for asker in vetoes if asker == before[:16])
    return own, record.reach if len(own) == len(vetoes) else Strategy.EXACT


def embedding_of(vectors: Vectors | None, space: Space | None) -> Embedding | None:
    """The embedding of a line, its rows of unit length; None where it is of another space."""
    if vectors is None or space is None or vectors.space != space.name:
        return None
    if vectors.dimension != space.dimension:
        raise RequestError(f"`vectors` of this space have {space.dimension} components", field="vectors")
    try:
        halves = np.frombuffer(base64.b64decode(vectors.float16, validate=True), dtype="<f2")
    except (binascii.Error, ValueError) as error:
        raise RequestError("`vectors.float16` is no base64", field="vectors") from error
    weights = np.asarray(vectors.weights, dtype=np.float32)
    if halves.size != vectors.windows * vectors.dimension or weights.size != vectors.windows:
        raise RequestError("`vectors` do not have as many numbers as they say", field="vectors")
    rows = halves.astype(np.float32).reshape(vectors.windows, vectors.dimension)
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    if not (np.isfinite(norms).all() and (norms > 0).all() and np.isfinite(weights).all() and (weights > 0).all()):
        raise RequestError("`vectors` are not finite, or a row is zero", field="vectors")
    return Embedding(vectors.space, rows / norms[:, None], weights)


def moment(ms: int) -> datetime:
    """A time of the store's clock."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def to_ms(at: datetime) -> int:
    """Milliseconds since the epoch; a time without a zone is UTC."""
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _one_line(response: bytes) -> bytes:
    """JSON has line breaks between its tokens only."""
    return response.replace(b"\r", b" ").replace(b"\n", b" ") if b"\n" in response or b"\r" in response else response


def _vectors(embedding: Embedding | None) -> Vectors | None:
    if embedding is None:
        return None
    windows, dimension = embedding.vectors.shape
    halves = np.ascontiguousarray(embedding.vectors, dtype="<f2").tobytes()
    return Vectors(
        space=embedding.space,
        windows=windows,
        dimension=dimension,
        weights=[float(weight) for weight in embedding.weights],
        float16=base64.b64encode(halves).decode("ascii"),
    )


def _usage_line(entry: Entry) -> UsageLine | None:
    used = entry.usage
    return None if used is None else UsageLine(input_tokens=used.input_tokens, output_tokens=used.output_tokens)


def _usage(record: Record) -> Usage | None:
    used = record.usage
    return None if used is None else Usage(input_tokens=used.input_tokens, output_tokens=used.output_tokens)
