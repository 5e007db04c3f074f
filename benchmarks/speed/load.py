"""A closed-loop HTTP load generator: each connection sends its next request when the answer to the last is whole.

Runs in a process of its own (`python -m benchmarks.speed.load`), so that it takes no time from the server's event loop.
It reads one JSON job from standard input and prints one JSON result. Bounded in time, and by `once` in count.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from benchmarks.speed.stage import ROOT, clean_environment


def run(
    url: str, requests: Sequence[bytes], *, connections: int, seconds: float, marker: str = "", once: bool = False
) -> dict[str, Any]:
    """Send `requests` in turn, over and over for `seconds`, or each `once` and at most so long.

    Returns `rps`, `p50_ms`, `p99_ms`, `count`, `failed` (status not 2xx) and `marked`, how many answers contain
    `marker`. Raises RuntimeError where nothing was answered, or anything failed.
    """
    parts = urlsplit(url)
    job = {
        "host": parts.hostname, "port": parts.port, "connections": connections, "seconds": seconds, "once": once,
        "marker": marker, "requests": [request.decode("latin-1") for request in requests],
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.load"],
        input=json.dumps(job), capture_output=True, text=True, check=False, timeout=seconds + 60, cwd=ROOT,
        env=clean_environment(),
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the load generator failed: {done.stderr[-2_000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    if not found["count"] or found["failed"]:
        raise RuntimeError(f"{found['failed']} of {found['count']} requests to {url} failed")
    return found


def post(path: str, body: Any, *headers: str) -> bytes:
    """The bytes of a POST request with a JSON body."""
    text = json.dumps(body, separators=(",", ":")).encode()  # as the providers' SDKs write it
    lines = ("Host: localhost", "Content-Type: application/json", f"Content-Length: {len(text)}", *headers)
    return "\r\n".join((f"POST {path} HTTP/1.1", *lines)).encode() + b"\r\n\r\n" + text


def get(path: str) -> bytes:
    """The bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


class _Sender:
    """What the connections of a job share."""

    def __init__(self, job: dict[str, Any], until: float) -> None:
        sent = [request.encode("latin-1") for request in job["requests"]]
        self.requests: Iterator[bytes] = iter(sent) if job["once"] else itertools.cycle(sent)
        self.until = until
        self.marker = job["marker"].encode()
        self.times: list[float] = []
        self.failed = 0
        self.marked = 0

    def take(self, answer: bytes, seconds: float) -> None:
        """Count one whole answer."""
        self.times.append(seconds)
        self.failed += answer[9:10] != b"2"
        self.marked += self.marker in answer


class _Connection(asyncio.Protocol):
    def __init__(self, sender: _Sender) -> None:
        self._sender = sender
        self._buffer = b""
        self._began = 0.0
        self._asked = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        self._began = time.perf_counter()
        # Each connection asks at least once: on a busy machine a short time may be over before the first is open.
        due = self._began < self._sender.until or not self._asked
        self._asked = True
        request = next(self._sender.requests, None) if due else None
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        whole = end + 4 + length
        if len(self._buffer) < whole:
            return
        self._sender.take(self._buffer[:whole], time.perf_counter() - self._began)
        self._buffer = self._buffer[whole:]
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def _serve(job: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    sender = _Sender(job, began + job["seconds"])
    opened = [
        await loop.create_connection(lambda: _Connection(sender), job["host"], job["port"])
        for _ in range(job["connections"])
    ]
    await asyncio.gather(*(protocol.closed for _, protocol in opened))
    spent = time.perf_counter() - began
    return {
        "rps": len(sender.times) / spent,
        **percentiles([1000 * one for one in sender.times]),
        "failed": sender.failed,
        "marked": sender.marked,
    }


def percentiles(times_ms: Sequence[float]) -> dict[str, float]:
    """`p50_ms`, `p99_ms` and `count`; NaN for no times at all."""
    if not times_ms:
        return {"p50_ms": math.nan, "p99_ms": math.nan, "count": 0}
    ordered = sorted(times_ms)
    return {"p50_ms": ordered[len(ordered) // 2], "p99_ms": ordered[int(len(ordered) * 0.99)], "count": len(ordered)}


if __name__ == "__main__":
    import uvloop

    print(json.dumps(uvloop.run(_serve(json.load(sys.stdin)))))
