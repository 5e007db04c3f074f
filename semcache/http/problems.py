"""Errors at the edge: every one becomes an RFC 9457 problem document, never HTML and never a stack trace."""

from __future__ import annotations

import http
import re
from typing import Final

import msgspec

from semcache.errors import (
    NotCached,
    NoUpstream,
    RateLimited,
    RequestError,
    SemcacheError,
    Unavailable,
    UpstreamUnavailable,
)
from semcache.http.exchange import Answer

PROBLEM_TYPE: Final = "application/problem+json"
_TYPE_PREFIX: Final = "urn:semcache:problem:"
_INDEX = re.compile(r"\.(\d+)(?=\.|$)")
_LONGEST_FIELD: Final = 200
"""Characters: a path may be made of the caller's own keys."""


class FieldError(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request."""

    field: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An RFC 9457 problem document. `code` is stable and meant for programs, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    """JSON path of the offending field, as `items[2].model`."""
    errors: tuple[FieldError, ...] = ()
    retry_after: int | None = None
    """Seconds until the same request may pass, where the caller's rate is spent."""
    request_id: str | None = None
    """The `X-Request-Id` of the call, by which the log finds it."""


def problem(status: int, code: str, detail: str, *, field: str | None = None, request_id: str | None = None) -> Problem:
    """A problem document."""
    return Problem(
        type=_TYPE_PREFIX + code,
        title=http.HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        field=field,
        errors=(FieldError(field, detail),) if field is not None else (),
        request_id=request_id,
    )


def of_error(error: SemcacheError, request_id: str | None = None, *, within: str = "") -> Problem:
    """The problem that an error is to its caller. `within` is the path of the batch item it happened in."""
    field = None
    if isinstance(error, RequestError):
        field = _INDEX.sub(r"[\1]", error.field[:_LONGEST_FIELD])
        if within:
            field = f"{within}.{field}" if field and not field.startswith("[") else within + field
    detail = str(error)
    if isinstance(error, Unavailable) and not isinstance(error, _FOR_CALLERS):
        detail = _UNAVAILABLE.get(error.code, "a dependency of the cache is not available; try again soon")
    found = problem(error.status, error.code, detail, field=field or None, request_id=request_id)
    if isinstance(error, RateLimited):
        return msgspec.structs.replace(found, retry_after=error.retry_after_s)
    return found


def unexpected(request_id: str | None = None) -> Problem:
    """The problem of a defect: says nothing but where to look."""
    return problem(
        500, "internal", "an unexpected error; the service's log has it under this request id", request_id=request_id
    )


def answer(found: Problem) -> Answer:
    """The response that carries a problem."""
    headers: list[tuple[bytes, bytes]] = []
    if found.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="semcache"'))
    elif found.retry_after is not None:
        headers.append((b"retry-after", b"%d" % found.retry_after))
    elif found.status == 503:
        headers.append((b"retry-after", b"1"))
    elif found.status == 413:  # the rest of the body was not read
        headers.append((b"connection", b"close"))
    return Answer(found.status, msgspec.json.encode(found), headers, content_type=PROBLEM_TYPE.encode())


_FOR_CALLERS: Final = (NotCached, NoUpstream, UpstreamUnavailable)
"""What the gateway says of upstream is meant for its callers; other dependencies are the operator's business."""
_UNAVAILABLE: Final = {
    "store_unavailable": "the store cannot be reached; try again soon",
    "store_timeout": "the store did not answer in time; try again soon",
    "store_full": "the store is at its memory bound and found nothing to evict",
}
