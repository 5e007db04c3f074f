"""Which version of a model is in force, over replicas and restarts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from semcache.errors import StoreUnavailable
from semcache.gateway import versions as module
from semcache.gateway.versions import Versions
from semcache.settings import Settings, StoreSettings, UpstreamSettings
from semcache.stores.control import RedisControl
from semcache.stores.store import RedisStore
from tests.conftest import Backend
from tests.integration.conftest import eventually
from tests.patience import LONG_S

UPSTREAMS = {
    "u": UpstreamSettings(base_url="http://h", model_versions={"pinned": "mine"}),
    "other": UpstreamSettings(base_url="http://h"),
}


@pytest.fixture
async def control(store_backend: Backend, key_prefix: str) -> Any:
    store = StoreSettings(key_prefix=key_prefix, cluster=store_backend.cluster, deadline_s=LONG_S)
    made = RedisStore(Settings(redis_url=store_backend.url, store=store), None)
    await made.start()
    yield made.control
    await made.aclose()


async def replica(control: RedisControl) -> Versions:
    made = Versions(control, UPSTREAMS)
    await made.refresh()
    return made


async def test_a_version_is_named_once_it_changes(control: RedisControl) -> None:
    versions = await replica(control)
    assert versions.label("u", "gpt") == ""
    assert await versions.observe("u", "gpt", "gpt-1", "")
    assert await versions.observe("u", "gpt", None, "")
    assert versions.label("u", "gpt") == ""
    assert not await versions.observe("u", "gpt", "gpt-2", "")
    assert versions.label("u", "gpt") == "gpt-2"
    assert await versions.observe("u", "gpt", "gpt-2", "gpt-2")
    assert not await versions.observe("u", "gpt", "gpt-1", "gpt-2")
    assert versions.label("u", "gpt") == ""
    assert await versions.observe("u", "gpt", "gpt-1", "")
    assert versions.label("u", "other") == versions.label("other", "gpt") == ""


async def test_an_answer_to_an_older_question_changes_nothing(control: RedisControl) -> None:
    versions = await replica(control)
    await versions.observe("u", "gpt", "gpt-1", "")
    await versions.observe("u", "gpt", "gpt-2", "")
    assert not await versions.observe("u", "gpt", "gpt-2", ""), "asked for under the old label"
    assert await versions.observe("u", "gpt", "gpt-1", ""), "an old answer under the old label"
    assert not await versions.observe("u", "gpt", "gpt-3", "")
    assert versions.label("u", "gpt") == "gpt-2"


async def test_the_operator_decides_where_he_names_it(control: RedisControl) -> None:
    versions = Versions(control, UPSTREAMS)
    assert versions.label("u", "pinned") == "mine"
    assert await versions.observe("u", "pinned", "a", "mine")
    assert await versions.observe("u", "pinned", "b", "mine")
    assert await control.hget_all("versions:u") == {}


async def test_before_the_first_look_no_version_is_known(control: RedisControl) -> None:
    versions = Versions(control, UPSTREAMS)
    with pytest.raises(StoreUnavailable):
        versions.label("u", "gpt")


async def test_replicas_and_restarts_agree(control: RedisControl) -> None:
    one, two = await replica(control), await replica(control)
    await one.observe("u", "gpt", "gpt-1", "")
    await one.observe("u", "gpt", "gpt-2", "")
    assert (await replica(control)).label("u", "gpt") == "gpt-2"
    assert two.label("u", "gpt") == ""
    assert not await two.observe("u", "gpt", "gpt-2", ""), "the other replica's news"
    assert two.label("u", "gpt") == "gpt-2"
    three = Versions(control, UPSTREAMS)
    polling = asyncio.create_task(three.run(0.01))
    try:
        await eventually(lambda: "u" in three._known and three.label("u", "gpt") == "gpt-2")
        await one.observe("u", "gpt", "gpt-3", "gpt-2")
        await eventually(lambda: three.label("u", "gpt") == "gpt-3")
    finally:
        polling.cancel()


async def test_a_race_for_the_first(control: RedisControl) -> None:
    replicas = [await replica(control) for _ in range(8)]
    told = await asyncio.gather(*(each.observe("u", "gpt", f"gpt-{n % 2}", "") for n, each in enumerate(replicas)))
    for each in replicas:
        await each.refresh()
    known = [each._known["u"]["gpt"] for each in replicas]
    assert len(set(known)) == 1
    winners = {f"gpt-{n % 2}" for n, same in enumerate(told) if same}
    assert winners == {known[0].first}, "what was stored under the old label is of one version"


async def test_news_in_one_process_are_written_once(control: RedisControl, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = await replica(control)
    await versions.observe("u", "gpt", "gpt-1", "")
    written: list[Any] = []
    write = control.hset

    async def hset(name: str, fields: Any, **options: Any) -> None:
        written.append(fields)
        await write(name, fields, **options)

    monkeypatch.setattr(control, "hset", hset)
    told = await asyncio.gather(*(versions.observe("u", "gpt", "gpt-2", "") for _ in range(50)))
    assert not any(told)
    assert len(written) == 1


async def test_names_are_bounded(control: RedisControl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ALIASES", 3)
    versions = await replica(control)
    told = [await versions.observe("u", f"m{n}", "x", "") for n in range(5)]
    assert told == [True, True, True, False, False]
    assert not await versions.observe("other", "m" * 300, "x", "")
    assert len(await control.hget_all("versions:u")) == 3


async def test_a_lock_that_another_holds(control: RedisControl) -> None:
    paused = 0

    async def sleep(_seconds: float) -> None:
        nonlocal paused
        paused += 1

    await control.acquire("versions:u", "someone", 60)
    versions = Versions(control, UPSTREAMS, sleep=sleep)
    await versions.refresh()
    with pytest.raises(StoreUnavailable):
        await versions.observe("u", "gpt", "gpt-1", "")
    assert paused == 50
    await control.release("versions:u", "someone")
    assert await versions.observe("u", "gpt", "gpt-1", "")


async def test_what_cannot_be_read_is_no_version(control: RedisControl) -> None:
    await control.hset("versions:u", {"gpt": "nonsense"})
    with pytest.raises(StoreUnavailable):
        await Versions(control, UPSTREAMS).refresh()
