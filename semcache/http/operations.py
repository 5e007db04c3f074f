"""Operations: is it up, can it answer, what does it count."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from semcache import __version__
from semcache.errors import Unavailable
from semcache.http.answers import encode
from semcache.http.exchange import Answer, Call
from semcache.http.metrics import CONTENT_TYPE


class Up(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str
    version: str


class Readiness(msgspec.Struct, frozen=True):
    """Whether requests can be answered, and which parts do less than they should."""

    status: str
    """`ready`, `starting` or `draining`."""
    degraded: dict[str, str]
    """Part -> what is wrong with it."""
    parts: dict[str, dict[str, Any]]


async def healthz(call: Call) -> Answer:
    """GET /healthz."""
    return Answer(200, encode(Up("up", __version__)))


async def readyz(call: Call) -> Answer:
    """GET /readyz."""
    site = call.site
    if site.draining or not site.started:
        status = "draining" if site.draining else "starting"
        return Answer(503, encode(Readiness(status, {}, {})), [(b"retry-after", b"1")])
    parts = await site.service.health()
    degraded = {name: _complaint(part) for name, part in parts.items() if _complaint(part)}
    return Answer(200, encode(Readiness("ready", degraded, parts)))


async def metrics(call: Call) -> Answer:
    """GET /metrics."""
    service = call.site.service
    jobs: Counter[str] = Counter()
    try:
        jobs.update(job.state for job in await service.jobs.recent())
    except Unavailable as error:
        service.observers.degraded("store", error.code)
    text = call.site.metrics.render(await service.health(), jobs, service.near, service.cache.remembered)
    return Answer(200, text, content_type=CONTENT_TYPE)


def _complaint(part: dict[str, Any]) -> str:
    """What is wrong with a part; "" where nothing is."""
    if not part["ok"]:
        return str(part.get("detail") or "not ready")
    return "; ".join(part.get("warnings", ()))
