"""What every Upstream keeps to, held against a scripted provider on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from semcache.errors import UpstreamTimeout, UpstreamUnavailable
from semcache.gateway.http_upstream import HttpUpstream
from semcache.ports import Upstream, UpstreamRequest
from semcache.settings import UpstreamSettings
from tests.gateway.provider import Gate, Provider, Reply, provider
from tests.integration.conftest import eventually
from tests.patience import LONG_S

MakeUpstream = Callable[..., Upstream]
CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with provider() as made:
        yield made


@pytest.fixture
def p(running: Provider) -> Provider:
    running.calls.clear()
    running.always(Reply())
    return running


@pytest.fixture
def pauses() -> list[float]:
    """How long the upstream slept."""
    return []


@pytest.fixture
async def make_upstream(p: Provider, pauses: list[float]) -> AsyncIterator[MakeUpstream]:
    """An upstream before the scripted provider, with settings that a test may vary; it sleeps no time."""
    made: list[HttpUpstream] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    def make(**options: Any) -> Upstream:
        settings = UpstreamSettings(**{"base_url": p.url, "timeout_s": LONG_S, "silence_s": LONG_S, **options})
        made.append(HttpUpstream("scripted", settings, sleep=sleep, chance=lambda: 0.0))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()


@pytest.fixture
def upstream(make_upstream: MakeUpstream) -> Upstream:
    return make_upstream()


def asks(path: str = CHAT, *, method: str = "POST", **fields: Any) -> UpstreamRequest:
    body = json.dumps({"model": "gpt-test", "messages": MESSAGES, **fields}).encode() if method == "POST" else b""
    headers = [(b"content-type", b"application/json"), (b"authorization", b"Bearer k")]
    return UpstreamRequest(method=method, path=path, headers=headers, body=body)


async def body_of(upstream: Upstream, request: UpstreamRequest) -> tuple[int, bytes]:
    answer = await upstream.send(request)
    return answer.status, b"".join([chunk async for chunk in answer.chunks()])


async def test_request_and_answer_pass_unchanged(p: Provider, upstream: Upstream) -> None:
    p.then(Reply(raw=b'{"answer" : 1}', headers={"X-Thing": "a", "Connection": "x-hop", "X-Hop": "b"}))
    request = UpstreamRequest(
        method="POST",
        path="/v1/files%20x",
        query=b"a='1'&b=[2]&c=%2f",
        headers=[(b"x-twice", b"1"), (b"x-twice", b"\xfc")],
        body=b"\x00not json",
    )
    answer = await upstream.send(request)
    assert answer.status == 200
    assert (b"x-thing", b"a") in answer.headers
    assert not {b"connection", b"x-hop", b"transfer-encoding"} & {name for name, _ in answer.headers}
    assert b"".join([chunk async for chunk in answer.chunks()]) == b'{"answer" : 1}'
    came = p.calls[0]
    assert (came.method, came.path, came.query, came.body) == (
        "POST", "/v1/files%20x", "a='1'&b=[2]&c=%2f", b"\x00not json",
    )  # fmt: skip
    own = {b"host", b"content-length"}
    assert [(name, value) for name, value in came.headers if name.lower() not in own] == request.headers


async def test_a_base_path_stands_for_v1(p: Provider, make_upstream: MakeUpstream) -> None:
    for base, expected in (
        (p.origin, CHAT),
        (f"{p.origin}/", CHAT),
        (p.url, CHAT),
        (f"{p.origin}/openai/v2/", "/openai/v2/chat/completions"),
    ):
        await body_of(make_upstream(base_url=base), asks())
        assert p.calls[-1].path == expected


async def test_the_body_is_not_decoded(p: Provider, upstream: Upstream) -> None:
    p.then(Reply(gzip=True))
    answer = await upstream.send(
        UpstreamRequest(method="GET", path="/v1/models", headers=[(b"accept-encoding", b"gzip")])
    )
    raw = b"".join([chunk async for chunk in answer.chunks()])
    assert dict(answer.headers)[b"content-encoding"] == b"gzip"
    assert json.loads(gzip.decompress(raw))["object"] == "list"


async def test_a_stream_comes_as_it_is_sent(p: Provider, upstream: Upstream) -> None:
    gate = Gate()
    p.then(Reply(gate=gate, gate_at=2))
    answer = await upstream.send(asks(stream=True))
    chunks = answer.chunks()
    got = b""
    while got.count(b"\n\n") < 2:
        got += await anext(aiter(chunks))
    assert not p.calls[0].finished.is_set()
    gate.open()
    got += b"".join([chunk async for chunk in chunks])
    assert got.endswith(b"data: [DONE]\n\n")


async def test_connections_are_used_again(p: Provider, upstream: Upstream) -> None:
    before = p.connections
    for stream in (True, False, True):
        await body_of(upstream, asks(stream=stream))
    assert p.connections == before + 1
    p.then(Reply(status=500), Reply(status=429))
    assert (await body_of(upstream, asks()))[0] == 200
    assert p.connections == before + 1


async def test_connections_are_bounded(p: Provider, make_upstream: MakeUpstream) -> None:
    gate = Gate()
    p.always(Reply(gate=gate))
    upstream = make_upstream(pool_size=2, connect_timeout_s=1.0)
    first = [asyncio.create_task(body_of(upstream, asks())) for _ in range(2)]
    await eventually(lambda: len(p.calls) == 2)
    with pytest.raises(UpstreamUnavailable, match="busy"):
        await upstream.send(asks())
    gate.open()
    assert [status for status, _ in await asyncio.gather(*first)] == [200, 200]
    assert len(p.calls) == 2


@pytest.mark.parametrize("at", [-1, 0, 2])
async def test_silence_ends_in_a_timeout(p: Provider, make_upstream: MakeUpstream, at: int) -> None:
    upstream = make_upstream(silence_s=0.2, retries=0)
    p.then(Reply(gate=Gate(), gate_at=at))
    with pytest.raises(UpstreamTimeout):
        await asyncio.wait_for(body_of(upstream, asks(stream=True)), LONG_S)
    await eventually(lambda: p.calls and p.calls[0].left.is_set())


async def test_the_whole_has_a_deadline_whatever_comes_meanwhile(p: Provider, make_upstream: MakeUpstream) -> None:
    upstream = make_upstream(timeout_s=0.3, retries=5)
    p.always(Reply(pause_s=0.05))
    with pytest.raises(UpstreamTimeout, match=r"within 0\.3 s"):
        await asyncio.wait_for(body_of(upstream, asks(stream=True, n=9)), LONG_S)
    p.always(Reply(gate=Gate()))
    with pytest.raises(UpstreamTimeout, match=r"within 0\.3 s"):
        await asyncio.wait_for(upstream.send(asks()), LONG_S)


@pytest.mark.parametrize("fault", [Reply(reset_at=3), Reply(close_at=3), Reply(reset_at=0), Reply(close_at=0)])
async def test_a_stream_that_breaks_is_no_end(p: Provider, upstream: Upstream, fault: Reply) -> None:
    p.then(fault)
    got = b""
    with pytest.raises(UpstreamUnavailable, match="broke") as caught:  # noqa: PT012
        answer = await upstream.send(asks(stream=True))
        async for chunk in answer.chunks():
            got += chunk
    assert not isinstance(caught.value, UpstreamTimeout)
    assert got.count(b"\n\n") == (fault.reset_at or fault.close_at or 0)
    assert len(p.calls) == (1 if got else len(p.calls))


async def test_a_body_shorter_than_announced_is_no_end(p: Provider, upstream: Upstream) -> None:
    p.then(Reply(close_at=1))
    with pytest.raises(UpstreamUnavailable):
        await body_of(upstream, asks())


async def test_too_many_requests_are_waited_for(p: Provider, upstream: Upstream, pauses: list[float]) -> None:
    p.then(Reply(status=429, headers={"Retry-After": "3"}), Reply(status=503))
    status, body = await body_of(upstream, asks())
    assert status == 200
    assert json.loads(body)["choices"]
    assert pauses == [3.0, 1.0]


async def test_the_last_refusal_is_the_answer(p: Provider, upstream: Upstream, pauses: list[float]) -> None:
    p.then(Reply(status=500), Reply(status=500), Reply(status=502))
    status, body = await body_of(upstream, asks())
    assert (status, json.loads(body)["error"]["message"]) == (502, "scripted 502")
    assert pauses == [0.5, 1.0]
    p.then(Reply(status=429, headers={"Retry-After": "60"}))
    assert (await body_of(upstream, asks()))[0] == 429
    assert len(p.calls) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 501])
async def test_what_is_the_request_s_fault_is_not_repeated(p: Provider, upstream: Upstream, status: int) -> None:
    p.always(Reply(status=status))
    assert (await body_of(upstream, asks()))[0] == status
    assert len(p.calls) == 1


async def test_what_is_not_known_is_not_repeated(p: Provider, upstream: Upstream) -> None:
    p.always(Reply(status=500))
    assert (await body_of(upstream, asks("/v1/files")))[0] == 500
    assert len(p.calls) == 1
    assert (await body_of(upstream, asks("/v1/files", method="GET")))[0] == 500
    assert len(p.calls) == 4


@pytest.mark.parametrize("fault", [Reply(reset_at=-1), Reply(close_at=-1)])
async def test_a_connection_that_breaks_before_the_answer(p: Provider, upstream: Upstream, fault: Reply) -> None:
    p.then(fault, fault)
    assert (await body_of(upstream, asks()))[0] == 200
    p.then(fault)
    with pytest.raises(UpstreamUnavailable):
        await upstream.send(asks("/v1/files"))
    p.always(fault)
    with pytest.raises(UpstreamUnavailable):
        await upstream.send(asks())


async def test_a_refused_connection(make_upstream: MakeUpstream, pauses: list[float]) -> None:
    with provider() as gone:
        upstream = make_upstream(base_url=gone.url)
        assert (await body_of(upstream, asks()))[0] == 200
        gone.stop()
        with pytest.raises(UpstreamUnavailable, match="cannot be reached") as caught:
            await upstream.send(asks("/v1/files"))
        assert not isinstance(caught.value, UpstreamTimeout)
        assert pauses == [0.5, 1.0]
        gone.start()
        assert (await body_of(upstream, asks()))[0] == 200


@pytest.mark.parametrize(
    "reply",
    [
        Reply(raw=b"<html>bad gateway", content_type="text/html"),
        Reply(raw=b'{"id": "x", "choi'),
        Reply(raw=b"", status=200),
        Reply(raw=b"\xff\xfe", status=418, content_type="nonsense"),
    ],
)
async def test_garbage_passes_through(p: Provider, upstream: Upstream, reply: Reply) -> None:
    p.then(reply)
    answer = await upstream.send(asks())
    assert answer.status == reply.status
    assert dict(answer.headers)[b"content-type"].decode() == (reply.content_type or "application/json")
    assert b"".join([chunk async for chunk in answer.chunks()]) == reply.raw


@pytest.mark.parametrize("at", [-1, 0, 2])
async def test_cancelling_ends_the_call_at_the_provider(p: Provider, upstream: Upstream, at: int) -> None:
    gate = Gate()
    p.then(Reply(gate=gate, gate_at=at))
    reading = asyncio.create_task(body_of(upstream, asks(stream=True)))
    await eventually(gate.reached.is_set)
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    await eventually(p.calls[0].left.is_set)
    assert (await body_of(upstream, asks()))[0] == 200


async def test_closing_an_answer_early_ends_the_call(p: Provider, upstream: Upstream) -> None:
    p.then(Reply(gate=Gate(), gate_at=2), Reply(gate=Gate(), gate_at=0))
    answer = await upstream.send(asks(stream=True))
    assert await anext(aiter(answer.chunks()))
    await answer.aclose()
    await answer.aclose()
    await eventually(p.calls[0].left.is_set)
    await (await upstream.send(asks(stream=True))).aclose()  # its body was not begun
    await eventually(p.calls[1].left.is_set)


async def test_a_slow_reader_holds_the_provider_back(p: Provider, upstream: Upstream) -> None:
    block, blocks = b"x" * 100_000, 300
    p.then(Reply(body=lambda: (block for _ in range(blocks))))
    answer = await upstream.send(asks("/v1/files/1/content", method="GET"))
    chunks = answer.chunks()
    size = len(await anext(aiter(chunks)))
    call = p.calls[0]
    seen = -1
    while seen != call.sent:  # until the sockets' buffers are full
        seen = call.sent
        await asyncio.sleep(0.2)
    assert seen < len(block) * blocks / 2
    size += sum([len(chunk) async for chunk in chunks])
    assert size == len(block) * blocks
    await eventually(call.finished.is_set)


async def test_many_at_once(p: Provider, upstream: Upstream) -> None:
    texts = [f"question {n}" for n in range(60)]

    async def ask(text: str) -> str:
        _, body = await body_of(upstream, asks(messages=[{"role": "user", "content": text}]))
        said: str = json.loads(body)["choices"][0]["message"]["content"]
        return said

    assert await asyncio.gather(*map(ask, texts)) == [f"You said: {text}" for text in texts]


async def test_after_its_end_it_refuses(upstream: Upstream) -> None:
    assert isinstance(upstream, HttpUpstream)
    await upstream.aclose()
    with pytest.raises(UpstreamUnavailable, match="closed"):
        await upstream.send(asks())


async def test_cancelled_callers_leave_no_connection_taken(p: Provider, make_upstream: MakeUpstream) -> None:
    upstream = make_upstream(pool_size=3, connect_timeout_s=LONG_S)
    p.always(Reply(pause_s=0.002))
    chance = random.Random(7)

    async def hasty(patience_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await body_of(upstream, asks(stream=True))

    await asyncio.gather(*(hasty(chance.uniform(0, 0.15)) for _ in range(120)))
    gate = Gate()
    p.always(Reply(gate=gate))
    last = [{"role": "user", "content": "one of the last three"}]
    all_of_them = [asyncio.create_task(body_of(upstream, asks(messages=last))) for _ in range(3)]
    # what was left a moment ago may still arrive there
    await eventually(lambda: sum(call.json.get("messages") == last for call in list(p.calls)) == 3)
    gate.open()
    assert [status for status, _ in await asyncio.gather(*all_of_them)] == [200] * 3
    await eventually(lambda: p.open_connections <= 3)
