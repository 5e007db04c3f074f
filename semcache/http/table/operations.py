"""What operators and their tools ask of a process."""

from __future__ import annotations

import functools
from typing import Final

from semcache.http import operations
from semcache.http.access import Role
from semcache.http.routes import Reply, Route

_call = functools.partial(Route, tag="Operations")

ROUTES: Final[list[Route]] = [
    _call(
        method="GET",
        path="/healthz",
        handler=operations.healthz,
        before_start=True,
        summary="Whether the process is up",
        replies={200: Reply("It is.", operations.Up)},
    ),
    _call(
        method="GET",
        path="/readyz",
        handler=operations.readyz,
        before_start=True,
        summary="Whether requests can be answered, and which parts are degraded",
        replies={
            200: Reply("They can.", operations.Readiness),
            503: Reply("Starting, or draining.", operations.Readiness),
        },
    ),
    _call(
        method="GET",
        path="/metrics",
        handler=operations.metrics,
        role=Role.READ,
        all_namespaces=True,
        summary="Prometheus metrics",
        replies={200: Reply("Prometheus text format.", str)},
    ),
]
