"""The data plane as calls: each function says what is sent and how the answer reads. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from semcache.client.answers import Accepted, EntryRecord, Lookup, Readiness, Stored
from semcache.client.core import Call
from semcache.client.errors import ClientError
from semcache.client.items import Context, LookupItem, Messages, StoreItem, Strategy

T = TypeVar("T")


def plain(value: Any) -> Any:
    """A member of a str, int or float subclass as the plain value it is. Raises TypeError for what is no JSON."""
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind.__str__(value) if kind is str else kind(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


encode: Final = msgspec.json.Encoder(enc_hook=plain).encode
encode_sorted: Final = msgspec.json.Encoder(enc_hook=plain, order="sorted").encode
"""The same bytes for the same value, in whatever order its objects were made."""


def reader(kind: type[T]) -> Callable[[bytes], T]:
    """Reads a body as one type."""
    return msgspec.json.Decoder(kind).decode


_lookup: Final = reader(Lookup)
_stored: Final = reader(Stored)
_entry: Final = reader(EntryRecord)
_accepted: Final = reader(Accepted)
_ready: Final = reader(Readiness)
_object: Final[Callable[[bytes], dict[str, Any]]] = msgspec.json.Decoder(dict[str, Any]).decode


def lookup(
    prompt: str | None = None,
    *,
    model: str,
    messages: Messages | None = None,
    model_version: str = "",
    namespace: str | None = None,
    params: Mapping[str, Any] | None = None,
    user: str | None = None,
    strategy: Strategy | None = None,
    context: Context | None = None,
    threshold: float | None = None,
    max_age_s: float | None = None,
) -> Call[Lookup]:
    """Find an answer to serve: `.hit`, `.response` and its evidence, or the `.reason` why there is none.

    Fails open: a cache that is down or slow is a miss with the reason `cache_unavailable`. Raises ClientError for a
    call that the service refuses.
    """
    return find(
        LookupItem(
            prompt=prompt,
            messages=messages,
            model=model,
            model_version=model_version,
            namespace=namespace,
            params=params or {},
            user=user,
            strategy=strategy,
            context=context,
            threshold=threshold,
            max_age_s=max_age_s,
        )
    )


def find(item: LookupItem) -> Call[Lookup]:
    """The same for a value made before."""
    return Call("POST", "/v1/lookup", _lookup, encode(item), instead=_no_lookup, quick=True)


def store(
    prompt: str | None = None,
    *,
    model: str,
    response: Any,
    messages: Messages | None = None,
    model_version: str = "",
    namespace: str | None = None,
    params: Mapping[str, Any] | None = None,
    user: str | None = None,
    strategy: Strategy | None = None,
    context: Context | None = None,
    fill_token: str | None = None,
    ttl_s: float | None = None,
    tags: Sequence[str] = (),
    usage: Mapping[str, int] | None = None,
    cost_usd: float | None = None,
    latency_ms: float | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Call[Stored]:
    """Keep an answer (any JSON) for the request that a lookup would ask with the same arguments.

    Fails open: a cache that is down gives `Stored(stored=False, reason="cache_unavailable")`. Raises ClientError for
    a call that the service refuses.
    """
    return keep(
        StoreItem(
            prompt=prompt,
            messages=messages,
            model=model,
            model_version=model_version,
            namespace=namespace,
            params=params or {},
            user=user,
            strategy=strategy,
            context=context,
            response=response,
            fill_token=fill_token,
            ttl_s=ttl_s,
            tags=tags,
            usage=usage,
            cost_usd=cost_usd,
            latency_ms=latency_ms,
            metadata=metadata,
        )
    )


def keep(item: StoreItem) -> Call[Stored]:
    """The same for a value made before."""
    return Call("POST", "/v1/store", _stored, encode(item), instead=_not_stored, quick=True)


def lookup_many(items: Iterable[LookupItem | Mapping[str, Any]]) -> Call[list[Lookup]]:
    """Many lookups in one call: one outcome per item, in order. Raises ClientError where one was a mistake."""
    asked = list(items)
    return Call(
        "POST",
        "/v1/lookup/batch",
        lambda body: _each(body, _lookup, _no_lookup),
        encode({"items": asked}),
        instead=lambda reason: [_no_lookup(reason) for _ in asked],
    )


def store_many(items: Iterable[StoreItem | Mapping[str, Any]]) -> Call[list[Stored]]:
    """Many stores in one call: one outcome per item, in order. Raises ClientError where one was a mistake; the others
    are stored all the same.
    """
    asked = list(items)
    return Call(
        "POST",
        "/v1/store/batch",
        lambda body: _each(body, _stored, _not_stored),
        encode({"items": asked}),
        instead=lambda reason: [_not_stored(reason) for _ in asked],
    )


def entry(entry_id: str) -> Call[EntryRecord | None]:
    """One entry; None where there is none in the namespaces open to the key. Raises ClientError, CacheUnavailable."""
    return Call("GET", f"/v1/entries/{quote(entry_id, safe='')}", _entry, missing=_none)


def delete(entry_id: str) -> Call[bool]:
    """Delete one entry everywhere; False where there was none. Raises ClientError, CacheUnavailable."""
    return Call("DELETE", f"/v1/entries/{quote(entry_id, safe='')}", _true, missing=_false)


def feedback(
    *,
    correct: bool,
    request_id: str | None = None,
    entry_id: str | None = None,
    prompt: str | None = None,
    messages: Sequence[Mapping[str, Any]] | None = None,
    answer: Any = None,
    user: str | None = None,
) -> Call[Accepted]:
    """Say whether a hit was right: a wrong one is never served to that prompt again, `correct=True` takes that back.

    Name the hit by its `request_id`, or by `entry_id` and the asking `prompt` (the asking `messages`, where earlier
    turns may be worded otherwise). `answer` is the right answer (any JSON), kept to learn from; `user` says whose word
    it is, where a program passes on what its users say. Raises ClientError, CacheUnavailable.
    """
    body = {
        "correct": correct,
        "request_id": request_id,
        "entry_id": entry_id,
        "prompt": prompt,
        "messages": messages,
        "answer": answer,
        "user": user,
    }
    return Call("POST", "/v1/feedback", _accepted, encode(given(body)))


def stats(*, namespace: str | None = None) -> Call[dict[str, Any]]:
    """What the cache did and saved, as `GET /v1/stats` says it. Raises ClientError, CacheUnavailable."""
    return Call("GET", "/v1/stats", _object, query={"namespace": namespace} if namespace is not None else {})


def readyz() -> Call[Readiness]:
    """Whether requests can be answered, and which parts are degraded. Raises CacheUnavailable where nobody answers."""
    return Call("GET", "/readyz", _ready, also=(503,))


def given(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body without what was not given."""
    return {name: value for name, value in body.items() if value is not None}


class _Batch(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw]


class _Failed(msgspec.Struct, frozen=True):
    status: int = 0
    code: str | None = None
    detail: str = ""
    field: str | None = None
    request_id: str | None = None


_batch: Final = reader(_Batch)
_failed: Final = reader(_Failed)


def _each(body: bytes, read: Callable[[bytes], T], instead: Callable[[str], T]) -> list[T]:
    """The outcomes of a batch. Raises ClientError for the first item that was a mistake of the caller."""
    outcomes = []
    for raw in _batch(body).items:
        failed = _failed(bytes(raw))
        if failed.code is None:
            outcomes.append(read(bytes(raw)))
        elif failed.status >= 500 or failed.status == 413:
            outcomes.append(instead(failed.code))
        else:
            raise ClientError(
                failed.detail,
                status=failed.status,
                code=failed.code,
                field=failed.field,
                request_id=failed.request_id,
            )
    return outcomes


def _no_lookup(reason: str) -> Lookup:
    return Lookup(reason=reason)


def _not_stored(reason: str) -> Stored:
    return Stored(stored=False, reason=reason)


def _none() -> None:
    return None


def _true(body: bytes) -> bool:
    return True


def _false() -> bool:
    return False
