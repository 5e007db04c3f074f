"""A real `semcache serve` in a process group of its own, and what a test does to it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.loopback import free_port
from tests.patience import ENVIRONMENT, LONG_S

START_S = 2 * LONG_S


def until(condition: Callable[[], Any], *, seconds: float = LONG_S, what: str = "condition") -> Any:
    """Poll until `condition` is truthy and return that; AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


class Served:
    """One service on one data directory; may be killed and started again."""

    def __init__(self, folder: Path, models: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        data = folder / "data"
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (data / "models").exists():
            (data / "models").symlink_to(models, target_is_directory=True)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SEMCACHE_")}
        self._environment = {
            **clean,
            "SEMCACHE_PORT": str(self.port),
            "SEMCACHE_DATA_DIR": str(data),
            "SEMCACHE_INDEX_DIR": str(folder / "indexes"),
            "SEMCACHE_LOG_LEVEL": "WARNING",
            "SEMCACHE_MODE": "threshold",  # unless a test says otherwise: a verifier takes a second to load
            **ENVIRONMENT,
            **(environment or {}),
        }
        self.log = folder / "service.log"

    @property
    def pid(self) -> int:
        """Process id of the service."""
        assert self._process is not None
        return self._process.pid

    def start(self, *, ready: bool = True) -> None:
        """Start it; with `ready`, wait until its index has caught up and its embedder answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "semcache", "serve"],
                env=self._environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(self._answers, seconds=START_S, what=f"start of the service (log: {self.log})")
        if ready:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until nothing is degraded."""
        until(self.is_ready, seconds=START_S, what=f"readiness (log: {self.log})")

    def is_ready(self) -> bool:
        """Whether nothing is degraded."""
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.get(f"{self.url}/readyz", timeout=LONG_S)
            return answer.status_code == 200 and not answer.json()["degraded"]
        return False

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the service ended: {self.log.read_text()[-3000:]}"
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", timeout=LONG_S).status_code == 200
        return False

    def server_pid(self) -> int:
        """Process id of the embedded server."""
        for name in (self.folder / "data").rglob("*.pid"):
            with contextlib.suppress(ValueError):
                return int(name.read_text().split()[0])
        raise AssertionError("no pid file of the embedded server")

    def kill(self) -> None:
        """kill -9 of the service alone."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def kill_server(self) -> None:
        """kill -9 of the embedded server alone."""
        os.kill(self.server_pid(), signal.SIGKILL)

    def kill_both(self) -> None:
        """kill -9 of the service and of the embedded server."""
        server = self.server_pid()
        self.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, as an operator would; returns the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=LONG_S)

    def clean(self) -> None:
        """Leave no process behind."""
        if self._process is not None and self._process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        with contextlib.suppress(AssertionError, ProcessLookupError):
            os.kill(self.server_pid(), signal.SIGTERM)


@contextlib.contextmanager
def served(folder: Path, models: Path, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """A running, ready service; ended afterwards."""
    service = Served(folder, models, environment)
    try:
        service.start()
        yield service
    finally:
        service.clean()
