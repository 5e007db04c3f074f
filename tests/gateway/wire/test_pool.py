"""How connections come about, are used again and end: TLS, addresses, and callers who leave at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from semcache.errors import UpstreamTimeout, UpstreamUnavailable
from semcache.gateway.http_upstream import HttpUpstream
from semcache.ports import UpstreamRequest
from semcache.settings import UpstreamSettings
from tests.gateway.wire.raw import WHOLE, Raw, Script, ask, raw_server, says
from tests.integration.conftest import eventually

EVIL = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
GET = UpstreamRequest(method="GET", path="/v1/x", headers=[])


@contextlib.asynccontextmanager
async def asking(raw: Raw, **options: Any) -> AsyncIterator[HttpUpstream]:
    made = raw.upstream(**options)
    yield made
    await made.aclose()


own_loop = pytest.mark.asyncio(loop_factories=["asyncio"])
"""For tests that replace a function of the loop, which uvloop does not let them."""


def resolves(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Every name has these addresses from now on."""

    async def found(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)


# -- nobody gets another's bytes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 60_000, 70_000, 300_000, 1_000_000])
async def test_what_follows_an_answer_is_not_the_next(either: Raw, size: int) -> None:
    either.script = says(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b%b" % (size, b"x" * size, EVIL))
    async with asking(either) as upstream:
        answer = await upstream.send(GET)
        for _ in range(20):
            await asyncio.sleep(0.005)  # a reader who is late
        assert len(b"".join([part async for part in answer.chunks()])) == size
        either.script = says(WHOLE)
        assert (await ask(upstream))[::2] == (200, b"ok")
    assert either.connections == 2


@pytest.mark.parametrize("seen", [False, True])
async def test_what_comes_while_nobody_asks_is_no_answer(either: Raw, seen: bool) -> None:
    async with asking(either) as upstream:
        assert (await ask(upstream))[::2] == (200, b"ok")
        there = either.writers[0]
        there.write(EVIL)
        await there.drain()
        if seen:
            await eventually(lambda: either.open == 0)
        assert (await ask(upstream))[::2] == (200, b"ok")
    assert either.connections == 2


@pytest.mark.parametrize("end", ["", "close"])
async def test_an_answer_before_the_request_was_read(either: Raw, end: str) -> None:
    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
        await writer.drain()
        if end:
            writer.close()  # with bytes unread
        else:
            while await reader.read(1 << 20):
                pass

    either.script = early
    async with asking(either) as upstream:
        assert (await ask(upstream, "POST", b"x" * 24_000_000))[::2] == (413, b"big")
        either.script = says(WHOLE)
        assert (await ask(upstream))[::2] == (200, b"ok")
    assert either.connections == 2


def echo(chance: random.Random) -> Script:
    """Answers with the path it was asked for, framed in any way, with what nobody asked for behind it now and then."""

    def framed(name: bytes) -> tuple[bytes, bool]:
        body = name * chance.choice([1, 10, 20_000])
        whole = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        return chance.choice(
            [
                (whole, False),
                (chunks, False),
                (b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + whole, False),
                (b"HTTP/1.1 200 OK\r\n\r\n" + body, True),
                (whole + EVIL, False),
                (chunks + EVIL, False),
                (whole.replace(b"OK\r\n", b"OK\r\nconnection: close\r\n"), True),
            ]
        )

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = script_of.heads[-1]  # type: ignore[attr-defined]
        found = re.match(rb"\S+ /v1/(\S+)", head)
        assert found
        said, end = framed(found[1] + b";")
        while said:
            size = chance.choice([7, 40, 5000, len(said)])
            writer.write(said[:size])
            said = said[size:]
            if chance.random() > 0.98:
                return  # stuck, and not closed: that would be an end
            if chance.random() < 0.3:
                await asyncio.sleep(0)
        if end:
            writer.close()

    script_of = script
    return script


@pytest.mark.parametrize("seed", range(3))
async def test_everybody_gets_what_is_theirs(either: Raw, seed: int) -> None:
    chance = random.Random(seed)
    either.script = echo(chance)
    either.script.heads = either.heads  # type: ignore[attr-defined]
    whole = 0

    async def one(upstream: HttpUpstream, number: int) -> None:
        nonlocal whole
        name = b"q%d" % number
        with contextlib.suppress(UpstreamUnavailable, TimeoutError):
            async with asyncio.timeout(chance.choice([0.01, 0.05, 0.2, 5.0])):
                answer = await upstream.send(UpstreamRequest(method="GET", path=f"/v1/{name.decode()}", headers=[]))
                body = b""
                try:
                    async for part in answer.chunks():
                        body += part
                        assert set(body.split(b";")[:-1]) <= {name}
                        if chance.random() < 0.02:
                            return
                finally:
                    await answer.aclose()
                assert set(body.split(b";")) == {name, b""}
                whole += 1

    async with asking(either, pool_size=4, silence_s=0.3, connect_timeout_s=5.0) as upstream:
        await asyncio.gather(*(one(upstream, number) for number in range(120)))
        either.script = says(WHOLE)
        assert [got[2] for got in await asyncio.gather(*(ask(upstream) for _ in range(8)))] == [b"ok"] * 8
    assert whole > 20
    await eventually(lambda: either.open == 0)


# -- callers who leave --------------------------------------------------------------------------------------------


@own_loop
async def test_a_caller_may_leave_a_race_at_any_step(either: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, "127.0.0.2", "127.0.0.1", "127.0.0.1")
    await test_a_caller_may_leave_at_any_step(either)


async def test_a_caller_may_leave_at_any_step(either: Raw) -> None:
    async with asking(either, pool_size=1, connect_timeout_s=5.0) as upstream:
        await upstream.open()
        steps = 0
        over = False
        while not over:
            asked = asyncio.create_task(ask(upstream))
            for _ in range(steps):
                await asyncio.sleep(0)
            steps += 1
            over = asked.done() and steps > 30
            asked.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                assert (await asked)[::2] == (200, b"ok")
            await eventually(lambda: either.open <= 1)
            if steps % 2:  # every other time a new connection
                upstream._pool.close()  # type: ignore[union-attr]
                upstream._pool._closed = False  # type: ignore[union-attr]
                await eventually(lambda: either.open == 0)
    await eventually(lambda: either.open == 0)


async def test_what_is_being_opened_comes_to_nothing_with_the_pool(either: Raw) -> None:
    for steps in range(40):
        upstream = either.upstream(connect_timeout_s=5.0)
        await upstream.open()
        asked = asyncio.create_task(ask(upstream))
        for _ in range(steps):
            await asyncio.sleep(0)
        await upstream.aclose()
        with contextlib.suppress(UpstreamUnavailable):
            assert (await asked)[::2] == (200, b"ok")
        await eventually(lambda: either.open == 0)


async def test_those_who_wait_are_told_of_the_end(either: Raw) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    either.script = never
    upstream = either.upstream(pool_size=1, connect_timeout_s=30.0)
    asked = [asyncio.create_task(ask(upstream)) for _ in range(3)]
    await eventually(lambda: len(either.heads) == 1)
    await upstream.aclose()
    for one in asked:
        with pytest.raises(UpstreamUnavailable):
            await one
    assert either.connections == 1


# -- TLS ----------------------------------------------------------------------------------------------------------


async def test_over_tls(secure: Raw) -> None:
    async with asking(secure) as upstream:
        for _ in range(2):
            assert (await ask(upstream))[::2] == (200, b"ok")
    assert secure.connections == 1
    async with asking(secure, base_url=f"https://localhost:{secure.port}/v1") as wrong:
        with pytest.raises(UpstreamUnavailable, match=r"cannot be reached.*certificate"):
            await ask(wrong)


async def test_authorities_that_nobody_named(secure: Raw, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    async with asking(secure) as upstream:
        with pytest.raises(UpstreamUnavailable, match=r"cannot be reached.*certificate"):
            await ask(upstream)
    assert not secure.heads


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_an_ipv6_address(scheme: str, tls: ssl.SSLContext) -> None:
    try:
        async with raw_server("::1", tls if scheme == "https" else None) as raw:
            async with asking(raw, base_url=f"{scheme}://[::1]:{raw.port}/v1") as upstream:
                assert (await ask(upstream))[::2] == (200, b"ok")
            assert b"\r\nhost: [::1]:%d\r\n" % raw.port in raw.heads[0]
    except OSError:
        pytest.skip("no IPv6 here")


@pytest.mark.parametrize("cut", [False, True])
async def test_tls_tells_the_end_of_a_body(secure: Raw, cut: bool) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nso far")
        await writer.drain()
        if cut:  # the sockets' end, without a word of TLS
            with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as same:
                same.shutdown(socket.SHUT_WR)
            await reader.read()
        writer.close()

    secure.script = script
    async with asking(secure) as upstream:
        answer = await upstream.send(GET)
        if cut:
            with pytest.raises(UpstreamUnavailable, match="broke"):
                assert [part async for part in answer.chunks()] == [b"so far"]
        else:
            assert [part async for part in answer.chunks()] == [b"so far"]


async def test_a_handshake_that_never_ends(tls: ssl.SSLContext) -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()
        left.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = UpstreamSettings(base_url=f"https://127.0.0.1:{port}", retries=0, connect_timeout_s=0.3)
    upstream = HttpUpstream("u", settings)
    with pytest.raises(UpstreamTimeout, match="in time"):
        await ask(upstream)
    await asyncio.wait_for(left.wait(), 30)
    await upstream.aclose()
    server.close()


async def test_a_kept_connection_may_end_at_any_step(either: Raw) -> None:
    async with asking(either) as upstream:
        for steps in range(25):
            assert (await ask(upstream))[::2] == (200, b"ok")
            either.writers[-1].close()
            for _ in range(steps):
                await asyncio.sleep(0)
                pool = upstream._pool
                assert pool is not None
                for one in pool._idle:
                    one.stale()
            with contextlib.suppress(UpstreamUnavailable):  # no other error
                assert (await ask(upstream))[::2] == (200, b"ok")


# -- addresses ----------------------------------------------------------------------------------------------------


@own_loop
async def test_the_next_address_is_tried(either: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, "127.0.0.2", "127.0.0.1")
    async with asking(either) as upstream:
        assert (await ask(upstream))[::2] == (200, b"ok")
    resolves(monkeypatch, "127.0.0.2", "127.0.0.3")
    async with asking(either) as upstream:
        with pytest.raises(UpstreamUnavailable, match="cannot be reached"):
            await ask(upstream)
    resolves(monkeypatch)
    async with asking(either) as upstream:
        with pytest.raises(UpstreamUnavailable, match="no address"):
            await ask(upstream)


@own_loop
async def test_an_address_that_says_nothing_is_left(secure: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    silent, left = 0, 0

    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal silent, left
        silent += 1
        while await reader.read(1000):
            pass
        writer.close()
        left += 1

    server = await asyncio.start_server(nothing, "127.0.0.2", secure.port)
    resolves(monkeypatch, "127.0.0.2", "127.0.0.1")
    async with asking(secure) as upstream:
        assert (await ask(upstream))[::2] == (200, b"ok")
        await eventually(lambda: silent == left == 1)
    server.close()


@own_loop
async def test_an_address_is_looked_up_for_each_connection(either: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, "127.0.0.2")
    either.script = says(WHOLE, end="close")
    async with asking(either) as upstream:
        with pytest.raises(UpstreamUnavailable):
            await ask(upstream)
        resolves(monkeypatch, "127.0.0.1")
        assert (await ask(upstream))[::2] == (200, b"ok")


# -- how long they are kept ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "kept"), [(b"timeout=5, max=99", True), (b"max=9, Timeout=1", False), (b"x", True)])
async def test_how_long_a_provider_keeps_a_connection(either: Raw, told: bytes, kept: bool) -> None:
    either.script = says(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nkeep-alive: %b\r\n\r\nok" % told)
    async with asking(either) as upstream:
        for _ in range(2):
            assert (await ask(upstream))[::2] == (200, b"ok")
    assert either.connections == (1 if kept else 2)
