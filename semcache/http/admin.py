"""The admin plane: rebuild, jobs, invalidation and its history, the effective settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from semcache.admin.jobs import JobStatus
from semcache.errors import Forbidden, RequestError
from semcache.http.access import Credential
from semcache.http.answers import JobAccepted, encode, moment
from semcache.http.bodies import InvalidateBody, RebuildBody
from semcache.http.data import require_comparable
from semcache.http.decoding import BodyDecoder
from semcache.http.exchange import Answer, Call
from semcache.http.learning import of_tunings
from semcache.http.routes import require_all_namespaces
from semcache.policy.selection import check_selector

_rebuilds = BodyDecoder(RebuildBody)
_invalidations = BodyDecoder(InvalidateBody)
_MOST_HISTORY = 1000


class InvalidationAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an invalidation came to; with `job_id` it goes on, and the counts are those up to now."""

    matched: int
    deleted: int
    invalidation_id: str
    dry_run: bool
    unjudged: int
    """With `similar_to`: entries left alone because they have no vectors yet."""
    job_id: str | None = None


class PastInvalidationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the history."""

    invalidation_id: str
    at: datetime
    who: str
    selector: dict[str, Any]
    state: str
    matched: int
    deleted: int
    dry_run: bool
    job_id: str | None


class HistoryAnswer(msgspec.Struct, frozen=True):
    """The newest invalidations, newest first."""

    invalidations: list[PastInvalidationAnswer]


async def rebuild(call: Call) -> Answer:
    """POST /admin/index/rebuild."""
    raw = await call.body()
    body = _rebuilds.decode(raw) if raw.strip() else RebuildBody()
    if body.namespace is None:
        require_all_namespaces(call.credential)
    else:
        call.credential.choose(body.namespace, None)
    params = {"namespace": body.namespace, "reembed": body.reembed}
    job_id = await call.site.service.jobs.submit("rebuild", params, who=call.credential.id)
    return Answer(202, encode(JobAccepted(job_id)), [(b"location", f"/admin/jobs/{job_id}".encode())])


async def get_job(call: Call) -> Answer:
    """GET /admin/jobs/{job_id}."""
    status = await call.site.service.jobs.get(call.path("job_id"))
    _may_see_job(call, status)
    return Answer(200, encode(status))


async def cancel_job(call: Call) -> Answer:
    """DELETE /admin/jobs/{job_id}."""
    jobs = call.site.service.jobs
    job_id = call.path("job_id")
    _may_see_job(call, await jobs.get(job_id))
    return Answer(202, encode(await jobs.cancel(job_id)))


async def invalidate(call: Call) -> Answer:
    """POST /admin/invalidate."""
    body = _invalidations.decode(await call.body())
    credential = call.credential
    require_comparable(call, body.similar_to, "similar_to")
    check_selector(body.selector())  # a header narrows, and selects nothing by itself
    namespace = body.namespace
    if namespace is None and (header := call.header(b"x-cache-namespace")) is not None:
        namespace = credential.choose(None, header)
    selector = msgspec.structs.replace(body.selector(), namespace=namespace)
    allowed = None if credential.namespaces is None else frozenset(credential.namespaces)
    result = await call.site.service.invalidator.invalidate(
        selector, who=credential.id, allowed=allowed, dry_run=body.dry_run
    )
    answer = InvalidationAnswer(
        matched=result.matched,
        deleted=result.deleted,
        invalidation_id=result.invalidation_id,
        dry_run=result.dry_run,
        unjudged=result.unjudged,
        job_id=result.job_id,
    )
    return Answer(202 if result.job_id is not None else 200, encode(answer))


async def invalidations(call: Call) -> Answer:
    """GET /admin/invalidations."""
    count = _count(call.query("count").get("count"))
    credential = call.credential
    past = await call.site.service.invalidator.history(count)
    lines = [
        PastInvalidationAnswer(
            invalidation_id=one.invalidation_id,
            at=moment(one.at_ms),
            who=one.who,
            selector=one.selector,
            state=one.state,
            matched=one.matched,
            deleted=one.deleted,
            dry_run=one.dry_run,
            job_id=one.job_id,
        )
        for one in past
        if _may_see(credential, one.selector.get("namespace"), one.who)
    ]
    return Answer(200, encode(HistoryAnswer(lines)))


async def config(call: Call) -> Answer:
    """GET /admin/config."""
    tuned = call.site.service.tunings.all()
    shown = call.site.settings.redacted()
    if tuned:
        shown["tuned"] = {cuts.namespace: cuts for cuts in of_tunings(tuned, call.site.settings, call)}
    return Answer(200, encode(shown))


def _may_see_job(call: Call, status: JobStatus) -> None:
    """A key of some namespaces sees its own jobs, and those about a namespace of its."""
    credential = call.credential
    namespace = status.params.get("namespace") or status.params.get("selector", {}).get("namespace")
    if not _may_see(credential, namespace, status.who):
        raise Forbidden("this job concerns namespaces that your key does not open")


def _may_see(credential: Credential, namespace: str | None, who: str) -> bool:
    """What names no namespace may touch all of them, and is for its author and for who opens all."""
    if credential.namespaces is None or who == credential.id:
        return True
    return namespace in credential.namespaces


def _count(text: str | None) -> int:
    if text is None:
        return 100
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST_HISTORY:
        raise RequestError(f"`count` is a number from 1 to {_MOST_HISTORY}", field="count")
    return int(text)
