"""The watcher confirms only what it has read to the end, and drops all that it cannot know of."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from semcache.errors import StoreUnavailable
from semcache.models import SHARDS
from semcache.near import Near
from semcache.ports import Position, ShardChanges, Written
from semcache.settings import NearSettings
from semcache.watcher import Watcher
from tests.patience import LONG_S
from tests.test_near import entry_of, keep

Step = list[ShardChanges] | Exception


class Script:
    """A change log that says what a test wrote, then nothing more; each look takes a second of the test's clock."""

    def __init__(self, *steps: Step, generations: Sequence[str] = ("one",)) -> None:
        self.now_s = 100.0
        self.ended = asyncio.Event()
        self.asked: list[list[Position]] = []
        self._steps = list(steps)
        self._generations = list(generations)

    async def generation(self) -> str:
        return self._generations.pop(0) if len(self._generations) > 1 else self._generations[0]

    async def tails(self) -> list[Position]:
        return [Position("9-0", 9)] * SHARDS

    async def changes(self, positions: Sequence[Position], *, wait_s: float) -> list[ShardChanges]:
        self.asked.append(list(positions))
        if not self._steps:
            self.ended.set()
            await asyncio.Event().wait()
        self.now_s += 1.0
        step = self._steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def change(shard: int, *ids: str, seq: int = 10, **more: object) -> ShardChanges:
    position = Position(f"{seq}-0", seq)
    return ShardChanges(shard=shard, entry_ids=ids, position=position, **more)  # type: ignore[arg-type]


async def watched(script: Script, *numbers: int, late: bool = False) -> Near:
    """A near cache with the entries of these numbers, once a watcher has read the script to its end."""
    near = Near(NearSettings(), epoch=lambda namespace, shard: 0, monotonic=lambda: script.now_s)
    watcher = Watcher(near, script, monotonic=lambda: script.now_s)
    if late:
        await watcher._begin()
    for number in numbers:
        keep(near, entry_of(number))
    running = asyncio.create_task(watcher.run())
    await asyncio.wait_for(script.ended.wait(), LONG_S)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return near


def kept(near: Near) -> set[int]:
    return {number for number in range(6) if entry_of(number).entry.entry_id in near._kept}


async def test_what_was_kept_before_the_log_was_known_is_dropped() -> None:
    assert kept(await watched(Script([]), 0, 1)) == set()


async def test_a_look_that_finds_the_end_confirms_the_moment_when_it_began() -> None:
    script = Script([])
    near = await watched(script, late=True)
    assert (script.now_s, near.lag_s) == (101.0, 1.0)


async def test_ids_namespaces_and_gaps_are_dropped_and_nothing_else() -> None:
    assert kept(await watched(Script([change(0, entry_of(0).entry.entry_id)]), 0, 1, 3, late=True)) == {1, 3}
    # 0 and 3 are of shard 0 and of two namespaces; 2 is of the first, and of another shard
    assert kept(await watched(Script([change(0, namespaces=("one",))]), 0, 2, 3, late=True)) == {2, 3}
    assert kept(await watched(Script([change(0, namespaces=("",))]), 0, 2, 3, late=True)) == {2}
    assert kept(await watched(Script([change(0, gap=True)]), 0, 2, 3, late=True)) == {2}


async def test_a_look_that_found_no_end_confirms_nothing() -> None:
    script = Script([], [change(0, more=True)], [change(0, seq=11, more=True)])
    near = await watched(script, late=True)
    assert near.lag_s == 3.0
    assert [positions[0].seq for positions in script.asked] == [9, 9, 10, 11]


async def test_a_store_that_is_away_confirms_nothing_and_is_gone_on_with() -> None:
    script = Script([change(0)], StoreUnavailable("gone"), StoreUnavailable("gone"))
    near = await watched(script, 1, late=True)
    assert near.lag_s == 3.0
    assert kept(near) == {1}
    assert script.asked[-1][0].seq == 10


async def test_a_store_of_other_contents_begins_anew() -> None:
    script = Script([], StoreUnavailable("gone"), [], generations=("one", "one", "two"))
    assert kept(await watched(script, 0, 1, late=True)) == set()
    assert script.asked[-1][0].seq == 9


async def test_lost_writes_are_told_alone_so_that_they_confirm_nothing_of_the_other_shards() -> None:
    near = await watched(Script([], [change(0, gap=True, lost=True)]), 1, late=True)
    assert near.lag_s == 2.0
    assert kept(near) == {1}


async def test_after_an_interruption_the_log_ends_copies_of_own_writes_too() -> None:
    """A store that lost the write gives its number to another one."""
    for steps, expected in (([], {0}), ([StoreUnavailable("gone")], set[int]())):
        script = Script(*steps, [change(0, entry_of(0).entry.entry_id, seqs=(10,))])
        near = Near(NearSettings(), epoch=lambda namespace, shard: 0, monotonic=lambda: 100.0)
        watcher = Watcher(near, script, monotonic=lambda: 100.0)
        await watcher._begin()
        entry_id = entry_of(0).entry.entry_id
        written = Written(entry=entry_of(0).entry, replaced=False, shard_entries=1, seq=10, disputed=False)
        near.wrote(near.writing(entry_id), written)
        running = asyncio.create_task(watcher.run())
        await asyncio.wait_for(script.ended.wait(), LONG_S)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert kept(near) == expected
