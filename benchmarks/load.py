"""A closed-loop HTTP load generator: each connection sends its next request when the answer to the last is whole.

Runs in a process of its own (`python -m benchmarks.load`), so that it takes no time from the server's event loop. It
reads one JSON job from standard input and prints one JSON result.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit


def run(url: str, requests: Sequence[bytes], *, connections: int, seconds: float) -> dict[str, Any]:
    """Send `requests` in turn, over and over; returns `rps`, `p50_ms`, `p99_ms`, `count`, `failed` (status not 2xx)."""
    parts = urlsplit(url)
    job = {
        "host": parts.hostname, "port": parts.port, "connections": connections, "seconds": seconds,
        "requests": [request.decode("latin-1") for request in requests],
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(job), capture_output=True, text=True, check=True, timeout=seconds + 60,
        cwd=Path(__file__).resolve().parent.parent,
    )  # fmt: skip
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def post(path: str, body: Any) -> bytes:
    """The bytes of a POST request with a JSON body."""
    text = json.dumps(body, separators=(",", ":")).encode()  # as the providers' SDKs write it
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(text)}"
    return head.encode() + b"\r\n\r\n" + text


def get(path: str) -> bytes:
    """The bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], until: float, times: list[float], failed: list[int]) -> None:
        self._requests = requests
        self._until = until
        self._times = times
        self._failed = failed
        self._buffer = b""
        self._began = 0.0
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        self._began = time.perf_counter()
        if self._began >= self._until:
            self._transport.close()
            return
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        self._times.append(time.perf_counter() - self._began)
        if head[9:10] != b"2":
            self._failed.append(1)
        self._buffer = self._buffer[end + 4 + length :]
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(error)


async def _serve(job: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    requests = itertools.cycle([request.encode("latin-1") for request in job["requests"]])
    times: list[float] = []
    failed: list[int] = []
    began = time.perf_counter()
    until = began + job["seconds"]
    opened = [
        await loop.create_connection(lambda: _Connection(requests, until, times, failed), job["host"], job["port"])
        for _ in range(job["connections"])
    ]
    await asyncio.gather(*(protocol.closed for _, protocol in opened))
    spent = time.perf_counter() - began
    times.sort()
    return {
        "rps": len(times) / spent,
        "p50_ms": 1000 * times[len(times) // 2] if times else None,
        "p99_ms": 1000 * times[int(len(times) * 0.99)] if times else None,
        "count": len(times),
        "failed": len(failed),
    }


if __name__ == "__main__":
    import uvloop

    print(json.dumps(uvloop.run(_serve(json.load(sys.stdin)))))
