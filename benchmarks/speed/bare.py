"""A bare limit: a uvicorn ASGI app that does one Redis GET on the same store.

python -m benchmarks.speed.bare PORT
"""

from __future__ import annotations

import os
import sys
from typing import Any

STORE = "BENCH_STORE"


class App:
    """ASGI: the last part of the path is a key; its value is the body. Nothing else."""

    def __init__(self) -> None:
        import redis.asyncio

        self._redis = redis.asyncio.Redis.from_url(os.environ[STORE])

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        body = await self._redis.get(scope["path"].rsplit("/", 1)[1]) or b""
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(
        "benchmarks.speed.bare:App", factory=True, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop",
        http="httptools", log_level="warning", access_log=False, lifespan="off",
    )  # fmt: skip
