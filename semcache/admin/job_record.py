"""A job as the store keeps it: one hash, written by whoever has its lease, read by every replica.

Knows the fields and what they mean; when a job is done, and by whom, is for `jobs`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from semcache.errors import NotFound
from semcache.ports import Control

KEEP_S: Final = 7 * 86400.0
"""How long a job can be asked for after its last change."""
FINISHED: Final = frozenset({"done", "failed", "cancelled"})

Scope = Literal["one", "each"]


class JobContext:
    """What a handler has of its job: report with `progress`, look at `cancelled` between batches."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.cancelled = False
        self.done = 0
        self.total = 0

    def progress(self, done: int, total: int) -> None:
        """Say how far the work has come. Cheap: it is written to the store at most twice a second."""
        self.done, self.total = done, total


class ReplicaState(msgspec.Struct, frozen=True, kw_only=True):
    """How one replica stands with a job of scope `each`. Times are seconds since the epoch by its own clock."""

    state: str
    done: int = 0
    total: int = 0
    started_s: float = 0.0
    updated_s: float = 0.0
    error: str = ""


class JobStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A job as any replica reports it. `rate` is items a second, `eta_s` seconds to go; None while unknown."""

    job_id: str
    kind: str
    scope: str
    state: str
    """`queued`, `running`, `done`, `failed` or `cancelled`."""
    who: str
    params: dict[str, Any]
    submitted_s: float
    done: int
    total: int
    rate: float | None
    eta_s: float | None
    error: str | None
    result: dict[str, Any] | None
    replicas: dict[str, ReplicaState]

    @property
    def finished(self) -> bool:
        """Whether it will not change any more."""
        return self.state in FINISHED


class JobRecords:
    """Reads and writes the hashes of jobs."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def read(self, job_id: str) -> dict[str, str]:
        """The fields of a job. Raises NotFound, StoreUnavailable."""
        fields = await self._control.hget_all(f"job:{job_id}")
        if "state" not in fields:
            raise NotFound(f"there is no job {job_id!r}; finished ones are kept for 7 days", field="job_id")
        return fields

    async def write(self, job_id: str, fields: Mapping[str, str]) -> None:
        """Change fields of a job; it is kept for KEEP_S from now. Raises StoreUnavailable."""
        await self._control.hset(f"job:{job_id}", fields, ttl_s=KEEP_S)


class Reporter:
    """Writes what a running job has come to, only when it changed."""

    def __init__(
        self,
        records: JobRecords,
        context: JobContext,
        *,
        replica_id: str,
        scope: Scope,
        attempts: int,
        clock: Callable[[], float],
    ) -> None:
        self._records = records
        self._context = context
        self._replica_id = replica_id
        self._scope = scope
        self._attempts = attempts
        self._clock = clock
        self._started_s = clock()
        self._written = (-1, -1)

    async def report(self) -> None:
        """Write progress if there is any, and take in a cancellation."""
        context = self._context
        fields = await self._records.read(context.job_id)
        if "cancel" in fields:
            context.cancelled = True
        if (context.done, context.total) != self._written:
            await self.write("running")

    async def write(self, state: str, *, job_state: str = "", error: str = "", result: str = "") -> None:
        """Write how this replica stands, and with `job_state` how the whole job does."""
        context = self._context
        self._written = (context.done, context.total)
        now = self._clock()
        fields = {
            "done": str(context.done),
            "total": str(context.total),
            "started_s": repr(self._started_s),
            "updated_s": repr(now),
            "error": error,
        }
        if job_state:
            fields["state"] = job_state
        if result:
            fields["result"] = result
        if self._scope == "one":
            fields["attempts"] = str(self._attempts)
        else:
            fields[f"attempts:{self._replica_id}"] = str(self._attempts)
            fields[f"replica:{self._replica_id}"] = json.dumps(
                msgspec.to_builtins(
                    ReplicaState(
                        state=state,
                        done=context.done,
                        total=context.total,
                        started_s=self._started_s,
                        updated_s=now,
                        error=error,
                    )
                )
            )
        await self._records.write(context.job_id, fields)


def replica_states(fields: Mapping[str, str]) -> dict[str, ReplicaState]:
    """How each replica stands that has begun."""
    return {
        name.removeprefix("replica:"): msgspec.json.decode(value, type=ReplicaState)
        for name, value in fields.items()
        if name.startswith("replica:")
    }


def status_of(job_id: str, fields: Mapping[str, str]) -> JobStatus:
    """What to report of a job."""
    done, total = int(fields.get("done", "0")), int(fields.get("total", "0"))
    spent = float(fields.get("updated_s", "0")) - float(fields.get("started_s", "0"))
    rate = done / spent if done and spent > 0 else None
    state = fields["state"]
    if state == "queued" and "cancel" in fields:
        state = "cancelled"
    running = state == "running" and rate is not None and total >= done
    return JobStatus(
        job_id=job_id,
        kind=fields["kind"],
        scope=fields["scope"],
        state=state,
        who=fields["who"],
        params=json.loads(fields["params"]),
        submitted_s=float(fields["submitted_s"]),
        done=done,
        total=total,
        rate=rate,
        eta_s=(total - done) / rate if running and rate else None,
        error=fields.get("error") or None,
        result=json.loads(fields["result"]) if fields.get("result") else None,
        replicas=replica_states(fields),
    )
