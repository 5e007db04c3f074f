"""Identical concurrent requests over two replicas on one store: one call of upstream, whoever leaves or dies."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import re
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from semcache.errors import RequestError
from semcache.ports import UpstreamAnswer, UpstreamRequest
from tests.gateway.conftest import Gateway, Seen, events_of, many
from tests.gateway.provider import BEFORE_HEADERS, Gate, Reply
from tests.integration.conftest import eventually
from tests.patience import LONG_S
from tests.serving import Served

PATH = "/v1/chat/completions"
MANY = 100
NO_CACHE = {"cache-control": "no-cache"}


@pytest.fixture(scope="module")
def standing(standalone_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Gateway]]:
    """Two replicas on one store, in front of one provider."""
    with many(standalone_server, tmp_path_factory.mktemp("replicas")) as opened:
        yield [opened(gateway={"lease_s": 30}) for _ in range(2)]


@pytest.fixture
def replicas(standing: list[Gateway]) -> list[Gateway]:
    """The same, with a clean provider."""
    for each in standing:
        each.clean()
    return standing


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=LONG_S, limits=limits) as client:
        yield client


def asking(prompt: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}], **more}


async def ask(http: httpx.AsyncClient, gateway: Gateway, prompt: str, **more: Any) -> Seen:
    headers = more.pop("headers", None)
    return Seen(await http.post(gateway.url + PATH, json=asking(prompt, **more), headers=headers))


async def has_store(http: httpx.AsyncClient, process: Served) -> bool:
    """Whether a process has found its store."""
    return bool((await http.get(f"{process.url}/readyz")).json()["parts"]["store"]["ok"])


async def until_cut(parts: AsyncIterator[bytes]) -> bytes:
    """What still comes of an answer whose connection is then cut."""
    told = b""
    with contextlib.suppress(httpx.TransportError):
        async for part in parts:
            told += part
        pytest.fail("the answer came to a good end")
    return told


def waiting(gateways: list[Gateway]) -> int:
    """Callers that have boarded a flight, over all gateways."""
    coalescers = [gateway.service.front._parts.coalescer for gateway in gateways]  # type: ignore[union-attr]
    flights = [flight for each in coalescers for flight in list(each._flights.values())]
    return sum(flight.followers + flight.led_here for flight in flights)


def refusals(gateway: Gateway) -> float:
    """Stores that were refused because what is kept was asked for later."""
    counted = re.findall(r'semcache_stores_total{.*reason="newer_kept".*} (.+)', gateway.client.get("/metrics").text)
    return sum(map(float, counted))


@pytest.mark.parametrize("form", ["whole", "stream", "mixed"])
async def test_a_hundred_at_once_make_one_call(replicas: list[Gateway], http: httpx.AsyncClient, form: str) -> None:
    provider, gate = replicas[0].provider, Gate()
    provider.always(Reply(gate=gate, gate_at=0 if form == "stream" else -1))
    forms: list[dict[str, Any]] = {
        "whole": [{}],
        "stream": [{"stream": True}],
        "mixed": [{}, {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}],
    }[form]
    asks = [
        asyncio.create_task(ask(http, replicas[n % 2], f"a hundred {form}", **forms[n % len(forms)]))
        for n in range(MANY)
    ]
    await eventually(lambda: waiting(replicas) >= MANY, what="a hundred callers on one flight")
    await eventually(gate.reached.is_set, what="the call")
    assert len(provider.calls) == 1
    gate.open()
    seen = await asyncio.gather(*asks)
    assert len(provider.calls) == 1
    assert {one.code for one in seen} == {200}
    assert {one.text for one in seen} == {f"You said: a hundred {form}"}
    assert {one.status for one in seen} == {"MISS"}
    streams = [one for one in seen if one.is_stream]
    assert all(one.done for one in streams)
    asked_usage = [one for n, one in enumerate(seen) if "stream_options" in forms[n % len(forms)]]
    assert {bool(one.events[-1].get("usage")) for one in asked_usage} <= {True}
    assert not any(event.get("usage") for one in streams if one not in asked_usage for event in one.events)
    if form == "stream":
        assert len({one.raw for one in streams}) == 1
    shared = [one for one in seen if "collapsed" in one.headers["cache-status"]]
    assert len(shared) == MANY - 1
    paid = [one.evidence["cost_usd"] for one in seen if not one.is_stream]
    assert sum(cost > 0 for cost in paid) <= 1
    assert (await ask(http, replicas[1], f"a hundred {form}")).status == "HIT"


async def test_a_request_right_after_an_answer_is_a_hit(replicas: list[Gateway], http: httpx.AsyncClient) -> None:
    for number in range(20):
        for stream in (False, True):
            prompt = f"right after {number} {stream}"
            first = await ask(http, replicas[0], prompt, stream=stream)
            second = await ask(http, replicas[0], prompt, stream=stream)
            assert (first.status, second.status) == ("MISS", "HIT")
    assert len(replicas[0].provider.calls) == 40


async def test_right_after_an_answer_another_replica_has_it_kept_or_still_under_way(
    replicas: list[Gateway], http: httpx.AsyncClient
) -> None:
    """Who asked is not kept waiting until it is stored."""
    for number in range(20):
        for stream in (False, True):
            prompt = f"right after, elsewhere {number} {stream}"
            first = await ask(http, replicas[0], prompt, stream=stream)
            second = await ask(http, replicas[1], prompt, stream=stream)
            assert (first.status, second.text) == ("MISS", first.text)
            assert second.status == "HIT" or "collapsed" in second.headers["cache-status"]
    assert len(replicas[0].provider.calls) == 40


@pytest.mark.parametrize("who", ["leader", "follower", "remote follower", "all"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_whoever_leaves_loses_nobody_elses_answer(
    replicas: list[Gateway], http: httpx.AsyncClient, who: str, stream: bool
) -> None:
    provider, gate = replicas[0].provider, Gate()
    provider.always(Reply(gate=gate, gate_at=2 if stream else -1))
    prompt = f"somebody leaves {who} {stream}"
    places = [replicas[0], replicas[0], replicas[1]]
    asks = []
    for place in places:
        asks.append(asyncio.create_task(ask(http, place, prompt, stream=stream)))
        await eventually(lambda: waiting(replicas) >= len(asks), what="boarding")
    leaving = {"leader": [0], "follower": [1], "remote follower": [2], "all": [0, 1, 2]}[who]
    for number in leaving:
        asks[number].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asks[number]
    gate.open()
    for number, one in enumerate(asks):
        if number not in leaving:
            assert (await one).text == f"You said: {prompt}"
    after = await ask(http, replicas[1], prompt, stream=stream)  # it may still board, where everybody has left
    assert after.text == f"You said: {prompt}"
    assert (await ask(http, replicas[0], prompt)).status == "HIT"
    assert len(provider.calls) == 1


async def test_a_late_follower_of_a_stream_gets_it_from_its_beginning(
    replicas: list[Gateway], http: httpx.AsyncClient
) -> None:
    gate = Gate()
    replicas[0].provider.always(Reply(gate=gate, gate_at=3))
    first = asyncio.create_task(ask(http, replicas[0], "late to a stream", stream=True))
    await eventually(gate.reached.is_set, what="half a stream")
    body = asking("late to a stream", stream=True)
    async with http.stream("POST", replicas[1].url + PATH, json=body) as late:
        parts = late.aiter_raw()
        begun = await anext(parts)  # while the leader's stream is still open
        assert not first.done()
        gate.open()
        whole = begun + b"".join([part async for part in parts])
    assert whole == (await first).raw


@pytest.mark.parametrize("gate_at", [BEFORE_HEADERS, 1], ids=["asked", "half told"])
@pytest.mark.parametrize("where", [0, 1], ids=["here", "elsewhere"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_no_cache_shares_no_call_that_was_made_before(
    replicas: list[Gateway], http: httpx.AsyncClient, stream: bool, where: int, gate_at: int
) -> None:
    provider, gate = replicas[0].provider, Gate()
    provider.then(Reply(text="before", gate=gate, gate_at=gate_at))
    provider.always(Reply(text="news"))
    prompt = f"no-cache beside a flight {stream} {where} {gate_at}"
    before = asyncio.create_task(ask(http, replicas[0], prompt, stream=stream))
    try:
        await eventually(gate.reached.is_set, what="the call before")
        asks = [ask(http, replicas[where], prompt, stream=stream, headers=NO_CACHE) for _ in range(2)]
        news = [await one for one in asks]
        assert not before.done()
    finally:
        gate.open()
    assert [one.text for one in news] == ["news"] * 2
    assert {(one.status, one.reason) for one in news} == {("MISS", "no_cache")}
    assert not any("collapsed" in one.headers["cache-status"] for one in news)
    assert (await before).text == "before"
    assert len(provider.calls) == 3


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_no_cache_shares_no_call_whose_answer_is_being_stored_elsewhere(
    replicas: list[Gateway], http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    """The lease is held until the store is done: a flight is open whose answer is complete."""
    provider, going, go = replicas[0].provider, asyncio.Event(), asyncio.Event()
    cache = replicas[0].service.front._parts.cache  # type: ignore[union-attr]
    store = cache.store

    async def held(*args: Any, **more: Any) -> Any:
        if not going.is_set():
            going.set()
            await go.wait()
        return await store(*args, **more)

    monkeypatch.setattr(cache, "store", held)
    prompt = f"no-cache beside a store {stream}"
    try:
        assert (await ask(http, replicas[0], prompt, stream=stream)).status == "MISS"
        await eventually(going.is_set, what="the store")
        provider.always(Reply(text="news"))
        seen = await ask(http, replicas[1], prompt, stream=stream, headers=NO_CACHE)
        assert waiting(replicas[:1]) == 1, "the flight is open"
    finally:
        replicas[0]._loop.call_soon_threadsafe(go.set)
    assert (seen.text, seen.status, seen.reason) == ("news", "MISS", "no_cache")
    assert "collapsed" not in seen.headers["cache-status"]
    assert len(provider.calls) == 2


@pytest.mark.parametrize("where", [0, 1], ids=["here", "elsewhere"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_what_no_cache_brought_outlives_the_answer_of_a_call_before(
    replicas: list[Gateway], http: httpx.AsyncClient, stream: bool, where: int
) -> None:
    provider, gate = replicas[0].provider, Gate()
    provider.then(Reply(text="before", gate=gate))
    provider.always(Reply(text="news"))
    prompt, told = f"no-cache overtakes {stream} {where}", refusals(replicas[0])
    before = asyncio.create_task(ask(http, replicas[0], prompt, stream=stream))
    try:
        await eventually(gate.reached.is_set, what="the call before")
        assert (await ask(http, replicas[where], prompt, stream=stream, headers=NO_CACHE)).text == "news"
        await eventually(lambda: replicas[where].is_kept(prompt), what="the news")
    finally:
        gate.open()
    assert (await before).text == "before"
    replicas[0].settled()
    assert [replica.chat(prompt).text for replica in replicas] == ["news"] * 2
    assert refusals(replicas[0]) == told + 1
    assert len(provider.calls) == 2


@pytest.mark.parametrize("where", [0, 1], ids=["here", "elsewhere"])
async def test_who_comes_after_a_call_with_no_cache_shares_it(
    replicas: list[Gateway], http: httpx.AsyncClient, where: int
) -> None:
    provider, gate = replicas[0].provider, Gate()
    provider.always(Reply(text="news", gate=gate))
    prompt = f"after no-cache {where}"
    first = asyncio.create_task(ask(http, replicas[0], prompt, headers=NO_CACHE))
    await eventually(gate.reached.is_set, what="its call")
    later = asyncio.create_task(ask(http, replicas[where], prompt))
    await eventually(lambda: waiting(replicas) >= 2, what="who came after it")
    gate.open()
    assert [(await one).text for one in (first, later)] == ["news", "news"]
    assert len(provider.calls) == 1


@pytest.mark.parametrize("status", [401, 403, 429])
async def test_a_refusal_of_one_credential_is_nobody_elses(
    replicas: list[Gateway], http: httpx.AsyncClient, status: int
) -> None:
    provider, gate = replicas[0].provider, Gate()
    provider.then(Reply(status=status, gate=gate))
    prompt = f"refused with {status}"
    asks = []
    for number in range(4):
        asks.append(asyncio.create_task(ask(http, replicas[number % 2], prompt)))
        await eventually(lambda: waiting(replicas) >= len(asks), what="boarding")
    gate.open()
    seen = await asyncio.gather(*asks)
    assert [one.code for one in seen] == [status, 200, 200, 200]
    assert len(provider.calls) == 4
    assert all("collapsed" not in one.headers["cache-status"] for one in seen)


@pytest.mark.parametrize("status", [400, 404, 422, 500, 503])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_other_refusals_are_shared(
    replicas: list[Gateway], http: httpx.AsyncClient, status: int, stream: bool
) -> None:
    provider, gate = replicas[0].provider, Gate()
    provider.then(Reply(status=status, gate=gate))
    prompt = f"shared refusal {status} {stream}"
    asks = []
    for number in range(4):
        asks.append(asyncio.create_task(ask(http, replicas[number % 2], prompt, stream=stream)))
        await eventually(lambda: waiting(replicas) >= len(asks), what="boarding")
    gate.open()
    seen = await asyncio.gather(*asks)
    assert {one.code for one in seen} == {status}
    assert len({one.raw for one in seen}) == 1
    assert len(provider.calls) == 1
    assert (await ask(http, replicas[0], prompt)).code == 200


@pytest.mark.parametrize("status", [400, 404, 422, 500])
@pytest.mark.parametrize(
    "wrong", [{"service_tier": "bogus"}, {"stream": True}, {"headers": {"user-agent": "odd"}}], ids=str
)
async def test_a_refusal_of_what_no_identity_knows_of_is_for_those_who_asked_it(
    replicas: list[Gateway], http: httpx.AsyncClient, status: int, wrong: dict[str, Any]
) -> None:
    """The others have an answer: by one call more, as a rule, and by one for each of their kinds at most, where some
    meet the refused flight once more before it is gone."""
    provider, gate = replicas[0].provider, Gate()
    provider.then(Reply(status=status, gate=gate))
    prompt = f"refused with {status} for {wrong}"
    asks = []
    for number in range(6):
        more = wrong if number < 2 else {"user": f"number {number}"} if number < 4 else {}
        asks.append(asyncio.create_task(ask(http, replicas[number % 2], prompt, **more)))
        await eventually(lambda: waiting(replicas) >= len(asks), what="boarding")
    gate.open()
    assert [(await one).code for one in asks[:2]] == [status] * 2
    assert [(await one).text for one in asks[2:]] == [f"You said: {prompt}"] * 4
    assert 2 <= len(provider.calls) <= 4 + 1
    for replica in replicas:
        replica.settled()
    assert replicas[1].chat(prompt).status == "HIT"


async def test_who_is_refused_for_a_field_of_its_own_keeps_nobody_waiting(
    replicas: list[Gateway], http: httpx.AsyncClient
) -> None:
    """Of whom each is refused for something else each has one call."""
    provider, gate = replicas[0].provider, Gate()
    provider.always(Reply(status=400, gate=gate))
    asks = []
    for number in range(6):
        asks.append(asyncio.create_task(ask(http, replicas[number % 2], "all are wrong", user=f"number {number}")))
        await eventually(lambda: waiting(replicas) >= len(asks), what="boarding")
    gate.open()
    assert [(await one).code for one in asks] == [400] * 6
    assert sorted(call.json["user"] for call in provider.calls) == [f"number {number}" for number in range(6)]


async def test_what_cannot_be_sent_for_one_is_sent_for_another(
    replicas: list[Gateway], http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    front, reached, go = replicas[0].service.front, threading.Event(), threading.Event()
    assert front is not None
    (upstream,) = front.upstreams.all
    send = upstream.send

    async def choosy(request: UpstreamRequest) -> UpstreamAnswer:
        if (b"user-agent", b"odd") in request.headers:
            reached.set()
            assert await asyncio.to_thread(go.wait, LONG_S)
            raise RequestError("no HTTP")
        return await send(request)

    monkeypatch.setattr(upstream, "send", choosy)
    prompt = "cannot be sent"
    odd = asyncio.create_task(ask(http, replicas[0], prompt, headers={"user-agent": "odd"}))
    try:
        await eventually(reached.is_set, what="the call")
        asks = [asyncio.create_task(ask(http, replicas[0], prompt)) for _ in range(2)]
        await eventually(lambda: waiting(replicas) >= 3, what="followers")
    finally:
        go.set()
    assert (await odd).code == 502
    assert [(await one).text for one in asks] == [f"You said: {prompt}"] * 2
    assert len(replicas[0].provider.calls) == 1


async def test_a_leader_replica_that_is_killed_is_replaced(
    standalone_server: str, prepared_models_dir: Path, replicas: list[Gateway], http: httpx.AsyncClient, tmp_path: Path
) -> None:
    """SIGKILL of a real process in the middle of its stream: followers elsewhere who were sent nothing yet get their
    answers by one new call; streams that have begun end in an error event and a cut connection.
    """
    provider, gate = replicas[0].provider, Gate()
    provider.then(Reply(gate=gate, gate_at=3))
    prefix = replicas[0].service.settings.store.key_prefix
    process = Served(
        tmp_path,
        prepared_models_dir,
        {
            "SEMCACHE_REDIS_URL": standalone_server,
            "SEMCACHE_STORE__KEY_PREFIX": prefix,
            "SEMCACHE_EMBEDDER": "off",
            "SEMCACHE_GATEWAY__LEASE_S": "2",
            "SEMCACHE_UPSTREAMS": json.dumps(
                {"main": {"base_url": provider.url, "api_key": "sk-operator", "retries": 0}}
            ),
        },
    )
    prompt = f"its leader dies {uuid.uuid4()}"
    try:
        await asyncio.to_thread(process.start, ready=False)
        await eventually(lambda: has_store(http, process), what="the store of the process")
        body = asking(prompt, stream=True)
        async with http.stream("POST", process.url + PATH, json=body) as dying:
            parts = dying.aiter_raw()
            await anext(parts)
            followers = [asyncio.create_task(ask(http, replicas[n % 2], prompt)) for n in range(4)]
            await eventually(lambda: waiting(replicas) >= len(followers), what="followers")
            async with http.stream("POST", replicas[0].url + PATH, json=body) as begun:
                rest = begun.aiter_raw()
                await anext(rest)
                assert len(provider.calls) == 1
                process.kill()
                told = await until_cut(rest)
            await until_cut(parts)
        seen = await asyncio.gather(*followers)
    finally:
        gate.open()
        process.clean()
    assert events_of(told)[-1]["error"]["code"] == "flight_lost"
    assert [one.text for one in seen] == [f"You said: {prompt}"] * 4
    assert len(provider.calls) == 2, "one new call serves all who followed"
    assert (await ask(http, replicas[0], prompt)).status == "HIT"


# -- embeddings ------------------------------------------------------------------------------------------------------


async def embed(http: httpx.AsyncClient, gateway: Gateway, texts: list[str], **headers: str) -> httpx.Response:
    body = {"model": "text-embedding-3-small", "input": texts}
    return await http.post(f"{gateway.url}/v1/embeddings", json=body, headers=headers)


async def test_a_hundred_batches_of_embeddings_at_once_make_one_call(
    replicas: list[Gateway], http: httpx.AsyncClient
) -> None:
    provider, gate = replicas[0].provider, Gate()
    provider.always(Reply(gate=gate))
    texts = ["a hundred", "times", "these"]
    asks = [asyncio.create_task(embed(http, replicas[n % 2], texts)) for n in range(MANY)]
    await eventually(lambda: waiting(replicas) >= MANY, what="a hundred callers on one flight")
    gate.open()
    seen = await asyncio.gather(*asks)
    assert len(provider.calls) == 1
    assert {one.status_code for one in seen} == {200}
    assert len({str(one.json()["data"]) for one in seen}) == 1


async def test_batches_that_overlap_ask_for_each_input_once(replicas: list[Gateway], http: httpx.AsyncClient) -> None:
    provider, gate = replicas[0].provider, Gate()
    provider.always(Reply(gate=gate))
    first = asyncio.create_task(embed(http, replicas[0], ["shared", "mine"]))
    await eventually(gate.reached.is_set, what="the first call")
    second = asyncio.create_task(embed(http, replicas[1], ["shared", "yours"]))
    await eventually(lambda: waiting(replicas) >= 2, what="the follower")
    gate.open()
    await asyncio.gather(first, second)
    assert [call.json["input"] for call in provider.calls] == [["shared", "mine"], ["yours"]]


@pytest.mark.parametrize("trouble", [Reply(status=401), Reply(status=500), Reply(reset_at=-1)], ids=str)
async def test_trouble_with_one_batch_is_nobody_elses(
    replicas: list[Gateway], http: httpx.AsyncClient, trouble: Reply
) -> None:
    provider, gate = replicas[0].provider, Gate()
    provider.then(dataclasses.replace(trouble, gate=gate))
    texts = [f"in trouble {trouble.status} {trouble.reset_at}"]
    asks = []
    for number in range(4):
        asks.append(asyncio.create_task(embed(http, replicas[number % 2], texts)))
        await eventually(lambda: waiting(replicas) >= len(asks), what="boarding")
    gate.open()
    seen = await asyncio.gather(*asks)
    assert [one.status_code for one in seen] == [502 if trouble.status == 200 else trouble.status, 200, 200, 200]


async def test_embeddings_whose_client_leaves_are_kept(replicas: list[Gateway], http: httpx.AsyncClient) -> None:
    provider, gate = replicas[0].provider, Gate()
    provider.always(Reply(gate=gate))
    asked = asyncio.create_task(embed(http, replicas[0], ["left behind"]))
    await eventually(gate.reached.is_set, what="the call")
    asked.cancel()
    gate.open()
    kept = await eventually(lambda: cached(http, replicas[1], "left behind"), what="what was asked for is kept")
    assert kept
    assert len(provider.calls) == 1


async def cached(http: httpx.AsyncClient, gateway: Gateway, text: str) -> bool:
    """Whether an embedding is there without a call."""
    return (await embed(http, gateway, [text], **{"cache-control": "only-if-cached"})).status_code == 200
