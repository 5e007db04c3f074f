"""The embedded server: a private Valkey on a unix socket, with its append-only file in the data directory.

Owned by the parent of `semcache serve` alone, started before any worker. What an earlier service left running is
adopted; there are never two servers on one append-only file (`folder` says how that is known). A server that is still
loading is waited for, however long it takes. It knows nothing of what is kept in the server.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from enum import Enum
from pathlib import Path
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from semcache.errors import StoreUnavailable
from semcache.settings import StoreSettings
from semcache.stores.binary import server_binary
from semcache.stores.folder import StoreFolder

_log = logging.getLogger(__name__)

_POLL_S: Final = 0.02
_WATCH_S: Final = 0.1
_PROGRESS_S: Final = 5.0
_DEAF_S: Final = 2.0
"""How long a living server may have no socket before it is stopped and started again."""
_MUTE_S: Final = 60.0
"""How long it may have a socket and not answer before we give up; it is never doubled."""
_STOP_S: Final = 30.0
_BACK_OFF_S: Final = 5.0


class _State(Enum):
    READY = "ready"
    LOADING = "loading"
    MUTE = "connected, no answer"
    DEAF = "no connection"


class EmbeddedServer:
    """The server of one data directory.

    `start()`, then `watch()`, then `stop()`; all from one thread. `url` is the same over restarts.
    """

    def __init__(self, data_dir: Path, settings: StoreSettings) -> None:
        self._folder = StoreFolder(data_dir)
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = self._folder.noted_socket()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None
        self.restarts = 0
        """Times that `watch` or `ensure` had to start it again."""

    @property
    def url(self) -> str:
        """unix:// URL of the socket."""
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int | None:
        """Process id of the living server, own or adopted; None where there is none."""
        if self._process is not None and self._process.poll() is None:
            return self._process.pid
        return self._folder.server_pid()

    def start(self) -> str:
        """Own the folder, adopt or start its server, wait until it has loaded; returns the URL.

        Raises ConfigError where another service owns the folder, StoreUnavailable with the server's own words where
        it does not come up.
        """
        self._folder.own()
        self._stopping.clear()
        try:
            self._bring_up()
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """End the watch, then the server: gracefully, its file flushed. Gives the folder back."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        with self._lock:
            try:
                if self._folder.owned:
                    self._end_server()
            finally:
                self._folder.disown()

    def check(self) -> bool:
        """Whether it answers now."""
        return self._probe() is _State.READY

    def ensure(self) -> bool:
        """Start it again on the same files if it is dead or its socket is gone; returns whether that was needed."""
        with self._lock:
            if self._stopping.is_set() or (self._alive() and self._socket.exists()):
                return False
            _log.warning("the embedded server died; starting it again. It said last:\n%s", self._folder.log_tail(3))
            self.restarts += 1
            self._bring_up()
            return True

    def watch(self) -> None:
        """Keep it alive from now on, in a thread of its own, until `stop`."""
        self._watcher = threading.Thread(target=self._keep, name="embedded-server-watch", daemon=True)
        self._watcher.start()

    def _keep(self) -> None:
        pause_s = _WATCH_S
        while not self._stopping.wait(pause_s):
            try:
                needed = self.ensure()
            except Exception:  # noqa: BLE001 - the thread's boundary: it goes on trying
                needed = True
                _log.exception("the embedded server does not come up")
            pause_s = min(pause_s * 2, _BACK_OFF_S) if needed else _WATCH_S

    # --- starting and adopting -------------------------------------------------------------------------------

    def _bring_up(self) -> None:
        """Adopt a living server or start one, and wait until it has loaded."""
        if not self._alive():
            self._process = None
        waiting = _Patience()
        while not self._stopping.is_set():
            lock = self._folder.vacant()
            if lock is not None:
                self._spawn(lock)
                break
            self._socket = self._folder.noted_socket()
            state = self._probe()
            if state in (_State.READY, _State.LOADING):
                _log.info("adopted the embedded server that is already running (process %s)", self._folder.server_pid())
                break
            self._hurry(state, waiting)
            time.sleep(_POLL_S)
        self._await_ready()
        if self._process is None and not self._stopping.is_set():
            self._configure()

    def _spawn(self, lock: int) -> None:
        if self._process is not None:
            self._process.wait()  # the lock is free: it is dead
        try:
            self._socket = self._folder.choose_socket()
            self._folder.forget_dead()
            with self._folder.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [str(server_binary()), *self._arguments()],
                    cwd=self._folder.path,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock,),  # the server holds the lock as long as it lives, we do not
                    start_new_session=True,  # Ctrl-C is for the service; it stops the server when it is done with it
                )
        except OSError as error:
            raise StoreUnavailable(f"the embedded server cannot be started: {error}") from error
        finally:
            os.close(lock)

    def _arguments(self) -> list[str]:
        fixed = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder.path),
            "pidfile": str(self._folder.pid_file),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes",
            "aof-use-rdb-preamble": "yes",
            "aof-load-truncated": "yes",
        }
        options = fixed | self._tunable()
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _tunable(self) -> dict[str, str]:
        return {
            "appendfsync": self._settings.fsync,
            "maxmemory": self._settings.max_memory,
            "maxmemory-policy": f"volatile-{self._settings.eviction}",
        }

    def _configure(self) -> None:
        """Bring an adopted server's configuration to ours."""
        with self._client() as client:
            try:
                for name, value in self._tunable().items():
                    client.config_set(name, value)
            except redis.RedisError as error:
                raise StoreUnavailable(f"the adopted server refuses its configuration: {error}") from error

    def _hurry(self, state: _State, waiting: _Patience) -> None:
        """Deal with a server that lives and does not answer; never start a second one."""
        pid = self.pid
        if state is _State.DEAF and pid is not None and waiting.past(_DEAF_S):
            _log.warning("the embedded server (process %d) has lost its socket; stopping it to start again", pid)
            _terminate(pid)
            waiting.again()
        if waiting.past(_MUTE_S):
            raise StoreUnavailable(
                f"a server (process {pid or 'unknown'}) lives on {self._folder.path} and does not answer: end it"
            )
        if waiting.due(_PROGRESS_S):
            _log.info("waiting for the embedded server (process %s) to answer", pid or "unknown")

    def _await_ready(self) -> None:
        waiting = _Patience()
        while not self._stopping.is_set():
            state = self._probe()
            if state is _State.READY:
                return None
            if not self._alive():
                if self._process is None:  # died while we were adopting it
                    return self._bring_up()
                raise StoreUnavailable(
                    f"the embedded server ended at its start; its folder is {self._folder.path}, it said last:\n"
                    f"{self._folder.log_tail()}"
                )
            if waiting.due(_PROGRESS_S):
                _log.info("the embedded server is starting: %s", self._progress(state))
            time.sleep(_POLL_S)
        return None

    # --- looking and ending ----------------------------------------------------------------------------------

    def _alive(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return self._folder.occupied()

    def _probe(self) -> _State:
        with self._client() as client:
            try:
                client.ping()
            except redis.BusyLoadingError:
                return _State.LOADING
            except redis.TimeoutError:
                return _State.MUTE
            except redis.ConnectionError:
                return _State.DEAF
            except redis.ResponseError as error:  # such as MISCONF while the disk is full: it is up
                _log.warning("the embedded server answers PING with %s", error)
        return _State.READY

    def _progress(self, state: _State) -> str:
        if state is not _State.LOADING:
            return str(state.value)
        with self._client() as client:
            try:
                info: Any = client.info("persistence")
            except redis.RedisError as error:
                return f"loading ({error})"
        return f"loading, {info.get('loading_loaded_perc', '?')} %, {info.get('loading_eta_seconds', '?')} s to go"

    def _client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self._socket), socket_timeout=1.0, retry=Retry(NoBackoff(), 0))

    def _end_server(self) -> None:
        """SIGTERM makes the server flush its file and leave; so does SHUTDOWN, where the process is not known."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                _log.warning("the embedded server does not stop within %g s; killing it", _STOP_S)
                process.kill()
                process.wait()
            return
        if not self._folder.occupied():
            return
        pid = self._folder.server_pid()
        if pid is not None:
            _terminate(pid)
        else:
            with self._client() as client:
                try:
                    client.shutdown()
                except redis.RedisError as error:
                    _log.warning("the adopted server cannot be asked to stop: %s", error)
        waiting = _Patience()
        while self._folder.occupied() and not waiting.past(_STOP_S):
            time.sleep(_POLL_S)


def _terminate(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        os.kill(pid, signal.SIGTERM)


class _Patience:
    """How long something has been waited for, and when that was last said."""

    def __init__(self) -> None:
        self.again()

    def again(self) -> None:
        """Begin to wait anew."""
        self._since = self._said = time.monotonic()

    def past(self, seconds: float) -> bool:
        """Whether the wait is longer than that."""
        return time.monotonic() - self._since > seconds

    def due(self, seconds: float) -> bool:
        """Whether it is time to say so again."""
        if time.monotonic() - self._said < seconds:
            return False
        self._said = time.monotonic()
        return True
