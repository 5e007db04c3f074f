"""The admin plane as calls; they need the admin key, or an API key with the role `admin`. Nothing is sent here.

All raise ClientError and CacheUnavailable; none fails open.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from semcache.client.answers import Invalidation, Job, PastInvalidation
from semcache.client.calls import encode, given, reader
from semcache.client.core import Call


class _Submitted(msgspec.Struct, frozen=True):
    job_id: str


class _History(msgspec.Struct, frozen=True):
    invalidations: list[PastInvalidation]


_submitted: Final = reader(_Submitted)
_job: Final = reader(Job)
_invalidation: Final = reader(Invalidation)
_history: Final = reader(_History)
_object: Final[Callable[[bytes], dict[str, Any]]] = msgspec.json.Decoder(dict[str, Any]).decode


def rebuild(*, namespace: str | None = None, reembed: bool = False) -> Call[str]:
    """Build the vector index anew while lookups go on; returns the job's id.

    Of one namespace, or the whole; `reembed` computes every vector again.
    """
    body = {"namespace": namespace, "reembed": reembed}
    return Call("POST", "/admin/index/rebuild", lambda raw: _submitted(raw).job_id, encode(given(body)))


def job(job_id: str) -> Call[Job]:
    """How a job is going."""
    return Call("GET", _job_path(job_id), _job)


def cancel(job_id: str) -> Call[Job]:
    """Stop a job between two of its steps; a finished one stays as it is."""
    return Call("DELETE", _job_path(job_id), _job)


def invalidate(
    *,
    namespace: str | None = None,
    model: str | None = None,
    model_version: str | None = None,
    tags: Sequence[str] | None = None,
    older_than_s: float | None = None,
    prefix: str | None = None,
    contains: str | None = None,
    pattern: str | None = None,
    similar_to: str | None = None,
    threshold: float | None = None,
    entry_ids: Sequence[str] | None = None,
    all: bool = False,
    dry_run: bool = False,
) -> Call[Invalidation]:
    """Make entries unservable, now and for fills under way. At least one selector; all that are given must hold.

    Within the client's namespace if it has one. Where many match it goes on as a job: see `job_id` and `wait`.
    """
    body = {
        "namespace": namespace,
        "model": model,
        "model_version": model_version,
        "tags": tags,
        "older_than_s": older_than_s,
        "prefix": prefix,
        "contains": contains,
        "pattern": pattern,
        "similar_to": similar_to,
        "threshold": threshold,
        "entry_ids": entry_ids,
        "all": all or None,
        "dry_run": dry_run or None,
    }
    return Call("POST", "/admin/invalidate", _invalidation, encode(given(body)))


def invalidations(*, count: int = 100) -> Call[list[PastInvalidation]]:
    """The newest invalidations, newest first."""
    query = {"count": str(count)}
    return Call("GET", "/admin/invalidations", lambda raw: _history(raw).invalidations, query=query)


def config() -> Call[dict[str, Any]]:
    """The effective settings, secrets redacted."""
    return Call("GET", "/admin/config", _object)


def wait(job_id: str, *, poll_s: float = 0.25) -> Generator[Call[Job] | float, Any, Job]:
    """Wait until a job has finished; returns how. A script: it yields calls, and seconds to pause between them."""
    while True:
        found: Job = yield job(job_id)
        if found.finished:
            return found
        yield poll_s


def _job_path(job_id: str) -> str:
    return f"/admin/jobs/{quote(job_id, safe='')}"
