"""What was withheld, compared with the fresh answer: a label for every such pair, off the request's path.

Shadow and verified mode hold a semantic hit back and ask upstream. The store that follows brings the fresh answer;
here the two are compared, and what that told is recorded: equal to the letter or not, else by their vectors and the
guards, and by a judge model where the operator named one. Comparing waits for nobody and nobody waits for it: past
`MOST` that wait, further ones are dropped and counted.

A judge is shown the question and both answers. It never is of what is personal, or was paid for with a caller's own
key: that goes to no account but the one it came from.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from semcache.errors import SemcacheError
from semcache.models import CacheIdentity, Drawn, Entry, Withheld, base_namespace
from semcache.policy import guards
from semcache.policy.agreement import Agreement, agreement, equal, told
from semcache.policy.guards import Rules
from semcache.policy.judging import weighed
from semcache.policy.labels import Label, Source
from semcache.policy.similarity import similarity
from semcache.ports import Embedder, EntryStore, Observer

log = logging.getLogger(__name__)

MOST: Final = 256
"""Comparisons that may wait."""


class Fresh(msgspec.Struct, frozen=True):
    """A fresh answer to a request for which a hit was withheld."""

    identity: CacheIdentity
    response: bytes
    withheld: Withheld


Record = Callable[[Label], Awaitable[object]]


class Judge(Protocol):
    """Says whether two answers tell the same: `judge_model.JudgeModel`."""

    @property
    def concurrency(self) -> int:
        """Questions that it may be asked at a time."""

    async def __call__(self, namespace: str, question: str, kept: str, fresh: str) -> Agreement | None:
        """Its verdict; None where it gave none. Never raises."""


class Comparer:
    """Compares one pair of answers at a time. Belongs to one event loop."""

    def __init__(
        self,
        *,
        entries: EntryStore,
        embedder: Embedder | None,
        rules: Rules,
        record: Record,
        learn: Callable[[str, Drawn, bool], None],
        observer: Observer,
        judge: Judge | None = None,
    ) -> None:
        """`record`: `Labels.record`; `learn`: told the namespace, what was drawn and whether it was right."""
        self._entries = entries
        self._embedder = embedder
        self._rules = rules
        self._record = record
        self._learn = learn
        self._observer = observer
        self._judge = judge
        self._waiting: asyncio.Queue[Fresh] = asyncio.Queue(MOST)
        self.dropped = 0
        """Comparisons that found no place."""

    def offer(self, fresh: Fresh) -> None:
        """Compare it when there is time."""
        try:
            self._waiting.put_nowait(fresh)
        except asyncio.QueueFull:
            self.dropped += 1
            self._observer.degraded("comparing", "dropped", f"{MOST} comparisons wait already")

    async def run(self) -> None:
        """Compare what is offered, for ever; several at a time where a judge is waited for."""
        async with asyncio.TaskGroup() as group:
            for _ in range(1 if self._judge is None else self._judge.concurrency):
                group.create_task(self._work(), name="semcache.comparing")

    async def _work(self) -> None:
        while True:
            fresh = await self._waiting.get()
            try:
                await self.compare(fresh)
            except SemcacheError as error:
                self._observer.degraded("comparing", error.code, str(error))

    async def compare(self, fresh: Fresh) -> Agreement | None:
        """What came of one comparison; None where the withheld entry is gone. Raises what the store raises."""
        read = await self._entries.read_many([fresh.withheld.entry_id])
        candidate = read.found.get(fresh.withheld.entry_id)
        if candidate is None or candidate.entry.partition != fresh.identity.partition:
            return None
        entry = candidate.entry
        verdict = await self._compared(entry, fresh)
        if verdict is not Agreement.UNSURE:
            if fresh.withheld.drawn is not None:
                self._learn(entry.namespace, fresh.withheld.drawn, verdict is Agreement.SAME)
            await self._record(_label(entry, fresh, verdict))
        return verdict

    async def _compared(self, entry: Entry, fresh: Fresh) -> Agreement:
        kept, new = told(entry.response), told(fresh.response)
        if equal(kept, new):
            return Agreement.SAME
        measured = await self._measured(kept, new)
        if self._judge is None or not _may_be_shown(entry):
            return measured
        namespace = base_namespace(entry.namespace)
        return weighed(measured, await self._judge(namespace, fresh.identity.compared, kept, new))

    async def _measured(self, kept: str, new: str) -> Agreement:
        """What guards and vectors say. Raises EmbedderUnavailable."""
        rules = self._rules
        findings = guards.compare(guards.read(kept, rules), guards.read(new, rules), rules)
        near = None
        if self._embedder is not None:
            one, other = await self._embedder.embed([kept, new])
            near = similarity(one, other) if one is not None and other is not None else None
        return agreement(kept, new, similarity=near, findings=findings)


def _may_be_shown(entry: Entry) -> bool:
    """Whether an entry's answer may go to the operator's account: it is nobody's own."""
    return entry.owner is None and entry.namespace == base_namespace(entry.namespace)


def _label(entry: Entry, fresh: Fresh, verdict: Agreement) -> Label:
    personal = entry.owner is not None
    withheld = fresh.withheld
    drawn = withheld.drawn
    # Verified mode adapts the probability to the namespace; a cut is tuned on the verifier's own.
    sure = withheld.confidence if drawn is None or drawn.grounds is None else drawn.grounds.chance
    return Label(
        namespace=base_namespace(entry.namespace),
        entry_id=entry.entry_id,
        asked="" if personal else fresh.identity.compared,
        cached="" if personal else entry.compared,
        conversation=bool(entry.transcript),
        similarity=withheld.similarity,
        confidence=sure,
        same=verdict is Agreement.SAME,
        source=Source.SHADOW if drawn is None else Source.EXPLORED,
        asker=fresh.identity.norm_digest[:8].hex(),
        weight=withheld.weight,
    )
