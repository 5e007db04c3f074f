"""Verified mode at run time: counters of all replicas, a plan a namespace, a coin. What is decided by is `policy.risk`.

Counters are added to about once a second and read back, so replicas decide on what was known a second ago; they
survive restarts. Until a namespace's counters were read once, nothing of it is served semantically.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from semcache.errors import SemcacheError
from semcache.models import Drawn, Grounds, base_namespace
from semcache.policy import risk
from semcache.policy.risk import Action, Bound, Decision, Evidence, Plan, Report, State
from semcache.ports import CallEvent, Control, LookupEvent, Observer, StaleEvent, StoreEvent
from semcache.settings import Settings

log = logging.getLogger(__name__)

FLUSH_S: Final = 1.0
CLOSED_S: Final = 3600.0
"""How long an epoch's counters stay once no plan reads them: other replicas may be behind by a second or two."""
_HASH: Final = "risk:"


@lru_cache(maxsize=64)
def _unread(alpha: float) -> Plan:
    """Serve nothing: what to do before a namespace's counters were read."""
    return Plan((None,) * risk.BINS, risk.plan(State(), Bound(alpha=alpha)).wrong)


def _hash_of(name: str) -> str:
    return _HASH + quote(name, safe="")


class VerifiedMode:
    """Serve or explore, within the operator's bound. Belongs to one event loop. Also an `Observer`: it counts."""

    def __init__(
        self,
        settings: Settings,
        control: Control,
        *,
        evidence: Callable[[str], tuple[float, float] | None],
        observer: Observer,
        random: Callable[[], float],
    ) -> None:
        """`evidence`: labels on an entry so far (right, wrong); `random`: uniform on [0, 1)."""
        self._settings = settings
        self._control = control
        self._evidence = evidence
        self._observer = observer
        self._random = random
        self._pending: dict[str, Counter[str]] = {}
        self._states: dict[str, State] = {}
        self._plans: dict[str, Plan] = {}
        self._alarmed: set[str] = set()

    def bound(self, namespace: str) -> Bound:
        """The operator's bound for a namespace."""
        own = self._settings.namespace(namespace).error_bound
        return Bound(alpha=self._settings.error_bound if own is None else own)

    # -- decisions ------------------------------------------------------------------------------------------------

    def weigh(self, namespace: str, entry_id: str, grounds: Grounds) -> float:
        """A candidate's probability to be right, with what labels said of the namespace and of its entry."""
        plan = self._plan_of(base_namespace(namespace))
        chance = risk.adapted(plan, grounds.chance, grounds.differing)
        found = self._evidence(entry_id)
        if found is None:
            return chance
        right, wrong = found
        count = right + wrong
        evidence = Evidence(
            right=right, wrong=wrong, surprise=right - count * chance, information=count * chance * (1.0 - chance)
        )
        return 1.0 / (1.0 + math.exp(-risk.shifted(chance, evidence)))

    def decide(self, namespace: str, chance: float, grounds: Grounds) -> Drawn | None:
        """None: serve the candidate. Else it is to be explored, and this is what its label must come back with.

        `chance`: as `weigh` has it of these grounds.
        """
        name = base_namespace(namespace)
        plan = self._plan_of(name)
        decision = risk.decide(plan, chance, None, self._random())
        self._count(name, {field: delta for field, delta in risk.asked(decision).items() if field != "n"})
        if decision.action is Action.SERVE:
            return None
        level = -1 if decision.level is None else decision.level
        return Drawn(decision.bin, level, decision.wrong, decision.settled, grounds)

    def _plan_of(self, name: str) -> Plan:
        plan = self._plans.get(name)
        if plan is None:  # the counters were not read yet: the next flush does
            self._pending.setdefault(name, Counter())
            plan = _unread(self.bound(name).alpha)
        return plan

    @staticmethod
    def weight(drawn: Drawn) -> float:
        """How many such candidates the explored one stands for."""
        return 1.0 if drawn.level < 0 else 1.0 / risk.LEVELS[drawn.level]

    def labelled(self, namespace: str, drawn: Drawn, *, right: bool) -> None:
        """The label of what was explored."""
        level = drawn.level if 0 <= drawn.level < len(risk.LEVELS) else None
        if not (0 <= drawn.bin < risk.BINS and 0.0 <= drawn.wrong <= 1.0):
            return  # a fill token goes through its caller's hands
        decision = Decision(action=Action.EXPLORE, bin=drawn.bin, level=level, wrong=drawn.wrong, settled=drawn.settled)
        name = base_namespace(namespace)
        self._count(name, risk.labelled(decision, right))
        grounds = drawn.grounds
        if grounds is not None and 0.0 <= grounds.chance <= 1.0:
            self._count(name, risk.taught(self._plan_of(name), grounds.chance, grounds.differing, right))

    # -- counters -------------------------------------------------------------------------------------------------

    def _count(self, name: str, deltas: Mapping[str, float]) -> None:
        pending = self._pending.setdefault(name, Counter())
        for field, delta in deltas.items():
            pending[field] += delta  # type: ignore[assignment]

    async def run(self) -> None:
        """Write and read counters, and plan anew, until cancelled; then write what was counted last."""
        failing = False
        try:
            while True:
                try:
                    await self.flush()
                    failing = False
                except SemcacheError as error:
                    if not failing:
                        log.warning("verified mode goes on with the plans it has until the store answers: %s", error)
                    failing = True
                await asyncio.sleep(FLUSH_S)
        finally:
            try:
                for name in list(self._pending):
                    await self._write(name)
            except SemcacheError as error:
                log.warning("what verified mode counted in the last second is lost: %s", error)

    async def flush(self) -> None:
        """Write what was counted, and plan anew for the namespaces concerned. Raises StoreUnavailable."""
        for name in list(self._pending):
            if name not in self._states:
                await self._plan(name)  # or it would be counted in the first epoch, whichever it is
            if await self._write(name):
                await self._plan(name)

    async def _write(self, name: str) -> bool:
        """Add what was counted to the store's counters; False where nothing was."""
        deltas = self._pending[name]
        if not deltas:
            return False
        hashed = _hash_of(name)
        epoch = self._states.get(name, State()).epoch
        self._pending[name] = Counter()
        try:
            await self._control.add(hashed, deltas)
        except SemcacheError:
            self._count(name, deltas)
            raise
        await self._control.add(f"{hashed}:{epoch}", deltas)
        return True

    async def _plan(self, name: str) -> None:
        hashed = _hash_of(name)
        total = await self._control.hget_all(hashed)
        newest = State(total=total).epoch
        epochs = range(max(0, newest + 1 - risk.EPOCHS), newest + 1)
        read = [await self._control.hget_all(f"{hashed}:{epoch}") for epoch in epochs]
        if name in self._states:
            for epoch in range(max(0, self._states[name].epoch + 1 - risk.EPOCHS), epochs.start):
                await self._control.hset(f"{hashed}:{epoch}", {"closed": "1"}, ttl_s=CLOSED_S)
        state = self._states[name] = State(total=total, epochs=read)
        plan = self._plans[name] = await asyncio.to_thread(risk.plan, state, self.bound(name))
        if plan.alarm and name not in self._alarmed:
            self._observer.degraded("verified", "drift", f"{name}: candidates are wrong more often than was learned")
            log.warning("namespace %s: candidates are wrong more often than was learned; less is served", name)
        (self._alarmed.add if plan.alarm else self._alarmed.discard)(name)

    async def report(self, namespace: str) -> Report:
        """How the bound stands in a namespace. Raises StoreUnavailable."""
        name = base_namespace(namespace)
        await self._plan(name)
        return await asyncio.to_thread(risk.report, self._states[name], self.bound(name))

    async def names(self) -> list[str]:
        """Namespaces that have counters, and those that the settings put into this mode. Raises StoreUnavailable."""
        found = {unquote(name.removeprefix(_HASH).partition(":")[0]) for name in await self._control.names(_HASH)}
        own = self._settings.namespaces
        return sorted(found | {name for name, settings in own.items() if settings.mode == "verified"})

    # -- observer -------------------------------------------------------------------------------------------------

    def looked_up(self, event: LookupEvent) -> None:
        """Count a request, however it was answered."""
        own = self._settings.namespace(event.namespace).mode
        if (own or self._settings.mode) == "verified":
            self._count(base_namespace(event.namespace), risk.asked(None))

    def stored(self, event: StoreEvent) -> None:
        """Nothing to count."""

    def called(self, event: CallEvent) -> None:
        """Nothing to count."""

    def served_stale(self, event: StaleEvent) -> None:
        """Nothing to count."""

    def degraded(self, part: str, reason: str, detail: str = "") -> None:
        """Nothing to count."""
