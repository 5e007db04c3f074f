"""Admin work that outlives a request: submitted by one replica, done by any or by each, reported by all.

A job is a hash in the store (`job:<id>`); a control stream tells the replicas that it is there. Two scopes:

    one     one replica does it: whoever holds the job's lease. It renews the lease while it works; when it dies, the
            lease runs out and another replica starts the job over.
    each    every replica that was alive at submission does it, in turn, under one lease for the kind of job. A
            replica that dies meanwhile is left out.

So a handler may run more than once: it must be idempotent. A broken dependency interrupts a job and does not fail it
at once: the job is taken up again after a pause that doubles, `ATTEMPTS` times in all. What a job does is its
handler's business; this module knows none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal

from semcache.admin.job_record import (
    FINISHED,
    JobContext,
    JobRecords,
    JobStatus,
    Reporter,
    Scope,
    replica_states,
    status_of,
)
from semcache.errors import RequestError, SemcacheError, StoreUnavailable, Unavailable
from semcache.ports import Control

log = logging.getLogger(__name__)

ATTEMPTS: Final = 5
_STREAM: Final = "jobs"
_STREAM_CAP: Final = 1000
_RECENT: Final = 20
"""Jobs that are told of without being named."""

Handler = Callable[[dict[str, Any], JobContext], Awaitable[Mapping[str, Any] | None]]
"""Does the work; returns what to show as the job's `result`. Raises SemcacheError to fail with a reason."""


class Jobs:
    """Submits, runs and reports jobs for one replica. `run` must be running for jobs to be done here."""

    def __init__(
        self,
        control: Control,
        replica_id: str,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        poll_s: float = 0.5,
        lease_s: float = 10.0,
        describe: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`clock` (Unix seconds) stamps what is written; every interval is measured by `monotonic`, which is never set.

        `describe` adds fields (index rows, lag, ...) to this replica's heartbeat.
        """
        self._control = control
        self._records = JobRecords(control)
        self.replica_id = replica_id
        self._clock = clock
        self._monotonic = monotonic
        self._poll_s = poll_s
        self._lease_s = lease_s
        self._describe = describe
        self._handlers: dict[str, tuple[Scope, Handler]] = {}
        self._open: dict[str, None] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._resume_at: dict[str, float] = {}
        self._after = "0-0"
        self._started_s = clock()
        self.failures = 0
        """Rounds of the runner that failed because of the store."""

    def register(self, kind: str, scope: Scope, handler: Handler) -> None:
        """Say how jobs of a kind are done. Every replica registers the same kinds before `run`."""
        self._handlers[kind] = (scope, handler)

    # -- what callers ask -----------------------------------------------------------------------------------------

    async def submit(self, kind: str, params: Mapping[str, Any], *, who: str) -> str:
        """Queue a job; returns its id. Raises RequestError for an unknown kind, StoreUnavailable."""
        if kind not in self._handlers:
            raise RequestError(f"there are no jobs of kind {kind!r}", field="kind")
        scope = self._handlers[kind][0]
        job_id = f"{int(self._clock() * 1000):011x}{secrets.token_hex(5)}"
        expected = sorted({*await self.replicas(), self.replica_id}) if scope == "each" else []
        fields = {
            "kind": kind,
            "scope": scope,
            "who": who,
            "params": json.dumps(dict(params)),
            "state": "queued",
            "submitted_s": repr(self._clock()),
            "expected": json.dumps(expected),
        }
        await self._records.write(job_id, fields)
        await self._control.append(_STREAM, {"job": job_id}, cap=_STREAM_CAP)
        self._open[job_id] = None
        return job_id

    async def get(self, job_id: str) -> JobStatus:
        """Report a job, whichever replica does it. Raises NotFound, StoreUnavailable."""
        return status_of(job_id, await self._records.read(job_id))

    async def recent(self) -> list[JobStatus]:
        """The newest jobs, newest first. Raises StoreUnavailable."""
        found = []
        for _, command in await self._control.tail(_STREAM, count=_RECENT, newest=True):
            fields = await self._control.hget_all(f"job:{command['job']}")
            if fields:
                found.append(status_of(command["job"], fields))
        return found

    async def cancel(self, job_id: str) -> JobStatus:
        """Ask a job to stop between two batches; a queued one never starts. Raises NotFound, StoreUnavailable."""
        status = await self.get(job_id)
        if not status.finished:
            await self._records.write(job_id, {"cancel": "1"})
        return await self.get(job_id)

    async def replicas(self) -> dict[str, dict[str, str]]:
        """Replicas with a fresh heartbeat, and what each says of itself. Raises StoreUnavailable."""
        names = await self._control.names("replica:")
        states = {name.removeprefix("replica:"): await self._control.hget_all(name) for name in sorted(names)}
        return {replica: fields for replica, fields in states.items() if fields}

    # -- the runner -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Beat, follow the control stream, do what is this replica's to do; until cancelled."""
        beaten = float("-inf")
        recovered = False
        try:
            while True:
                try:
                    if self._monotonic() - beaten >= self._lease_s / 3:
                        await self.beat()
                        beaten = self._monotonic()
                    if not recovered:
                        await self._recover()
                        recovered = True
                    await self.step()
                    failing = False
                except SemcacheError as error:
                    failing = True
                    self.failures += 1
                    log.warning("job runner interrupted, it tries again: %s", error)
                await asyncio.sleep(self._poll_s * (4 if failing else 1))
        finally:
            await self._stop()

    async def beat(self) -> None:
        """Say that this replica is alive, for three beats."""
        fields = {
            "host": socket.gethostname(),
            "pid": str(os.getpid()),
            "started_s": repr(self._started_s),
            "beat_s": repr(self._clock()),
        }
        await self._control.hset(f"replica:{self.replica_id}", {**fields, **self._describe()}, ttl_s=self._lease_s)

    async def step(self) -> None:
        """One round: read new commands and start the jobs that this replica can claim. Raises StoreUnavailable."""
        for stream_id, command in await self._control.tail(_STREAM, after=self._after):
            self._after = stream_id
            self._open[command["job"]] = None
        for job_id in list(self._open):
            if job_id not in self._running and self._resume_at.get(job_id, float("-inf")) <= self._monotonic():
                await self._advance(job_id)

    async def _recover(self) -> None:
        """Take in the jobs that were there before this process, and follow the stream from its tail."""
        known = await self._control.tail(_STREAM, count=_STREAM_CAP, newest=True)
        if known:
            self._after = known[0][0]
        for _, command in reversed(known):
            self._open[command["job"]] = None

    async def _stop(self) -> None:
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _advance(self, job_id: str) -> None:
        """Claim a job if there is something to do for it here; forget it once it is finished."""
        fields = await self._control.hget_all(f"job:{job_id}")
        if fields.get("state", "done") in FINISHED:
            del self._open[job_id]
            self._resume_at.pop(job_id, None)
            return
        kind = fields["kind"]
        if kind not in self._handlers:
            return  # another replica, of another version, may know it
        lease = _lease(job_id, fields)
        if lease in {task.get_name() for task in self._running.values()}:
            return
        if fields["scope"] == "each" and await self._turns_left(fields, "cancel" in fields) == "others":
            return
        if await self._control.acquire(lease, self.replica_id, self._lease_s):
            task = asyncio.create_task(self._work(job_id, kind, lease), name=lease)
            self._running[job_id] = task
            task.add_done_callback(lambda _: self._running.pop(job_id, None))

    async def _turns_left(self, fields: Mapping[str, str], cancelled: bool) -> Literal["mine", "others", "none"]:
        """Who has still to do a job of scope `each`."""
        if cancelled:
            return "none"
        finished = {replica for replica, state in replica_states(fields).items() if state.state in FINISHED}
        expected = set(json.loads(fields["expected"]))
        if self.replica_id in expected - finished:
            return "mine"
        return "others" if (expected - finished) & set(await self.replicas()) else "none"

    async def _work(self, job_id: str, kind: str, lease: str) -> None:
        """Hold the lease and do the job; every way out is written down, or leaves the job to be taken up again."""
        try:
            fields = await self._records.read(job_id)  # as it is now that nobody else changes it
            if fields["state"] not in FINISHED:
                await self._perform(job_id, kind, fields, lease)
        except Unavailable as error:
            log.warning("job %s (%s) interrupted, it is taken up again: %s", job_id, kind, error)
        finally:
            with contextlib.suppress(Unavailable):  # then the lease runs out by itself
                await self._control.release(lease, self.replica_id)

    async def _perform(self, job_id: str, kind: str, fields: dict[str, str], lease: str) -> None:
        scope, handler = self._handlers[kind]
        if "cancel" in fields:
            await self._records.write(job_id, {"state": "cancelled", "finished_s": repr(self._clock())})
            return
        if scope == "each" and await self._turns_left(fields, False) != "mine":
            await self._conclude(job_id)
            return
        attempts = int(fields.get(f"attempts:{self.replica_id}" if scope == "each" else "attempts", "0")) + 1
        context = JobContext(job_id)
        reporter = Reporter(
            self._records, context, replica_id=self.replica_id, scope=scope, attempts=attempts, clock=self._clock
        )
        await reporter.write("running", job_state="running")
        state, error, result = "done", "", None
        work = asyncio.ensure_future(handler(json.loads(fields["params"]), context))
        try:
            result = await self._attended(work, reporter, lease)
            state = "cancelled" if context.cancelled else "done"
        except _LeaseLost:
            raise
        except Unavailable as failure:
            if attempts < ATTEMPTS:
                self._resume_at[job_id] = self._monotonic() + self._poll_s * 2 ** (attempts + 1)
                raise
            state, error = "failed", f"{failure.code}: {failure} (after {attempts} attempts)"
        except SemcacheError as failure:
            state, error = "failed", f"{failure.code}: {failure}"
        except Exception as failure:  # the boundary of foreign work
            log.exception("job %s (%s) failed", job_id, kind)
            state, error = "failed", f"internal: {type(failure).__name__}: {failure}"
        shown = json.dumps(dict(result)) if result is not None else ""
        if scope == "one":
            await reporter.write(state, job_state=state, error=error, result=shown)
            return
        await reporter.write(state, error=error, result=shown)
        if context.cancelled:
            await self._records.write(job_id, {"state": "cancelled"})
        else:
            await self._conclude(job_id)

    async def _attended(
        self, work: asyncio.Future[Mapping[str, Any] | None], reporter: Reporter, lease: str
    ) -> Mapping[str, Any] | None:
        """Await the handler; meanwhile renew the lease, write progress, and look for a cancellation."""
        try:
            renewed = self._monotonic()
            while True:
                finished, _ = await asyncio.wait({work}, timeout=0.5)
                if finished:
                    return work.result()
                try:
                    if self._monotonic() - renewed >= self._lease_s / 4:
                        if not await self._control.acquire(lease, self.replica_id, self._lease_s):
                            raise _LeaseLost("the lease went to another replica")
                        renewed = self._monotonic()
                    await reporter.report()
                except StoreUnavailable:
                    if self._monotonic() - renewed >= self._lease_s:
                        raise  # the lease has run out meanwhile: another replica may have begun
        finally:
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)

    async def _conclude(self, job_id: str) -> None:
        """Finish a job of scope `each` once nobody is left to do it."""
        fields = await self._records.read(job_id)
        if await self._turns_left(fields, False) != "none":
            return
        states = replica_states(fields)
        failed = {replica: state for replica, state in states.items() if state.state == "failed"}
        done = [replica for replica, state in states.items() if state.state == "done"]
        error = "; ".join(f"{replica}: {state.error}" for replica, state in sorted(failed.items()))
        if not done and not failed:
            error = "no replica lived to do it"
        await self._records.write(job_id, {"state": "failed" if error else "done", "error": error})


class _LeaseLost(Unavailable):
    """Another replica does this job now."""


def _lease(job_id: str, fields: Mapping[str, str]) -> str:
    """Jobs of scope `each` take turns across jobs of their kind, too: two rebuilds never run side by side."""
    return f"jobs:{fields['kind']}" if fields["scope"] == "each" else f"job:{job_id}"


__all__ = ["ATTEMPTS", "Handler", "JobContext", "JobStatus", "Jobs"]
