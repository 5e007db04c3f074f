"""The lasting history of invalidations: who, when, what, how many. A capped stream in the store.

Each invalidation writes a line before it begins and one at its end, so that one that broke off is seen too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from semcache.ports import Control

HISTORY_CAP: Final = 20_000
"""Lines kept: two an invalidation, three where it went on as a job."""
_HISTORY: Final = "invalidations"


class PastInvalidation(msgspec.Struct, frozen=True, kw_only=True):
    """An invalidation. `at_ms` is the store's clock; `state`: `started` (or broken off), `job`, `cancelled`, `done`."""

    invalidation_id: str
    at_ms: int
    who: str
    selector: dict[str, Any]
    state: str
    matched: int
    deleted: int
    dry_run: bool
    job_id: str | None = None


class InvalidationHistory:
    """Writes and reads the history."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def write(self, fields: Mapping[str, str], invalidation_id: str = "") -> str:
        """Write a line of an invalidation, the first without its id. Returns the id: a stream id, so the store's clock.

        Raises StoreUnavailable.
        """
        line = {**fields, "of": invalidation_id} if invalidation_id else fields
        stream_id = await self._control.append(_HISTORY, line, cap=HISTORY_CAP)
        return invalidation_id or stream_id

    async def newest(self, count: int = 100) -> list[PastInvalidation]:
        """The newest invalidations, newest first. Raises StoreUnavailable."""
        newest: dict[str, PastInvalidation] = {}
        for stream_id, fields in await self._control.tail(_HISTORY, count=3 * count, newest=True):
            invalidation_id = fields.get("of", stream_id)
            if invalidation_id not in newest:
                newest[invalidation_id] = _past(invalidation_id, fields)
        ordered = sorted(newest.values(), key=lambda past: _stream_order(past.invalidation_id), reverse=True)
        return ordered[:count]


def _past(invalidation_id: str, fields: Mapping[str, str]) -> PastInvalidation:
    return PastInvalidation(
        invalidation_id=invalidation_id,
        at_ms=int(invalidation_id.split("-")[0]),
        who=fields["who"],
        selector=json.loads(fields["selector"]),
        state=fields["state"],
        matched=int(fields.get("matched", "0")),
        deleted=int(fields.get("deleted", "0")),
        dry_run=fields["dry_run"] == "1",
        job_id=fields.get("job") or None,
    )


def _stream_order(stream_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = stream_id.partition("-")
    return int(milliseconds), int(sequence)
