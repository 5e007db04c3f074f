"""Requests over one connection, each timed by itself, one after the other."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    """One answer and when it came."""

    first_ms: float
    """To the first byte of the body."""
    ms: float
    """To its last."""
    cache_status: str | None
    body: bytes

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Client:
    """One connection. A context manager."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """Send and read to the end. RuntimeError for any status but a success."""
        data = json.dumps(body).encode()
        began = time.perf_counter()
        self._connection.request("POST", path, data, {"content-type": "application/json", **(headers or {})})
        answer = self._connection.getresponse()
        head = answer.read(1)
        first = time.perf_counter()
        rest = answer.read()
        last = time.perf_counter()
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"POST {path}: HTTP {answer.status} {(head + rest)[:300]!r}")
        return Answer(1000 * (first - began), 1000 * (last - began), answer.getheader("x-cache-status"), head + rest)

    def lookups(self, prompts: Iterable[str], model: str = "m") -> list[Answer]:
        """Look each prompt up."""
        return [self.post("/v1/lookup", {"prompt": prompt, "model": model}) for prompt in prompts]
