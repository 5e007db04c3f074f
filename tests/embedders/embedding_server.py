"""A local server that speaks the OpenAI embeddings API, well or badly, as the test says."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np


class EmbeddingServer(ThreadingHTTPServer):
    """`mode`: 'ok', 'hang', '500', '429', 'garbage', 'short', 'resized'. `requests` keeps what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mode = "ok"
        self.dimension = 24
        self.requests: list[dict[str, Any]] = []
        self.retry_after_s: int | None = None
        """What it asks for beside an error."""
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def vector(self, text: str, dimension: int) -> list[float]:
        """Three times a unit vector: a bag of words, so that alike texts have alike vectors."""
        total = np.zeros(dimension)
        for word in ["", *text.lower().split()]:
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
            total += np.random.default_rng(seed).normal(size=dimension)
        return [float(x) for x in 3 * total / np.linalg.norm(total)]


class _Handler(BaseHTTPRequestHandler):
    server: EmbeddingServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(asked)
        mode = self.server.mode
        if mode == "hang":
            self.server.stopping.wait(300)
            self.close_connection = True
            return
        if mode in ("500", "429"):
            self._answer(int(mode), {"error": {"message": f"no luck ({mode})"}})
            return
        if mode == "garbage":
            self._answer(200, {"object": "list", "data": [{"embedding": "?"}, None]})
            return
        dimension = asked.get("dimensions") or self.server.dimension
        texts = asked["input"][: -1 if mode == "short" else None]
        size = dimension + 1 if mode == "resized" else dimension
        data = [
            {"object": "embedding", "index": at, "embedding": self.server.vector(text, size)}
            for at, text in enumerate(texts)
        ]
        body = {"object": "list", "model": asked["model"], "data": data[::-1], "usage": {}}
        self._answer(200, body)

    def _answer(self, status: int, body: Any) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 200 and self.server.retry_after_s is not None:
            self.send_header("Retry-After", str(self.server.retry_after_s))
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def embedding_server() -> Iterator[EmbeddingServer]:
    """A running server."""
    server = EmbeddingServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
