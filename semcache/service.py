"""Service: the composition root. Builds the parts from settings, runs their background work, reports their health.

The only place that knows all implementations. The embedded server is not started here: the `serve` parent owns it
and passes its URL.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import socket
import tomllib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from semcache import guard_tables
from semcache.admin.feedback import Feedback
from semcache.admin.invalidation import Invalidator
from semcache.admin.jobs import JobContext, Jobs
from semcache.admin.maintenance import Maintenance
from semcache.admin.transfer import Transfer
from semcache.cache import SemanticCache
from semcache.comparing import Comparer
from semcache.embedders import make_embedder
from semcache.errors import ConfigError, SemcacheError
from semcache.folders import unwritable
from semcache.follower import Follower
from semcache.gateway.front import Front
from semcache.gateway.routing import NOT_CONFIGURED
from semcache.gateway.warming import Warmer
from semcache.judge_model import JudgeModel
from semcache.labels import Labels
from semcache.models import Strategy
from semcache.near import Near
from semcache.observers import DecisionLog, Observers
from semcache.policy.freshness import TtlRules
from semcache.policy.normalize import Normalizer
from semcache.ports import Embedder, Row, VectorIndex, Verifier
from semcache.quiet import QuietLog
from semcache.renewer import Renewer
from semcache.semantic import SemanticTier
from semcache.settings import Settings, variable
from semcache.stats import Stats
from semcache.stores.store import RedisStore
from semcache.tunings import Tunings
from semcache.vectors import IndexFolder
from semcache.verified import VerifiedMode
from semcache.verifier import check_files, make_verifier
from semcache.verifier import is_prepared as verifier_is_prepared
from semcache.watcher import Watcher

log = logging.getLogger(__name__)

_FLUSH_S: Final = 1.0
_RESTART_S: Final = 1.0
_CONNECT_RETRY_S: Final = 0.5
_LOOK_S: Final = 0.1


class NoIndex:
    """The live index of a service without an embedder."""

    index: VectorIndex | None = None
    caught_up = True

    def upsert(self, rows: Sequence[Row], *, seqs: Sequence[int] = ()) -> None:
        """Nothing to keep."""

    def remove(self, entry_ids: Sequence[str]) -> None:
        """Nothing to drop."""

    def doubt(self, entry_ids: Sequence[str]) -> None:
        """Nothing to look at."""


class Service:
    """One replica: a cache, its parts, and the work that goes on beside the requests."""

    def __init__(self, settings: Settings, *, server_url: str | None = None) -> None:
        """`server_url`: of the embedded server, where the parent runs one; else `settings.redis_url` counts."""
        self.settings = settings
        self.replica_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self.observers = Observers()
        self.store = RedisStore(settings, server_url)
        self.entries, self.log = self.store.entries, self.store.log
        self.catalog, self.control = self.store.catalog, self.store.control
        self.near = Near(settings.near, epoch=self.store.floors.get)
        self.entries.on_change = self.near.drop
        self.watcher = Watcher(self.near, self.store.near_log)
        self.renewer = Renewer(self.near, self.entries)
        self.embedder = make_embedder(settings) if _anywhere_semantic(settings) else None
        judged = self.embedder is not None and settings.anywhere_judged()
        self.verifier = make_verifier(settings) if judged else None
        if not judged:
            check_files(settings)
        self.rules = guard_tables.load(settings.verification.guards_file)
        """The guards' lexicons."""
        self.follower = self._make_follower()
        self.normalizer = Normalizer(settings.normalization)
        self.labels = Labels(self.control)
        self.tunings = Tunings(self.control, settings)
        self.verified = VerifiedMode(
            settings,
            self.control,
            evidence=lambda entry_id: self.labels.evidence([entry_id]).get(entry_id),
            observer=self.observers,
            random=random.random,
        )
        self.observers.add(self.verified)
        self.cache = SemanticCache(
            settings,
            entries=self.entries,
            live=self.follower or NoIndex(),
            embedder=self.embedder,
            semantic=self._make_semantic(),
            normalizer=self.normalizer,
            rules=_ttl_rules(settings.ttl.rules_file),
            observer=self.observers,
            fence=self.catalog.raise_fence,
            near=self.near,
            on_size=lambda total: self.maintenance.over_quota(total),
            on_fresh=lambda fresh: self.comparer.offer(fresh),
        )
        self.front = self._make_front()
        self.judge = self._make_judge()
        self.comparer = Comparer(
            entries=self.entries,
            embedder=self.embedder,
            rules=self.rules,
            record=self.labels.record,
            learn=lambda namespace, drawn, right: self.verified.labelled(namespace, drawn, right=right),
            observer=self.observers,
            judge=self.judge,
        )
        self.feedback = Feedback(
            self.cache,
            self.labels,
            entries=self.entries,
            embedder=self.embedder,
            normalizer=self.normalizer,
            observer=self.observers,
        )
        self.stats = Stats(self.control)
        self.jobs = Jobs(self.control, self.replica_id)
        self.jobs.register("rebuild", "each", self._rebuild)
        live = self.follower or NoIndex()
        self.invalidator = Invalidator(
            self.entries,
            self.catalog,
            self.control,
            self.embedder,
            live,
            settings,
            copies=self.near if self.near.on else None,
            jobs=self.jobs,
            tunings=self.tunings,
        )
        self.warmer = Warmer(settings, self.control, self.jobs, self.front.fetch) if self.front is not None else None
        self.transfer = Transfer(
            settings,
            entries=self.entries,
            catalog=self.catalog,
            embedder=self.embedder,
            normalizer=self.normalizer,
            on_size=lambda total: self.maintenance.over_quota(total),
        )
        self.maintenance = self._make_maintenance()
        self.observers.add(self.stats)
        self.observers.add(DecisionLog())
        self.observers.add(QuietLog())
        self._tasks: list[asyncio.Task[None]] = []
        self.store_ready = asyncio.Event()
        self.fatal = ""
        """What the operator must mend before the store can be used (another format, say)."""

    def _make_follower(self) -> Follower | None:
        if self.embedder is None:
            return None
        return Follower(
            entries=self.entries,
            changes=self.log,
            catalog=self.catalog,
            shelf=IndexFolder(self.settings.index_dir),
            embedder=self.embedder,
            settings=self.settings.maintenance,
        )

    def _make_semantic(self) -> SemanticTier | None:
        if self.embedder is None:
            return None
        return SemanticTier(
            self.settings,
            entries=self.entries,
            live=self.follower or NoIndex(),
            embedder=self.embedder,
            verifier=self.verifier,
            rules=self.rules,
            observer=self.observers,
            standing=lambda entry: self.labels.standing(entry.entry_id, entry.created_ms),
            tuned=self.tunings.of,
            verified=self.verified,
            begin=self.embedder.begin,
            near=self.near,
        )

    def _make_front(self) -> Front | None:
        """The gateway; None where no upstream is configured."""
        if not self.settings.all_upstreams():
            return None
        return Front(
            self.settings, cache=self.cache, control=self.control, flights=self.store.flights, observer=self.observers
        )

    def _make_judge(self) -> JudgeModel | None:
        """The model that compares answers; None where none is named. Raises ConfigError where nobody serves it."""
        model = self.settings.verification.judge_model
        if model is None:
            return None
        if self.front is None:
            raise ConfigError(f"verification.judge_model is {model!r}, and {NOT_CONFIGURED}")
        return JudgeModel(
            model,
            self.settings.verification,
            upstreams=self.front.upstreams,
            prices=self.front.prices,
            control=self.control,
            observer=self.observers,
        )

    def _make_maintenance(self) -> Maintenance:
        return Maintenance(
            entries=self.entries,
            catalog=self.catalog,
            control=self.control,
            settings=self.settings,
            replica_id=self.replica_id,
            live=self.follower,
            snapshot=self.follower.save_snapshot if self.follower is not None else None,
        )

    # -- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin all background work; returns at once, whether or not the store and the model are there yet."""
        if self.embedder is not None:
            await self.embedder.start()
        self._tasks = [asyncio.create_task(self._run(), name="semcache.service")]
        if self.embedder is not None and self.verifier is not None:
            after = self._start_after(self.embedder, self.verifier)
            self._tasks.append(asyncio.create_task(after, name="semcache.verifier"))

    async def aclose(self) -> None:
        """Stop the work, write what is left to write, close everything. Bounded by the stores' deadlines."""
        if self.front is not None:
            await self.front.aclose()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self.store_ready.is_set():
            await self._last_writes()
        if self.follower is not None:
            self.follower.close()
        if self.embedder is not None:
            await self.embedder.aclose()
        if self.verifier is not None:
            await self.verifier.aclose()
        await self.store.aclose()

    async def _last_writes(self) -> None:
        writes: list[tuple[str, Callable[[], Awaitable[Any]]]] = [("hit counts", self.cache.uses.flush)]
        if self.follower is not None:
            writes.append(("snapshot", self.follower.save_snapshot))
        for what, write in writes:
            try:
                await write()
            except SemcacheError as error:
                log.warning("shutdown: %s not written: %s", what, error)

    async def _start_after(self, embedder: Embedder, verifier: Verifier) -> None:
        """Each prepares at its first start, with all cores; without vectors there is nothing to judge. Loading what is
        prepared keeps one core busy for the most part: both do so at once."""
        if not await asyncio.to_thread(verifier_is_prepared, self.settings):
            while not embedder.state().ready:  # noqa: ASYNC110 - the port tells of no event
                await asyncio.sleep(_LOOK_S)
        await verifier.start()

    async def _run(self) -> None:
        if not await self._connect():
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kept_alive("flush", self._flush))
            group.create_task(self._kept_alive("stats", self.stats.run))
            group.create_task(self._kept_alive("labels", self.labels.run))
            group.create_task(self._kept_alive("tunings", self.tunings.run))
            group.create_task(self._kept_alive("jobs", self.jobs.run))
            group.create_task(self._kept_alive("maintenance", self.maintenance.run))
            group.create_task(self._kept_alive("comparing", self.comparer.run))
            group.create_task(self._kept_alive("verified", self.verified.run))
            if self.near.on:
                group.create_task(self._kept_alive("near", self.watcher.run))
                group.create_task(self._kept_alive("renewal", self.renewer.run))
            if self.front is not None:
                group.create_task(self._kept_alive("gateway", self.front.run))
            if self.warmer is not None and self.settings.warm.file is not None:
                group.create_task(self._warm_file(self.warmer, self.settings.warm.file))
            if self.follower is not None:
                group.create_task(self._kept_alive("follower", self.follower.run))
                group.create_task(self._kept_alive("pending", self._embed_pending))

    async def _connect(self) -> bool:
        """Wait for the store; False where only the operator can mend it."""
        failing = False
        while True:
            try:
                await self.store.start()
            except ConfigError as error:
                self.fatal = str(error)
                log.error("the store cannot be used as configured: %s", error)
                return False
            except SemcacheError as error:
                if not failing:
                    log.warning("waiting for the store: %s", error)
                failing = True
                await asyncio.sleep(_CONNECT_RETRY_S)
            except Exception:  # the boundary of this task: without it no background work would ever start
                self.observers.degraded("connect", "task_failed")
                log.exception("connecting to the store failed; it is tried again")
                await asyncio.sleep(_RESTART_S)
            else:
                self.store_ready.set()
                log.info("store connected")
                return True

    async def _kept_alive(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """A task boundary: what fails unexpectedly is logged with its trace and started over."""
        while True:
            try:
                await work()
            except Exception:
                self.observers.degraded(name, "task_failed")
                log.exception("background task %s failed; it starts over", name)
            await asyncio.sleep(_RESTART_S)

    async def _warm_file(self, warmer: Warmer, file: Path) -> None:
        """A task boundary: a file that cannot be warmed is told of, and everything else goes on."""
        try:
            job_id = await warmer.warm_file(file)
        except SemcacheError as error:
            log.error("nothing is warmed: %s", error)
        except Exception:
            self.observers.degraded("warm", "task_failed")
            log.exception("warming %s failed", file)
        else:
            log.info("warming %s: %s", file, f"job {job_id}" if job_id else "another replica does it")

    async def _flush(self) -> None:
        failing = False
        while True:
            await asyncio.sleep(_FLUSH_S)
            try:
                await self.cache.uses.flush()
                failing = False
            except SemcacheError as error:
                if not failing:
                    log.warning("hit counts are kept in memory until the store takes them: %s", error)
                failing = True

    async def _embed_pending(self) -> None:
        follower = self.follower
        assert follower is not None
        while True:
            try:
                idle = await follower.embed_pending() == 0
            except SemcacheError as error:
                log.debug("entries wait for their vectors: %s", error)
                idle = True
            if idle:
                await asyncio.sleep(_FLUSH_S)

    async def _rebuild(self, params: dict[str, Any], job: JobContext) -> dict[str, Any]:
        if self.follower is None:
            raise ConfigError("this service has no vector index: SEMCACHE_EMBEDDER is off")
        if problem := unwritable(self.settings.index_dir):  # or it would be learned of at the end, and all done again
            raise ConfigError(f"index_dir [{variable('index_dir')}]: {problem}: nothing was rebuilt")
        namespace, reembed = params.get("namespace"), bool(params.get("reembed"))
        try:
            rows = await self.follower.rebuild(_Cancellable(job), namespace=namespace, reembed=reembed)
        except _Cancelled:
            return {"detail": "cancelled; the live index stays as it was"}
        await self.follower.save_snapshot()
        return {"rows": rows}

    # -- health ---------------------------------------------------------------------------------------------------

    @property
    def started(self) -> bool:
        """Whether the first start is complete: requests are answered, if only with named misses."""
        return bool(self._tasks)

    async def health(self) -> dict[str, Any]:
        """The parts, each with `ok` and what there is to say."""
        store = await self.store.health()
        parts: dict[str, Any] = {
            "store": {"ok": store.reachable and not self.fatal, **msgspec.to_builtins(store)},
        }
        if self.fatal:
            parts["store"]["detail"] = self.fatal
        if self.embedder is not None:
            state = self.embedder.state()
            parts["embedder"] = {"ok": state.ready, "detail": state.detail}
        if self.verifier is not None:
            state = self.verifier.state()
            parts["verifier"] = {"ok": state.ready, "detail": state.detail}
        if self.follower is not None:
            index = self.follower.index
            parts["index"] = {
                "ok": self.follower.caught_up,
                "detail": self.follower.detail,
                "rows": 0 if index is None else len(index),
                "pending": self.follower.pending,
                "lag_s": round(self.follower.lag_s, 3) if self.follower.caught_up else None,
                "source": self.follower.source,
            }
        if self.front is not None:
            for name, upstream in self.front.upstreams.health().items():
                parts[f"upstream {name}"] = {"ok": upstream.ok, "detail": upstream.detail}
        return parts


def _anywhere_semantic(settings: Settings) -> bool:
    """Whether the semantic tier is on by default or in some namespace: else no model needs to be loaded."""
    return Strategy.SEMANTIC in {settings.strategy, *(one.strategy for one in settings.namespaces.values())}


def _ttl_rules(file: Path | None) -> TtlRules:
    """The operator's rules, or those of the house. Raises ConfigError that names the file and the rule."""
    if file is None:
        return TtlRules.default()
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"ttl.rules_file {str(file)!r}: {error}") from error
    rules = table.get("rule")
    if not isinstance(rules, list) or set(table) != {"rule"}:
        raise ConfigError(f"ttl.rules_file {str(file)!r}: expected [[rule]] tables and nothing else")
    return TtlRules.from_table(rules)


class _Cancelled(Exception):
    """A job's handler stops here."""


class _Cancellable:
    """Progress that ends the work once its job is cancelled."""

    def __init__(self, job: JobContext) -> None:
        self._job = job

    def __call__(self, done: int, total: int) -> None:
        if self._job.cancelled:
            raise _Cancelled
        self._job.progress(done, total)
