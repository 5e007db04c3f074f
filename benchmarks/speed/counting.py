"""A service whose interpreter is counted: bytecode instructions a request.

    python -m benchmarks.speed.counting

Settings are SEMCACHE_* variables, as `semcache serve` reads them. Reads a JSON job a line, answers each with a JSON
line. Counted is what the thread of the event loop does until it rests after the answer; not what runs inside C, in
other threads and in the store. The same code gives about the same counts on any machine with the same Python and
libraries, however busy it is.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import uvicorn
import uvloop

from benchmarks.speed.client import Client
from benchmarks.speed.texts import free_port

_STILL_S: Final = 0.003
"""A loop that ran no instruction for so long waits for a request."""


class _Counter:
    """Counts while it is set in a thread; read by another."""

    def __init__(self) -> None:
        self.instructions = 0

    def set(self) -> None:
        sys.settrace(self._called)

    def unset(self) -> None:
        sys.settrace(None)

    def _called(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._inside

    def _inside(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        self.instructions += event == "opcode"
        return self._inside


class Counted:
    """The jobs, by name."""

    def __init__(self, loop: asyncio.AbstractEventLoop, url: str) -> None:
        self._loop = loop
        self._counter = _Counter()
        self.url = url

    def where(self) -> str:
        """The URL of the service."""
        return self.url

    def count(self, path: str, bodies: list[Any], headers: dict[str, str]) -> dict[str, Any]:
        """Instructions and answer of each request in turn, but for the first, which opens the connection."""
        found: dict[str, Any] = {"instructions": [], "statuses": [], "answers": []}
        with Client(self.url) as client:
            client.post(path, bodies[0], headers)
            self._in_loop(self._counter.set)
            try:
                for body in bodies[1:]:
                    before = self._counter.instructions
                    answer = client.post(path, body, headers)
                    self._settle()
                    found["instructions"].append(self._counter.instructions - before)
                    found["statuses"].append(answer.cache_status)
                    found["answers"].append(None if answer.body.startswith(b"data:") else answer.json())
            finally:
                self._in_loop(self._counter.unset)
        return found

    def _settle(self) -> None:
        """Until the loop has nothing more to do for the request."""
        seen = -1
        while seen != self._counter.instructions:
            seen = self._counter.instructions
            time.sleep(_STILL_S)

    def _in_loop(self, call: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            call()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait()


class _Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        url = f"http://127.0.0.1:{self.config.port}"
        threading.Thread(target=_jobs, args=(Counted(loop, url), self), daemon=True).start()


def _jobs(counted: Counted, server: uvicorn.Server) -> None:
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(getattr(counted, job.pop("do"))(**job)), flush=True)
    server.should_exit = True


def main() -> None:
    from semcache.http import logs
    from semcache.http.app import create_app
    from semcache.service import Service
    from semcache.settings import load

    settings = load()
    logs.configure(settings.log_level)
    config = uvicorn.Config(
        create_app(Service(settings)), port=free_port(), http="httptools", ws="none", log_config=None, access_log=False,
    )  # fmt: skip
    uvloop.run(_Server(config).serve())


if __name__ == "__main__":
    main()
