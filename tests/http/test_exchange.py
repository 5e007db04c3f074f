"""Bodies that come in parts, both ways, over a real server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import uvicorn

from semcache.errors import TooLarge, UpstreamUnavailable
from semcache.http.exchange import Answer, Call, Disconnected, StreamAnswer
from tests.loopback import free_port
from tests.patience import LONG_S

Handler = Callable[[Any, Any], Any]


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[httpx.AsyncClient]:
    """A server whose every request is answered by `handler(scope, receive)`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["request_id"] = "r-1"
        answer = await handler(scope, receive)
        if isinstance(answer, StreamAnswer):
            await answer.send(scope, receive, send)
        else:
            await answer.send(scope, send)

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(LONG_S):
            while not server.started:
                await asyncio.sleep(0.01)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=LONG_S) as client:
            yield client
    finally:
        server.should_exit = True
        await task


class Source:
    """Chunks that the test lets go one by one; remembers that it was closed."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.closed = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        """What was put, until None; an exception is raised."""
        try:
            while (item := await self.queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            await asyncio.sleep(0)  # closing may take a while, and is waited for
            self.closed.set()

    async def answer(self, _: Any, __: Any) -> StreamAnswer:
        """The handler."""
        return StreamAnswer(200, [(b"x-cache-status", b"MISS")], self.chunks(), b"text/event-stream")


async def test_each_chunk_is_sent_at_once() -> None:
    source = Source()
    async with serving(source.answer) as client, client.stream("GET", "/") as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
        assert (answer.headers["x-cache-status"], answer.headers["x-request-id"]) == ("MISS", "r-1")
        received = answer.aiter_raw()
        for text in (b"one", b"two"):
            await source.queue.put(text)
            assert await anext(received) == text  # before the next is there
        await source.queue.put(None)
        assert [part async for part in received] == []
        await source.closed.wait()


async def test_a_client_that_leaves_closes_the_source() -> None:
    source = Source()
    async with serving(source.answer) as client:
        async with client.stream("GET", "/") as answer:
            await source.queue.put(b"one")
            assert await anext(answer.aiter_raw()) == b"one"
        async with asyncio.timeout(LONG_S):
            await source.closed.wait()  # though nothing more was ever sent


@pytest.mark.parametrize(
    ("error", "level"), [(UpstreamUnavailable("broke off"), logging.WARNING), (ValueError("a defect"), logging.ERROR)]
)
async def test_a_source_that_fails_cuts_the_answer(
    error: Exception, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source()
    async with serving(source.answer) as client, client.stream("GET", "/") as answer:
        received = answer.aiter_raw()
        await source.queue.put(b"one")
        assert await anext(received) == b"one"
        await source.queue.put(error)
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(received)
        await source.closed.wait()
    assert [record.levelno for record in caplog.records if record.name == "semcache.http.exchange"] == [level]


async def test_head_has_no_body() -> None:
    source = Source()
    async with serving(source.answer) as client:
        answer = await client.head("/")
        assert (answer.status_code, answer.content) == (200, b"")


def _call(*parts: bytes, whole: bool = True) -> Call:
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if whole:
        messages.append({"type": "http.request", "body": b"", "more_body": False})
    messages.append({"type": "http.disconnect"})

    async def receive() -> Any:
        return messages.pop(0)

    return Call(None, {"headers": []}, receive)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_lines_do_not_depend_on_how_the_body_was_cut(size: int) -> None:
    body = b"one\r\n\ntwo words\n" + "drei\u00e9\n".encode() + b"last"
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    assert [line async for line in _call(*parts).lines(20)] == [
        b"one",
        b"",
        b"two words",
        "drei\u00e9".encode(),
        b"last",
    ]


async def test_a_line_that_never_ends_is_not_gathered() -> None:
    call = _call(*[b"x" * 10] * 100)
    with pytest.raises(TooLarge, match="line 1 "):
        [line async for line in call.lines(25)]
    assert (await call.receive())["type"] == "http.request"  # the rest was not read


async def test_a_body_that_breaks_off_is_told() -> None:
    with pytest.raises(Disconnected):
        [line async for line in _call(b"one\ntw", whole=False).lines(20)]


async def test_a_body_is_read_as_it_comes() -> None:
    async def count(scope: Any, receive: Any) -> Answer:
        call = Call(None, scope, receive)  # type: ignore[arg-type]
        return Answer(200, b"%d" % len([line async for line in call.lines(100)]))

    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"line\n" * 100

    async with serving(count) as client:
        assert (await client.post("/", content=body())).text == "10000"
