"""How often semantic hits are wrong, as far as comparisons told: a part of `GET /v1/stats`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from semcache.errors import Unavailable
from semcache.http.exchange import Call
from semcache.policy import intervals

_LEVEL: Final = 0.975
"""Of each end: together an interval of 95 %."""


async def quality(call: Call, namespace: str | None) -> dict[str, Any] | None:
    """By namespace: what shadow mode would have served wrong, how verified mode's bound stands, what a judge said.

    None while the store cannot tell.
    """
    service = call.site.service
    try:
        labels = await service.labels.namespaces()
        bounded = await service.verified.names()
        judged = await service.judge.counts() if service.judge is not None else {}
        found: dict[str, dict[str, Any]] = {}
        for name in sorted({*labels, *bounded, *judged}):
            if not call.credential.opens(name) or namespace not in (None, name):
                continue
            told = shadow(labels.get(name, {}))
            one: dict[str, Any] = {"shadow": told} if told is not None else {}
            if name in bounded:
                report = msgspec.to_builtins(await service.verified.report(name))
                one["verified"] = {"bound": service.verified.bound(name).alpha, **report}
            if name in judged:
                one["judge"] = judged[name]
            if one:
                found[name] = one
    except Unavailable as error:
        service.observers.degraded("store", error.code, str(error))
        return None
    return found


def shadow(counts: Mapping[str, int]) -> dict[str, Any] | None:
    """Of the hits that shadow mode withheld and could compare: how many were wrong, and the rate with its interval.

    The interval is exact (Clopper-Pearson, 95 %). None where nothing was compared.
    """
    wrong = counts.get("shadow:other", 0)
    compared = wrong + counts.get("shadow:same", 0)
    if not compared:
        return None
    return {
        "compared": compared,
        "wrong": wrong,
        "false_hit_rate": wrong / compared,
        "low": intervals.lower(wrong, compared, _LEVEL),
        "high": intervals.upper(wrong, compared, _LEVEL),
    }
