"""POST /admin/warm: a list of requests becomes a job that asks upstream for those that have no answer yet."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from semcache.errors import RequestError, TooLarge
from semcache.gateway.warm_list import MOST_BYTES, MOST_ITEMS, WarmItem, numbered, read_items, read_lines
from semcache.gateway.warming import MOST_AT_ONCE
from semcache.http.access import NAMESPACE_PATTERN
from semcache.http.answers import JobAccepted, encode
from semcache.http.bodies import Name, Namespace
from semcache.http.decoding import BodyDecoder
from semcache.http.exchange import Answer, Call


class WarmOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How to warm; with JSON lines these are parameters of the query."""

    model: Name | None = None
    """For what names no model."""
    namespace: Namespace | None = None
    """For what names no namespace."""
    budget_usd: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    """Begin nothing more once so much was spent; the operator's `warm.budget_usd` is an upper bound."""
    concurrency: Annotated[int, Meta(ge=1, le=MOST_AT_ONCE)] | None = None
    """Requests to upstream at a time."""


class WarmBody(WarmOptions, kw_only=True, forbid_unknown_fields=True):
    """What to warm. Each item is a prompt, or an object as on a line of JSON lines."""

    items: list[msgspec.Raw]


_NAMESPACE = re.compile(NAMESPACE_PATTERN)
_bodies = BodyDecoder(WarmBody)
_queries = BodyDecoder(WarmOptions)


async def warm(call: Call) -> Answer:
    """POST /admin/warm."""
    longest = call.site.settings.limits.body_bytes
    if _is_json(call):
        body = _bodies.decode(await call.body())
        options: WarmOptions = body
        raw = [bytes(item) for item in body.items]
        items = await asyncio.to_thread(
            read_items, raw, model=options.model, namespace=_chooser(call, options), longest=longest
        )
    else:
        options = _options(call)
        lines = await _lines(call)
        items = await asyncio.to_thread(
            read_lines, numbered(lines), model=options.model, namespace=_chooser(call, options), longest=longest
        )
    job_id = await _queue(call, items, options)
    return Answer(202, encode(JobAccepted(job_id)), [(b"location", f"/admin/jobs/{job_id}".encode())])


async def _queue(call: Call, items: list[WarmItem], options: WarmOptions) -> str:
    warmer = call.site.service.warmer
    if warmer is None:
        raise RequestError("this service asks no model provider: set SEMCACHE_UPSTREAM_BASE_URL")
    return await warmer.queue(
        items, who=call.credential.id, budget_usd=options.budget_usd, concurrency=options.concurrency
    )


def _is_json(call: Call) -> bool:
    """What curl sends with `-d` counts as JSON, as on all routes."""
    content_type = (call.header(b"content-type") or "").partition(";")[0].strip().lower()
    return content_type in ("application/json", "application/x-www-form-urlencoded")


def _chooser(call: Call, options: WarmOptions) -> Callable[[str | None], str]:
    header = call.header(b"x-cache-namespace")

    def choose(named: str | None) -> str:
        if named is not None and not _NAMESPACE.match(named):
            raise RequestError("a namespace has 1 to 128 letters, digits or any of `_.:@+/-`", field="namespace")
        return call.credential.choose(named if named is not None else options.namespace, header)

    return choose


async def _lines(call: Call) -> list[bytes]:
    lines: list[bytes] = []
    size = 0
    async for line in call.lines(call.site.settings.limits.body_bytes):
        size += len(line)
        if size > MOST_BYTES or len(lines) > 2 * MOST_ITEMS:  # comments and blank lines are lines too
            raise TooLarge(f"a list has at most {MOST_ITEMS} items and {MOST_BYTES} bytes: send it in parts")
        lines.append(line)
    return lines


def _options(call: Call) -> WarmOptions:
    given: dict[str, object] = {**call.query("model", "namespace", "budget_usd", "concurrency")}
    for name, kind in (("budget_usd", float), ("concurrency", int)):
        if name in given:
            given[name] = _number(name, str(given[name]), kind)
    return _queries.decode(msgspec.json.encode(given))


def _number(name: str, text: str, kind: Callable[[str], float]) -> float:
    try:
        number = kind(text)
        if math.isfinite(number):
            return number
    except ValueError:
        pass
    raise RequestError(f"`{name}` is a number", field=name)
