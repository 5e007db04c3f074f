"""The watcher keeps the near cache true: it reads the change log to its end, over and over, and drops what it names.

Where the log has a gap, all copies of the shard go; where the store's contents are others than before, all copies.
While the log cannot be read nothing is confirmed, and after `policy.copies.CONFIRMED_S` no copy is served. It has a
place of its own in the log, beside the follower's: it needs no vectors, so it is never behind by the time that these
take, and a service without an embedder has it too. After an interruption the log's word counts for own writes, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from semcache.errors import Unavailable
from semcache.near import Near, awake_or_not
from semcache.ports import ChangeLog, Position, ShardChanges

log = logging.getLogger(__name__)

_WAIT_S: Final = 0.15
"""Longest wait for a change: with a round trip and what the event loop is late, well within what is trusted."""
_PAUSE_S: Final = 0.05
"""After changes: those of this time are read together, so that many stores cost few reads."""
_GENERATION_EVERY_S: Final = 1.0
_RETRY_S: Final = (0.1, 0.2, 0.5, 1.0)


class Watcher:
    """Follows the change log for a near cache."""

    def __init__(self, near: Near, changes: ChangeLog, *, monotonic: Callable[[], float] = awake_or_not) -> None:
        """`monotonic`: the near cache's clock."""
        self._near = near
        self._log = changes
        self._monotonic = monotonic
        self._positions: list[Position] = []
        self._generation = ""
        self._failures = 0
        """Looks in a row that failed."""

    async def run(self) -> None:
        """Follow until cancelled; a store that is away is waited for."""
        while True:
            try:
                await self._begin()
                await self._follow()
            except Unavailable as error:
                self._near.disown()
                if self._failures == 0:
                    log.warning("near cache not trusted, the change log cannot be read reason=%s", error.code)
                await asyncio.sleep(_RETRY_S[min(self._failures, len(_RETRY_S) - 1)])
                self._failures += 1

    async def _begin(self) -> None:
        """Go on where we were; with a store of other contents, from its end."""
        generation = await self._log.generation()
        if generation != self._generation:
            self._positions = await self._log.tails()
            self._near.drop_all()  # after the ends are known: what changes from here on is told
            for shard, position in enumerate(self._positions):
                self._near.read_to(shard, position.seq)
            self._generation = generation

    async def _follow(self) -> None:
        checked = self._monotonic()
        while True:
            if self._monotonic() - checked >= _GENERATION_EVERY_S:
                if await self._log.generation() != self._generation:
                    return  # `run` begins anew
                checked = self._monotonic()
            asked = self._monotonic()
            changed = await self._log.changes(self._positions, wait_s=_WAIT_S)
            self._failures = 0
            self._apply(changed)
            if not any(change.more or change.lost for change in changed):  # of lost writes it tells first, and alone
                self._near.confirm(asked)
                if changed:
                    await asyncio.sleep(_PAUSE_S)

    def _apply(self, changed: Iterable[ShardChanges]) -> None:
        for change in changed:
            if change.gap:
                self._near.drop_all(shard=change.shard)
            else:
                self._near.told(change.entry_ids, change.seqs)
                for namespace in change.namespaces:
                    self._near.drop_all(shard=change.shard, namespace=namespace or None)
            self._positions[change.shard] = change.position
            self._near.read_to(change.shard, change.position.seq)
