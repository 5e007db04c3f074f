"""The admin plane as calls; they need the admin key, or an API key with the role `admin`. Nothing is sent here.

All raise ClientError and CacheUnavailable; none fails open.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from semcache.client.answers import Imported, Invalidation, Job, PastInvalidation
from semcache.client.calls import encode, given, reader
from semcache.client.core import Call
from semcache.client.errors import CacheUnavailable


class _Submitted(msgspec.Struct, frozen=True):
    job_id: str


class _History(msgspec.Struct, frozen=True):
    invalidations: list[PastInvalidation]


_submitted: Final = reader(_Submitted)
_job: Final = reader(Job)
_invalidation: Final = reader(Invalidation)
_imported: Final = reader(Imported)
_EXPORT_END: Final = b'{"semcache_export_end":'
_LINES_TYPE: Final = "application/x-ndjson"
_PART_BYTES: Final = 4_000_000
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


def warm(
    items: Iterable[str | Mapping[str, Any]],
    *,
    model: str | None = None,
    namespace: str | None = None,
    budget_usd: float | None = None,
    concurrency: int | None = None,
) -> Call[str]:
    """Have the service ask the model's provider for what has no answer yet; returns the job's id.

    An item is a prompt, the body of a chat completion, or `{"route": "/v1/messages", "body": {...}, "tags": [...]}`.
    `model` is for prompts that name none; nothing more is begun once `budget_usd` was spent.
    """
    body = {
        "items": list(items),
        "model": model,
        "namespace": namespace,
        "budget_usd": budget_usd,
        "concurrency": concurrency,
    }
    return Call("POST", "/admin/warm", lambda raw: _submitted(raw).job_id, encode(given(body)))


def export(*, namespace: str | None = None, vectors: bool = True, after: str | None = None) -> Call[bytes]:
    """All entries as JSON lines, to be streamed."""
    query = {"namespace": namespace, "vectors": "true" if vectors else "false", "after": after}
    return Call("GET", "/admin/export", bytes, query=given(query))


class ExportLines:
    """An export's bytes, however they are cut, as whole lines with their ends; knows whether the last one came."""

    def __init__(self) -> None:
        self._rest = b""
        self._whole = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that a chunk completes."""
        *lines, self._rest = (self._rest + chunk).splitlines(keepends=True) or [b""]
        if self._rest.endswith(b"\n"):
            lines.append(self._rest)
            self._rest = b""
        if lines:
            self._whole = lines[-1].startswith(_EXPORT_END)
        return lines

    def end(self) -> None:
        """Raises CacheUnavailable where the last line is missing."""
        if not self._whole:
            raise CacheUnavailable("the export broke off; go on with `after`, the `entry_id` of its last line")


def import_(lines: Iterable[bytes]) -> Generator[Call[Imported], Imported, Imported]:
    """Take the lines of an export, some megabytes at a time. A script."""
    total, first = Imported(), 1
    for part in _parts(lines):
        came: Imported = yield Call("POST", "/admin/import", _imported, b"".join(part), content_type=_LINES_TYPE)
        total = _sum(total, came, first)
        first += len(part)
    return total


def _parts(lines: Iterable[bytes]) -> Iterable[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for line in lines:
        part.append(line if line.endswith(b"\n") else line + b"\n")
        size += len(line)
        if size >= _PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _sum(total: Imported, part: Imported, first: int) -> Imported:
    counts = {name: getattr(total, name) + getattr(part, name) for name in _COUNTS}
    moved = tuple(msgspec.structs.replace(problem, line=problem.line + first - 1) for problem in part.problems)
    return Imported(**counts, problems=total.problems + moved)


_COUNTS: Final = [name for name in Imported.__struct_fields__ if name != "problems"]


def _job_path(job_id: str) -> str:
    return f"/admin/jobs/{quote(job_id, safe='')}"
