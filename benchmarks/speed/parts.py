"""The parts that are started: the store, the service, the bare app, the provider, and the bare limits of the model."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import redis

from benchmarks.speed import bare
from benchmarks.speed.stage import CACHE, ROOT, Stage, Started, clean_environment
from benchmarks.speed.texts import free_port
from semcache.embedders import packaged
from semcache.engines.prepared import Preparation
from semcache.settings import fields
from semcache.stores.binary import server_binary

MODELS: Final = CACHE / "models"
READY_S: Final = 900.0
"""A million entries are scanned and get a graph before a service is ready."""
_JOB_S: Final = 1_800.0
"""After this long a child's job has failed."""
NEAR: Final = "near"
"""In the name of the setting that says how many entries the near cache holds, where this version has one."""


def store(stage: Stage, name: str = "store") -> str:
    """A store on a free port, nothing on disk, no bound on memory; its redis:// URL."""
    port = free_port()
    options = {
        "bind": "127.0.0.1", "port": str(port), "dir": str(stage.folder), "save": "", "appendonly": "no",
        "maxmemory": "0", "maxmemory-policy": "volatile-lru", "daemonize": "no",
    }  # fmt: skip
    command = [str(server_binary()), *(part for key, value in options.items() for part in (f"--{key}", value))]
    started = stage.start(name, command)
    url = f"redis://127.0.0.1:{port}/0"

    def answers() -> bool:
        with contextlib.suppress(redis.ConnectionError), contextlib.closing(redis.Redis.from_url(url)) as client:
            return bool(client.ping())
        return False

    started.wait_until(answers, seconds=30)
    return url


class Serving:
    """One `semcache serve`, which can be stopped and started again on the same folder."""

    def __init__(self, stage: Stage, name: str, **settings: str) -> None:
        """`settings`: names without prefix, lower case. Without `redis_url` it brings its own store."""
        folder = stage.folder / name
        folder.mkdir(mode=0o700)
        data = folder / "data"
        data.mkdir(mode=0o700)
        prepare_model()
        (data / "models").symlink_to(MODELS, target_is_directory=True)
        self._stage, self._name = stage, name
        self.url = ""
        self._settings = {
            "data_dir": str(data), "index_dir": str(folder / "indexes"), "log_level": "WARNING", "mode": "threshold",
            "threshold": "0.8", **settings,
        }  # fmt: skip
        self._started: Started | None = None
        self.start()

    def start(self) -> float:
        """Start it; seconds until all its parts are ready."""
        port = free_port()  # anew each time: the old one may have been taken meanwhile
        self.url = f"http://127.0.0.1:{port}"
        variables = {f"SEMCACHE_{name.upper()}": value for name, value in self._settings.items()}
        began = time.perf_counter()
        self._started = self._stage.start(
            self._name, [sys.executable, "-m", "semcache", "serve"],
            clean_environment(**variables, SEMCACHE_PORT=str(port)),
        )  # fmt: skip
        self._started.wait_until(self.is_ready, seconds=READY_S)
        return time.perf_counter() - began

    def stop(self) -> None:
        """Stop it gracefully: it writes its snapshot."""
        assert self._started is not None
        self._started.stop()

    def is_ready(self) -> bool:
        """Whether it answers, and all its parts do."""
        return is_ready(self.url)

    def resident_bytes(self) -> int:
        """Resident memory of the service and its workers, the store not counted."""
        assert self._started is not None
        return sum(_resident(pid) for pid in _tree(self._started.pid))


def ask(url: str, method: str, path: str, body: Any = None) -> Any:
    """One JSON request outside of any measurement. Raises OSError where it is not answered with a success."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def is_ready(url: str) -> bool:
    """Whether a service answers, and all its parts do; what it says of a store that keeps nothing on disk is no
    matter."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        state = ask(url, "GET", "/readyz")
        return state["status"] == "ready" and all(part["ok"] for part in state["parts"].values())
    return False


def near_cache(entries: int) -> dict[str, str] | None:
    """Settings of a near cache of at most that many entries (0: none); None where this version has none."""
    found = [path for path, _ in fields() if NEAR in path and path.endswith("entries")]
    return {path.replace(".", "__"): str(entries) for path in found} or None


def bare_app(stage: Stage, store_url: str) -> str:
    """The bare app over this store; its URL."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.speed.bare", str(port)]
    started = stage.start("bare", command, clean_environment(**{bare.STORE: store_url}))
    url = f"http://127.0.0.1:{port}"
    started.wait_until(lambda: answers(url, "/none"), seconds=30)
    return url


def provider(stage: Stage, *, delay_ms: float, answer_bytes: int = 500) -> str:
    """A model provider that answers after a fixed time; its URL."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.speed.provider", str(port), str(delay_ms), str(answer_bytes)]
    started = stage.start(f"provider-{delay_ms:g}", command)
    url = f"http://127.0.0.1:{port}"
    started.wait_until(lambda: answers(url, "/"), seconds=30)
    return url


def answers(url: str, path: str) -> bool:
    """Whether a server answers at all."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=5)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", path)
        connection.getresponse().read()
        return True
    return False


def prepare_model() -> Path:
    """Have the packaged model prepared (half a minute, once for this checkout); its folder."""
    MODELS.mkdir(parents=True, exist_ok=True)
    folder = packaged.prepared_dir(MODELS)
    Preparation(packaged.KIND).ensure(folder)
    return folder


class Talking:
    """A child that reads a JSON job a line on its standard input and answers each with a JSON line."""

    def __init__(
        self,
        stage: Stage,
        name: str,
        command: Sequence[str],
        environment: dict[str, str] | None = None,
        folder: Path = ROOT,
    ) -> None:
        self._log = stage.folder / f"{name}.log"
        self._name = name
        self._calling = threading.Lock()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder,
                env=environment or clean_environment(),
            )  # fmt: skip
        stage.on_exit(self._stop)

    def ask(self, do: str, **job: Any) -> Any:
        """Have it do a job. RuntimeError with the end of its log where it cannot."""
        with self._calling:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            overdue = threading.Timer(_JOB_S, self._process.kill)
            overdue.start()
            try:
                with contextlib.suppress(BrokenPipeError):
                    self._process.stdin.write(json.dumps({"do": do, **job}) + "\n")
                    self._process.stdin.flush()
                line = self._process.stdout.readline()
            finally:
                overdue.cancel()
        if not line:
            raise RuntimeError(f"{self._name} failed:\n{self._log.read_text(errors='replace')[-2_000:]}")
        return json.loads(line)

    def _stop(self) -> None:
        self._process.kill()  # it keeps nothing
        self._process.communicate()


def limits(stage: Stage) -> Talking:
    """The bare limits of the model and of exhaustive search, in a process of their own."""

    def make() -> Talking:
        folder = prepare_model()
        return Talking(stage, "limits", [sys.executable, "-m", "benchmarks.speed.limits", str(folder)])

    return stage.shared("limits", make)


def _tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [one for child in task.read_text().split() for one in _tree(int(child))]
    return found


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    return 0
