"""Warming: asking upstream for what is missing, ahead of the users, as a job that any replica can take over.

A list of requests waits in the store until it is done (`warm_store`). The job's runner starts items in order, a few at
a time, and records every two seconds how far it has come; after a crash another replica goes on from there, and what
was already fetched costs nothing again, since it is present. A budget is kept before each start: nothing is begun once
it is spent, and what is under way is finished. An answer whose price nobody knows ends a warming with a budget.

How an item is looked up, asked for and stored is the gateway's business, behind `fetch`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from semcache.admin.jobs import JobContext, Jobs
from semcache.errors import ConfigError, RequestError, SemcacheError, StoreUnavailable
from semcache.gateway.warm_list import WarmItem, numbered, read_lines
from semcache.gateway.warm_store import Progress, WarmLists
from semcache.ports import Control
from semcache.settings import Settings

__all__ = ["Fetch", "Fetched", "WarmItem", "Warmer"]

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 64
_RECORD_S: Final = 2.0
_GIVE_UP: Final = 20
"""Failures in a row after which upstream is not asked any more."""
_FILE_LEASE_S: Final = 60.0
"""How long replicas that start after another leave the same file to it."""
_RETRY_S: Final = 1.0


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one item."""

    outcome: Literal["present", "stored", "refused", "failed"]
    """`present`: nothing was asked. `refused`: there is an answer, or none was asked for, and it may not be kept."""
    reason: str = ""
    """Why it was refused, or failed."""
    cost_usd: float | None = None
    """What upstream's answer cost; None where nobody knows, 0 where nothing was asked."""


Fetch = Callable[[WarmItem], Awaitable[Fetched]]
"""Looks an item up and, where it is missing, asks upstream and stores the answer. May raise SemcacheError."""


class Warmer:
    """Queues warm lists and, as the handler of jobs of the kind `warm`, works them off."""

    def __init__(
        self,
        settings: Settings,
        control: Control,
        jobs: Jobs,
        fetch: Fetch,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._control = control
        self._jobs = jobs
        self._fetch = fetch
        self._monotonic = monotonic
        self._lists = WarmLists(control)
        jobs.register("warm", "one", self.run)

    async def queue(
        self,
        items: Sequence[WarmItem],
        *,
        who: str,
        budget_usd: float | None = None,
        concurrency: int | None = None,
    ) -> str:
        """Keep the items and queue the job; returns its id. The operator's budget, if any, is an upper bound.

        Raises RequestError where there is nothing to do or nobody to ask, StoreUnavailable.
        """
        if not any(upstream.api_key for upstream in self._settings.all_upstreams().values()):
            raise RequestError(
                "warming asks upstream with the operator's own key, and none is set: "
                "set SEMCACHE_UPSTREAM_BASE_URL and SEMCACHE_UPSTREAM_API_KEY"
            )
        if not items:
            raise RequestError("there is nothing to warm")
        budgets = [budget for budget in (budget_usd, self._settings.warm.budget_usd) if budget is not None]
        params = {
            "list": await self._lists.keep(items),
            "items": len(items),
            "budget_usd": min(budgets, default=None),
            "concurrency": min(concurrency or self._settings.warm.concurrency, MOST_AT_ONCE),
        }
        namespaces = {item.namespace for item in items}
        if len(namespaces) == 1:
            params["namespace"] = namespaces.pop()
        return await self._jobs.submit("warm", params, who=who)

    async def warm_file(self, file: Path) -> str | None:
        """Queue the operator's file, unless another replica did so just now; returns the job's id.

        Waits for the store as long as it must. Raises ConfigError for a file that cannot be read or understood.
        """
        try:
            raw = await asyncio.to_thread(file.read_bytes)
        except OSError as error:
            raise ConfigError(f"warm.file {str(file)!r}: {error.strerror}") from error
        longest = self._settings.limits.body_bytes
        try:
            items = await asyncio.to_thread(
                read_lines, numbered(raw.splitlines()), model=None, namespace=_named, longest=longest
            )
        except RequestError as error:
            raise ConfigError(f"warm.file {str(file)!r}: {error}") from error
        lease = f"warm:file:{hashlib.sha256(raw).hexdigest()[:16]}"
        while True:
            try:
                if not await self._control.acquire(lease, self._jobs.replica_id, _FILE_LEASE_S):
                    return None
                return await self.queue(items, who="warm.file")
            except StoreUnavailable as error:
                log.warning("warm.file waits for the store: %s", error)
                await asyncio.sleep(_RETRY_S)

    # -- the job --------------------------------------------------------------------------------------------------

    async def run(self, params: dict[str, Any], job: JobContext) -> dict[str, Any]:
        """The handler of `warm` jobs; returns counts by outcome and what was spent."""
        list_id: str = params["list"]
        progress = await self._lists.progress(list_id)
        run = _Run(progress, params["items"], params["budget_usd"], job)
        recorded = self._monotonic()
        running: dict[asyncio.Task[Fetched], tuple[int, WarmItem]] = {}
        position = progress.position
        try:
            job.progress(position, params["items"])
            async for item in self._lists.items(list_id, position if not progress.stopped else params["items"]):
                while len(running) >= params["concurrency"]:
                    await _some(running, run)
                    if self._monotonic() - recorded >= _RECORD_S:
                        await self._record(list_id, progress)
                        recorded = self._monotonic()
                if run.over:
                    break
                running[asyncio.create_task(self._one(item))] = (position, item)
                position += 1
            while running:
                await _some(running, run)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await self._record(list_id, progress)
        await self._forget(list_id)
        return run.result()

    async def _one(self, item: WarmItem) -> Fetched:
        try:
            return await self._fetch(item)
        except SemcacheError as error:
            return Fetched(outcome="failed", reason=error.code, cost_usd=0.0)

    async def _forget(self, list_id: str) -> None:
        try:
            await self._lists.forget(list_id)
        except StoreUnavailable as error:
            log.info("a warm list that is done stays in the store until it expires: %s", error)

    async def _record(self, list_id: str, progress: Progress) -> None:
        try:
            await self._lists.record(list_id, progress)
        except StoreUnavailable as error:
            log.warning("how far the warming has come is not written, it goes on: %s", error)


class _Run:
    """One runner's view of its list: takes results in any order, keeps the progress without gaps."""

    def __init__(self, progress: Progress, total: int, budget_usd: float | None, job: JobContext) -> None:
        self._progress = progress
        self._total = total
        self._budget_usd = budget_usd
        self._job = job
        self._early: dict[int, tuple[WarmItem, Fetched]] = {}
        self._failures = 0

    @property
    def over(self) -> bool:
        """Whether no further item is to be started."""
        if self._budget_usd is not None and self._progress.cost_usd >= self._budget_usd:
            self._stop("budget_spent")
        if self._job.cancelled:
            self._stop("cancelled")
        return bool(self._progress.stopped)

    def _stop(self, why: str) -> None:
        self._progress.stopped = self._progress.stopped or why

    def take(self, position: int, item: WarmItem, fetched: Fetched) -> None:
        """Count a finished item."""
        progress = self._progress
        progress.cost_usd += fetched.cost_usd or 0.0
        if fetched.cost_usd is None and fetched.outcome == "stored" and self._budget_usd is not None:
            self._stop("price_unknown")
        self._failures = self._failures + 1 if fetched.outcome == "failed" else 0
        if self._failures >= _GIVE_UP:
            self._stop("upstream_fails")
        self._early[position] = (item, fetched)
        while progress.position in self._early:
            item, fetched = self._early.pop(progress.position)
            progress.count(item.line, fetched.outcome, fetched.reason)
        self._job.progress(progress.position + len(self._early), self._total)

    def result(self) -> dict[str, Any]:
        """What to show of the job."""
        progress = self._progress
        counts = dict.fromkeys(("present", "stored", "refused", "failed"), 0) | progress.counts
        return {
            **counts,
            "left": self._total - progress.position,
            "cost_usd": round(progress.cost_usd, 9),
            "stopped": progress.stopped or None,
            "reasons": progress.reasons,
            "problems": msgspec.to_builtins(progress.problems),
        }


async def _some(running: dict[asyncio.Task[Fetched], tuple[int, WarmItem]], run: _Run) -> None:
    """Wait for the next items to finish."""
    finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in finished:
        position, item = running.pop(task)
        run.take(position, item, task.result())


def _named(name: str | None) -> str:
    return "default" if name is None else name
