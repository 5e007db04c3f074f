"""The serving process as an operator meets it: a port, signals, workers, a log."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from semcache.http.logs import KeyValueFormatter
from semcache.settings import StoreSettings
from semcache.stores.embedded import EmbeddedServer
from tests.loopback import free_port
from tests.patience import ENVIRONMENT, LONG_S
from tests.serving import until

QUESTION = {"prompt": "How tall is the Eiffel Tower?", "model": "m1"}
START = "import sys; from semcache.http.server import run; from semcache.settings import load; sys.exit(run(load()))"


class Process:
    """A service run by `server.run` in a process of its own."""

    def __init__(self, folder: Path, port: int, **environment: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.out, self.err = folder / "out.log", folder / "err.log"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SEMCACHE_")}
        data = folder / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", START],
                cwd=Path(__file__).parent.parent.parent,
                env={
                    **clean,
                    "SEMCACHE_PORT": str(port),
                    "SEMCACHE_EMBEDDER": "off",
                    "SEMCACHE_DATA_DIR": str(data),
                    "SEMCACHE_INDEX_DIR": str(folder / "indexes"),
                    **ENVIRONMENT,
                    **environment,
                },
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, self.err.read_text()
            return "semcache ready" in self.out.read_text()

        until(ready, seconds=2 * LONG_S, what="the line that says it is ready")
        until(self._connected, what="the store")

    def _connected(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return not httpx.get(f"{self.url}/readyz").json()["degraded"]
        return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=LONG_S)

    def clean(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=LONG_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


@contextlib.contextmanager
def running(folder: Path, *, ready: bool = True, port: int | None = None, **environment: str) -> Iterator[Process]:
    process = Process(folder, port if port is not None else free_port(), **environment)
    try:
        if ready:
            process.wait_ready()
        yield process
    finally:
        process.clean()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_says_so_and_stops_cleanly(tmp_path: Path, number: int) -> None:
    with running(tmp_path) as service:
        line = service.out.read_text()
        assert line == f"semcache ready: {service.url} docs={service.url}/docs store=embedded embedder=off workers=1\n"
        assert httpx.post(f"{service.url}/v1/store", json={**QUESTION, "response": 1}).status_code == 201
        assert httpx.post(f"{service.url}/v1/lookup", json=QUESTION).json()["tier"] == "exact"
        assert service.stop(number) == 0
        log = service.err.read_text()
        assert re.search(r"logger=semcache.decisions lookup outcome=hit why=exact .*digest=[0-9a-f]{12}", log)
        assert "Eiffel" not in log
        assert "Traceback" not in log
        assert all(re.match(r"ts=\S+Z level=\w+ logger=\S+ ", entry) for entry in log.splitlines())
    with running(tmp_path) as service:
        assert httpx.post(f"{service.url}/v1/lookup", json=QUESTION).json()["hit"] is True


def test_a_port_in_use_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running(tmp_path, ready=False, port=port) as service:
            assert service.process.wait(timeout=LONG_S) == 1
            said = service.err.read_text()
    assert said.count("\n") == 1
    assert f"port {port} on 127.0.0.1 is in use" in said
    assert not list((tmp_path / "data").iterdir())


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_key_file_that_is_not_there_is_one_line(tmp_path: Path, workers: str) -> None:
    keys = str(tmp_path / "none.toml")
    with running(tmp_path, ready=False, SEMCACHE_API_KEYS_FILE=keys, SEMCACHE_WORKERS=workers) as service:
        assert service.process.wait(timeout=LONG_S) == 1
        assert "none.toml" in service.err.read_text().splitlines()[-1]
        assert "Traceback" not in service.err.read_text()


def test_a_url_that_no_client_understands_is_one_line(tmp_path: Path) -> None:
    with running(tmp_path, ready=False, SEMCACHE_REDIS_URL="http://cache") as service:
        assert service.process.wait(timeout=LONG_S) == 1
        assert service.err.read_text().startswith("semcache: redis_url [SEMCACHE_REDIS_URL]: ")
        assert service.err.read_text().count("\n") == 1


def test_a_disk_that_takes_no_byte_is_one_line(tmp_path: Path) -> None:
    none_may_grow = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
    ended = subprocess.run(
        [sys.executable, "-c", none_may_grow + START],
        env={**os.environ, "SEMCACHE_PORT": str(free_port()), "SEMCACHE_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == f"semcache: data_dir [SEMCACHE_DATA_DIR]: cannot use {tmp_path / 'data'}: File too large\n"


def test_an_index_folder_that_takes_no_snapshot_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with running(tmp_path, SEMCACHE_INDEX_DIR=str(tmp_path / "file" / "indexes")) as service:
        assert f"index_dir [SEMCACHE_INDEX_DIR]: {tmp_path / 'file'} is no folder: no snapshot is written" in (
            service.err.read_text()
        )


def test_a_request_under_way_is_finished(tmp_path: Path) -> None:
    with running(tmp_path) as service, httpx.Client(base_url=service.url) as client:
        port = int(service.url.rpartition(":")[2])
        body = b'{"prompt":"How tall is the Eiffel Tower?","model":"m1"}'
        head = f"POST /v1/lookup HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", port)) as slow:
            slow.sendall(head + body[:10])
            assert client.get("/readyz").status_code == 200
            service.process.send_signal(signal.SIGTERM)
            until(lambda: _refused(port), what="no new connections")
            assert service.process.poll() is None
            slow.sendall(body[10:])
            assert slow.recv(4096).startswith(b"HTTP/1.1 200")
        assert service.process.wait(timeout=LONG_S) == 0


def test_workers_share_the_port_and_the_counts(tmp_path: Path) -> None:
    with running(tmp_path, SEMCACHE_WORKERS="2") as service:
        heads = set()
        for number in range(60):
            answer = httpx.post(f"{service.url}/v1/lookup", json=QUESTION)  # a new connection each time
            assert answer.status_code == 200
            heads.add(answer.headers["x-request-id"].partition("-")[0])
            if len(heads) == 2 and number > 10:
                break
        assert len(heads) == 2
        text = httpx.get(f"{service.url}/metrics").text
        assert f'semcache_misses_total{{namespace="default",reason="not_found"}} {number + 1}.0' in text
        assert service.stop() == 0
        assert "Traceback" not in service.err.read_text()


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, SEMCACHE_WORKERS="2") as service:
        port = int(service.url.rpartition(":")[2])
        service.stop(signal.SIGKILL)
        until(lambda: _refused(port), what="the workers gone")
        _stop_server_of(tmp_path / "data")


def _stop_server_of(data_dir: Path) -> None:
    """What a killed parent leaves running for the next one to adopt."""
    server = EmbeddedServer(data_dir, StoreSettings())
    server.start()
    server.stop()


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=LONG_S).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_log_line_cannot_be_forged() -> None:
    import logging

    record = logging.LogRecord("x", logging.INFO, "f", 1, "said %s", ("a\nts=1 level=error",), None)
    assert "\n" not in KeyValueFormatter().format(record)
