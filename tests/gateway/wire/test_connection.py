"""How a provider's answers are framed, and what ends a connection: raw bytes on real sockets."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from semcache.errors import RequestError, UpstreamTimeout, UpstreamUnavailable
from semcache.gateway.connection import MOST_HEAD_BYTES, Unsendable, written
from semcache.gateway.http_upstream import HttpUpstream
from semcache.ports import UpstreamRequest
from tests.gateway.wire.raw import WHOLE, Raw, ask, says

GET = UpstreamRequest(method="GET", path="/v1/x", headers=[])
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=y\r\na\r\n5\r\nb\r\ncd\r\n0\r\nx-late: 1\r\n\r\n"


@pytest.mark.parametrize("size", [1, 2, 7, len(CHUNKED)])
async def test_chunks_however_they_are_cut(raw: Raw, upstream: HttpUpstream, size: int) -> None:
    raw.script = says(*(CHUNKED[at : at + size] for at in range(0, len(CHUNKED), size)))
    for _ in range(2):
        assert await ask(upstream) == (200, {}, b"ab\r\ncd")
    assert raw.connections == 1


@pytest.mark.parametrize(
    ("method", "said", "expected"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", (200, {b"content-length": b"0"}, b"")),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", (204, {}, b"")),
        ("GET", b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n", (304, {b"etag": b"x"}, b"")),
        ("GET", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-none:\r\n\r\n", (200, {b"x-none": b""}, b"")),
        ("GET", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" + WHOLE, (200, {}, b"ok")),
    ],
    ids=["head", "204", "304", "empty", "announced"],
)
async def test_where_an_answer_ends(
    raw: Raw, upstream: HttpUpstream, method: str, said: bytes, expected: tuple[int, dict[bytes, bytes], bytes]
) -> None:
    raw.script = says(said)
    for _ in range(2):
        status, headers, body = await ask(upstream, method)
        assert (status, body) == (expected[0], expected[2])
        assert expected[1].items() <= headers.items()
        assert b"link" not in headers
    assert raw.connections == 1


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: Chunked \r\n\r\n2\r\nok\r\n0\r\n\r\n",
        WHOLE + b"more",
        WHOLE + WHOLE,
    ],
    ids=["close", "old", "old chunks", "twice framed", "garbage", "two"],
)
async def test_connections_that_are_not_used_again(raw: Raw, upstream: HttpUpstream, said: bytes) -> None:
    raw.script = says(said)
    for number in (1, 2):
        status, headers, body = await ask(upstream)
        assert (status, body) == (200, b"ok")
        assert headers.get(b"content-length") in (None, b"2")
        assert raw.connections == number


async def test_a_body_may_end_with_the_connection(raw: Raw, upstream: HttpUpstream) -> None:
    raw.script = says(b"HTTP/1.1 200 OK\r\n\r\n", b"so", b"me", end="close")
    assert (await ask(upstream))[::2] == (200, b"some")
    raw.script = says(b"HTTP/1.1 200 OK\r\n\r\n", b"so", end="reset")
    with pytest.raises(UpstreamUnavailable, match="broke"):
        await ask(upstream)


async def test_what_came_before_the_end_is_told_before_it(raw: Raw, upstream: HttpUpstream) -> None:
    raw.script = says(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome", end="close")
    answer = await upstream.send(UpstreamRequest(method="GET", path="/v1/x", headers=[]))
    for _ in range(20):
        await asyncio.sleep(0.01)  # until the end is known here, too
    parts = answer.chunks()
    assert await anext(parts) == b"some"
    with pytest.raises(UpstreamUnavailable, match="broke"):
        await anext(parts)


@pytest.mark.parametrize(
    "said",
    [
        b"<html>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: identity\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok!\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
        b"HTTP/1.1 199 Wait\r\ncontent-length: 4\r\n\r\nevil" + WHOLE,
        b"HTTP/1.1 103 Wait\r\ntransfer-encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n" + WHOLE,
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2 * MOST_HEAD_BYTES,
    ],
    ids=[
        "page",
        "header",
        "length",
        "chunk",
        "coding",
        "codings",
        "identity",
        "lengths",
        "list",
        "overlong",
        "feeds",
        "announced body",
        "announced chunks",
        "upgrade",
        "endless",
    ],
)
async def test_what_is_no_http_is_no_answer(raw: Raw, upstream: HttpUpstream, said: bytes) -> None:
    raw.script = says(said, end="close" if b"identity" in said else "")
    with pytest.raises(UpstreamUnavailable):
        await ask(upstream)
    raw.script = says(WHOLE)
    assert (await ask(upstream))[::2] == (200, b"ok")
    assert raw.connections == 2


async def test_a_connection_that_ended_meanwhile_is_not_asked(raw: Raw, upstream: HttpUpstream) -> None:
    raw.script = says(WHOLE, end="close")
    for number in (1, 2, 3):
        assert (await ask(upstream, "POST"))[::2] == (200, b"ok")
        assert raw.connections == number
        await raw.writers[-1].wait_closed()


async def test_a_request_that_is_still_being_taken_is_no_silence(raw: Raw) -> None:
    size = 24_000_000

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = size
        while left:
            if left > size / 2:  # the rest may lie in the sockets' buffers, where nobody sees it move
                await asyncio.sleep(0.02)
            left -= len(await reader.read(left))
        writer.write(WHOLE)

    raw.script = slowly
    upstream = raw.upstream(silence_s=1.0)
    assert (await ask(upstream, "POST", b"x" * size))[0] == 200

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    raw.script = never
    with pytest.raises(UpstreamTimeout, match="silent"):
        await ask(upstream, "POST", b"x" * size)
    await upstream.aclose()


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("GET", b"/a b", (b"x", b"y")),
        ("GET", b"/a\r\n", (b"x", b"y")),
        ("GET", b"", (b"x", b"y")),
        ("G T", b"/", (b"x", b"y")),
        ("GET", b"/", (b"x", b"y\r\nz: 1")),
        ("GET", b"/", (b"x", b"y\0")),
        ("GET", b"/", (b"x y", b"z")),
        ("GET", b"/", (b"", b"z")),
        ("GET", b"/", (b"x\n", b"z")),
        ("GET", b"/", (b"x: y", b"z")),
        ("GET", b"/", (b"x", b"\x7f")),
        ("GET", b"/", (b"Host", b"z")),
        ("POST", b"/", (b"Content-Length", b"9")),
        ("POST", b"/", (b"transfer-encoding", b"chunked")),
    ],
)
def test_what_http_cannot_carry(method: str, target: bytes, header: tuple[bytes, bytes]) -> None:
    assert written("GET", b"/", b"h", [(b"x", b"y")], b"") == b"GET / HTTP/1.1\r\nhost: h\r\nx: y\r\n\r\n"
    with pytest.raises(Unsendable):
        written(method, target, b"h", [header], b"")


async def test_what_cannot_be_sent_takes_no_connection(raw: Raw) -> None:
    upstream = raw.upstream(pool_size=1)
    for _ in range(3):
        with pytest.raises(RequestError, match="cannot be sent"):
            await upstream.send(UpstreamRequest(method="GET", path="/v1/x", headers=[(b"a b", b"c")]))
    assert (await ask(upstream))[0] == 200
    assert raw.heads[0].startswith(b"GET /v1/x HTTP/1.1\r\nhost: 127.0.0.1:")
    await upstream.aclose()


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n"),
    ],
)
async def test_a_body_that_may_not_be_reaches_nobody(
    raw: Raw, upstream: HttpUpstream, method: str, said: bytes
) -> None:
    raw.script = says(said)
    headers = (await ask(upstream, method))[1]
    assert (b"content-length" in headers) == (b"length" in said and b"204" not in said)

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if raw.connections == 1:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        writer.write(WHOLE)

    raw.script = late
    assert (await ask(upstream))[::2] == (200, b"ok")
    assert raw.connections == 2


@pytest.mark.parametrize(
    "piece", [b"x: y\r\n", b"z", b"HTTP/1.1 100 Continue\r\n\r\n", b"x" * 99], ids=["trailers", "one", "hints", "ext"]
)
async def test_nothing_but_a_body_is_endless(raw: Raw, piece: bytes) -> None:
    opening = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    if piece.startswith(b"HTTP"):
        opening = b""
    elif len(piece) == 99:
        opening += b"2;"
    else:
        opening += b"2\r\nok\r\n0\r\n" + (b"x: " if piece == b"z" else b"")
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(opening)
        block = piece * (16384 // len(piece))
        while sent < 4_000_000:
            writer.write(block)
            await writer.drain()
            sent += len(block)

    raw.script = script
    upstream = raw.upstream(silence_s=5.0)
    with pytest.raises(UpstreamUnavailable, match=f"longer than {MOST_HEAD_BYTES}"):
        await ask(upstream)
    await upstream.aclose()


async def test_a_head_that_never_ends_has_a_deadline(raw: Raw) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in itertools.chain([b"HTTP/1.1 200 OK\r\nx: "], itertools.repeat(b"y")):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    raw.script = script
    upstream = raw.upstream(timeout_s=0.5)
    with pytest.raises(UpstreamTimeout, match=r"within 0\.5 s"):
        await ask(upstream)
    await upstream.aclose()


async def test_our_own_end_is_not_the_body_s(raw: Raw) -> None:
    upstream = raw.upstream()
    raw.script = says(b"HTTP/1.1 200 OK\r\n\r\n", b"so")
    parts = (await upstream.send(GET)).chunks()
    assert await anext(parts) == b"so"
    await upstream.aclose()
    with pytest.raises(UpstreamUnavailable, match="broke"):
        await anext(parts)


async def test_a_base_path_of_other_letters(raw: Raw) -> None:
    upstream = raw.upstream(base_url=f"http://127.0.0.1:{raw.port}/modèles/%41")
    assert (await ask(upstream))[0] == 200
    assert raw.heads[0].startswith(b"GET /mod%C3%A8les/%41/x HTTP/1.1\r\n")
    await upstream.aclose()
