"""The renewer: copies of what is there live on, copies of what is gone end, and nothing counts as used by that."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from semcache.errors import StoreUnavailable
from semcache.near import Near
from semcache.policy.copies import RENEWED_S
from semcache.renewer import Renewer
from semcache.settings import NearSettings
from tests.test_near import Model, entry_of, identity, keep


class Store:
    """Says of records whether they are gone, and what its clock shows."""

    def __init__(self, *gone: int) -> None:
        self.gone_ids = {identity(number).entry_id for number in gone}
        self.asked: list[set[str]] = []
        self.away = False

    async def gone(self, entry_ids: Sequence[str]) -> tuple[dict[int, int], list[str]]:
        self.asked.append(set(entry_ids))
        if self.away:
            raise StoreUnavailable("away")
        clocks = dict.fromkeys(range(3), Model.offset_ms + 50_000)
        return clocks, [entry_id for entry_id in entry_ids if entry_id in self.gone_ids]


def aged(now: list[float]) -> Near:
    """A near cache with the entries 0 and 1, and 2, which is younger."""
    near = Near(NearSettings(), epoch=lambda namespace, shard: 0, monotonic=lambda: now[0])
    keep(near, entry_of(0))
    keep(near, entry_of(1))
    now[0] = 50.0
    keep(near, entry_of(2))
    return near


def found(near: Near, at_s: float) -> list[bool]:
    near.confirm(at_s)
    return [near.find(identity(number), None) is not None for number in range(3)]


async def test_what_is_there_lives_on_and_what_is_gone_ends() -> None:
    now = [0.0]
    near, store = aged(now), Store(1)
    await Renewer(near, store).renew()  # type: ignore[arg-type]
    assert store.asked == [{identity(0).entry_id, identity(1).entry_id}]  # 2 is young enough
    now[0] = RENEWED_S + 20.0
    assert found(near, now[0]) == [True, False, True]
    hit = near.find(identity(0), None)
    assert hit is not None
    assert hit.now_ms == Model.offset_ms + 50_000 + 30_000  # 30 s after the store's clock was asked
    now[0] = 50.0 + RENEWED_S + 0.1
    assert found(near, now[0]) == [False, False, False]


async def test_while_the_store_is_away_copies_come_of_age() -> None:
    now = [0.0]
    near, store = aged(now), Store()
    store.away = True
    with pytest.raises(StoreUnavailable):
        await Renewer(near, store).renew()  # type: ignore[arg-type]
    now[0] = RENEWED_S + 0.1
    assert found(near, now[0]) == [False, False, True]


async def test_without_copies_nothing_is_asked() -> None:
    near = Near(NearSettings(), epoch=lambda namespace, shard: 0, monotonic=lambda: 0.0)
    store = Store()
    await Renewer(near, store).renew()  # type: ignore[arg-type]
    assert store.asked == []
