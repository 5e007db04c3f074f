"""The embedded server's folder: its locks, where its socket is, which process works in it.

Two locks (`flock`, released by the kernel however a process ends). `owner.lock` is held by the one service that owns
the folder. `server.lock` is handed down to the server as an open file: held as long as a server lives on this
append-only file, even after `kill -9` of the service, with no guessing from process ids. It knows no Redis command.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from semcache.errors import ConfigError

_SOCKET_BYTES: Final = 100
"""Longest path of a unix socket that we use: macOS allows 103 bytes, Linux 107."""

_LOG_BYTES: Final = 10_000_000


class StoreFolder:
    """`<data_dir>/store`, made private to this user. Raises ConfigError where that cannot be had."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir.expanduser().resolve() / "store"
        self.log = self.path / "server.log"
        self.pid_file = self.path / "server.pid"
        self._socket_note = self.path / "socket.path"
        self._owner: int | None = None
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.chmod(0o700)
        except OSError as error:
            raise ConfigError(f"data_dir [SEMCACHE_DATA_DIR]: cannot use {self.path}: {error}") from error

    @property
    def owned(self) -> bool:
        """Whether this object holds the owner lock."""
        return self._owner is not None

    def own(self) -> None:
        """Take the owner lock, for the life of this process or until `disown`. Raises ConfigError if taken."""
        fd = _locked(self.path / "owner.lock")
        if fd is None:
            holder = _read(self.path / "owner.lock") or "unknown"
            raise ConfigError(
                f"data_dir [SEMCACHE_DATA_DIR]: {self.path.parent} is in use by the service with process id {holder}: "
                "stop that one, or name another folder here and for SEMCACHE_INDEX_DIR"
            )
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        self._owner = fd

    def disown(self) -> None:
        """Give the owner lock back; nothing happens where it is not held."""
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None

    def vacant(self) -> int | None:
        """The server lock as a file descriptor to hand to a new server and then close; None while one lives."""
        return _locked(self.path / "server.lock")

    def occupied(self) -> bool:
        """Whether a server lives on this folder."""
        fd = self.vacant()
        if fd is None:
            return True
        os.close(fd)
        return False

    def choose_socket(self) -> Path:
        """Where a new server is to listen; noted in the folder for a later service that adopts it."""
        path = self.path / "server.sock"
        if len(os.fsencode(path)) > _SOCKET_BYTES:
            name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
            path = _private(Path(tempfile.gettempdir()) / f"semcache-{os.getuid()}-{name}") / "s"
            if len(os.fsencode(path)) > _SOCKET_BYTES:
                raise ConfigError(f"data_dir and the temporary folder both have too long a path for a socket: {path}")
        path.unlink(missing_ok=True)
        self._socket_note.write_text(str(path))
        return path

    def forget_dead(self) -> None:
        """Before a new server: drop the process id of the last one, put its log aside where it has grown."""
        self.pid_file.unlink(missing_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))

    def noted_socket(self) -> Path:
        """Where the living server listens."""
        return Path(_read(self._socket_note) or self.path / "server.sock")

    def server_pid(self) -> int | None:
        """Process id of a living server of this folder: as it wrote it, believed only if that process is one."""
        noted = _read(self.pid_file)
        if not noted.isdigit():
            return None
        command = _command(int(noted))
        ours = "valkey-server" in command and str(self.noted_socket()) in command
        return int(noted) if ours else None

    def log_tail(self, lines: int = 8) -> str:
        """The last lines that a server of this folder logged."""
        return "\n".join(_read(self.log).splitlines()[-lines:])


def _locked(path: Path) -> int | None:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def _private(folder: Path) -> Path:
    """Make a folder in a place that others write to, ours alone; refuse one that somebody else laid there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigError(f"{folder} is not a private folder of this user: remove it, or use a shorter data_dir")
    return folder


def _command(pid: int) -> str:
    if platform.system() == "Linux":
        return _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")
    listed = subprocess.run(
        ["ps", "-p", str(pid), "-ww", "-o", "command="], capture_output=True, text=True, check=False
    )
    return listed.stdout


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
