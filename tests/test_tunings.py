"""Tuned cuts: shared, lasting, and never looser than what the operator's settings name unless he says so."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from semcache.errors import RequestError
from semcache.policy.tuning import UNTUNED, Tuning
from semcache.settings import Settings
from semcache.stores.store import RedisStore
from semcache.tunings import Tunings
from tests.conftest import Backend
from tests.ops import opened, settings_for


@pytest.fixture
async def store(embedded_server: str, key_prefix: str) -> AsyncIterator[RedisStore]:
    async with opened(settings_for(Backend(embedded_server), key_prefix)) as one:
        yield one


FREE = Settings()
NAMED = Settings(threshold=0.9, namespaces={"strict": {"threshold": 0.97}})


async def test_what_is_set_is_everywhere_and_lasts(store: RedisStore) -> None:
    one, two = Tunings(store.control, FREE), Tunings(store.control, FREE)
    assert one.of("a") == UNTUNED
    await one.set("a", Tuning(threshold=0.8), who="ann", grounds={"labels": 300})
    assert one.of("a~0123") == Tuning(threshold=0.8)
    assert two.of("a") == UNTUNED
    await two.follow()
    assert two.of("a").threshold == 0.8
    assert two.of("b") == UNTUNED
    await two.set("a", None, who="bob")
    await one.follow()
    assert one.of("a") == UNTUNED
    assert one.all() == {}
    newest, first = await one.history()
    assert (newest.who, newest.tuning) == ("bob", None)
    assert (first.who, first.namespace, first.tuning, first.grounds) == (
        "ann",
        "a",
        Tuning(threshold=0.8),
        {"labels": 300},
    )
    assert first.at_ms > 1_600_000_000_000
    assert len(await one.history(1)) == 1


async def test_a_setting_that_is_named_is_only_tightened(store: RedisStore) -> None:
    tunings = Tunings(store.control, NAMED)
    for namespace, cut in (("any", 0.85), ("strict", 0.95)):
        with pytest.raises(RequestError, match="override") as raised:
            await tunings.set(namespace, Tuning(threshold=cut), who="ann")
        assert raised.value.field == "threshold"
    assert await tunings.history() == []
    await tunings.set("any", Tuning(threshold=0.95, confidence=0.5), who="ann")
    await tunings.set("strict", Tuning(threshold=0.9, override=True), who="ann")
    assert tunings.of("any") == Tuning(threshold=0.95, confidence=0.5)
    assert tunings.of("strict").threshold == 0.9
    with pytest.raises(RequestError, match="from 0 to 1"):
        await tunings.set("any", Tuning(confidence=1.5), who="ann")


async def test_a_setting_that_was_tightened_later_holds(store: RedisStore) -> None:
    await Tunings(store.control, FREE).set("any", Tuning(threshold=0.8), who="ann")
    later = Tunings(store.control, NAMED)
    await later.follow()
    assert later.of("any").threshold == 0.9
    assert later.all()["any"].threshold == 0.8


async def test_what_cannot_be_read_does_not_count(store: RedisStore) -> None:
    await store.control.hset("tuning", {"a": "{", "b": '{"threshold":0.8}'})
    tunings = Tunings(store.control, FREE)
    await tunings.follow()
    assert tunings.all() == {"b": Tuning(threshold=0.8)}
