"""Models that are converted once on this machine, by a child process with torch, and served without it from then on.

A prepared model is a folder with a manifest of digests. The child holds a lock beside it, so that two services never
prepare at once; it publishes by rename, so that a killed run leaves nothing half made; and it ends when its standard
input closes, that is, when the service that wanted the model is gone.
"""

from __future__ import annotations

import collections
import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from semcache.errors import Unavailable

log = logging.getLogger(__name__)

MANIFEST: Final = "manifest.json"
_QUIET: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TQDM_DISABLE": "1",
    "PYTHONWARNINGS": "ignore",
}
"""Environment of the child: nothing is fetched, and its log is its own lines, not those of the libraries."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the folder of a prepared model says of itself; each kind adds what it measured."""

    files: dict[str, str]
    """Name -> SHA-256 of each other file in the folder."""


M = TypeVar("M", bound=Manifest)


class Kind(NamedTuple, Generic[M]):
    """One kind of prepared model."""

    title: str
    """For the log: `packaged model`."""
    module: str
    """`python -m MODULE FOLDER ...` prepares one."""
    manifest: type[M]
    fits: Callable[[M], bool]
    """Whether a manifest is of the model and format that this version serves."""
    unavailable: type[Unavailable]
    """What is raised where there is no sound one."""


def read(kind: Kind[M], folder: Path) -> M:
    """The manifest in `folder`. Raises `kind.unavailable`."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=kind.manifest)
    except FileNotFoundError as error:  # as at every first start: nothing is wrong
        raise kind.unavailable(f"no prepared model in {folder} yet") from error
    except (OSError, msgspec.MsgspecError) as error:
        raise kind.unavailable(f"no prepared model in {folder}: {error}") from error
    if not kind.fits(manifest):
        raise kind.unavailable(f"the prepared model in {folder} is another model or of another format")
    return manifest


def verify(kind: Kind[M], folder: Path) -> M:
    """The manifest of a prepared model, all its files checked. Raises `kind.unavailable`, saying what is wrong."""
    manifest = read(kind, folder)
    try:
        for name, digest in manifest.files.items():
            check_digest(folder / name, digest)
    except Unavailable as error:
        raise kind.unavailable(str(error)) from error
    return manifest


def digests(folder: Path) -> dict[str, str]:
    """`Manifest.files` of what lies in `folder` now."""
    return {path.name: sha256_of(path) for path in sorted(folder.iterdir())}


def write(folder: Path, manifest: Manifest) -> None:
    """Describe the files that lie in `folder`; the last act before it is published."""
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))


def check_digest(path: Path, expected: str) -> None:
    """Raise Unavailable unless the file has the SHA-256 `expected`."""
    found = sha256_of(path)
    if found != expected:
        raise Unavailable(f"{path} has SHA-256 {found}, expected {expected}")


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file. Raises Unavailable where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error}") from error


def under_way(folder: Path) -> bool:
    """Whether a child is preparing the model of `folder` just now, of whatever service."""
    try:
        with _lock_of(folder).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no child was ever here
        return False
    return False


def _lock_of(folder: Path) -> Path:
    return folder.parent / f"{folder.name}.lock"


# --- in the service ------------------------------------------------------------------------------------------


class Preparation(Generic[M]):
    """Makes sure of one prepared model. `ensure` belongs to the thread that owns the model, `abort` to any."""

    def __init__(self, kind: Kind[M]) -> None:
        self._kind = kind
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._aborted = False

    def ensure(self, folder: Path, *arguments: str) -> M:
        """The manifest of the sound model in `folder`, prepared now if there is none. Raises `Kind.unavailable`.

        `arguments`: of the child, after the folder.
        """
        try:
            return verify(self._kind, folder)
        except Unavailable as error:
            log.info("preparing the %s, which takes about half a minute once: %s", self._kind.title, error)
        self._run([sys.executable, "-m", self._kind.module, str(folder), *arguments])
        return verify(self._kind, folder)

    def abort(self) -> None:
        """Kill a preparation that is under way, and allow no other."""
        with self._lock:
            self._aborted = True
            if self._child is not None:
                self._child.kill()

    def _run(self, command: Sequence[str]) -> None:
        """Run the child to its end. Raises with the last it said, if it failed."""
        with self._lock:
            if self._aborted:
                raise self._kind.unavailable("stopped")
            # Its standard input is the rope: closed by whatever ends this process, and the child ends too.
            child = self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                encoding="utf-8", errors="replace", env={**os.environ, **_QUIET},
            )  # fmt: skip
        last: collections.deque[str] = collections.deque(maxlen=20)
        with child:
            for line in child.stderr or ():
                log.info("prepare: %s", line.rstrip())
                last.append(line)
        with self._lock:
            self._child = None
        if child.returncode != 0:
            said = "".join(last).strip()[-2000:]
            raise self._kind.unavailable(f"preparing the {self._kind.title} failed ({child.returncode}): {said}")


# --- in the child --------------------------------------------------------------------------------------------


def prepare(kind: Kind[M], folder: Path, make: Callable[[Path], None]) -> int:
    """Have a sound model in `folder`: `make` fills an empty folder, manifest included. Returns the exit status."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock_of(folder).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            verify(kind, folder)
            log.info("prepared by another process meanwhile")
        except Unavailable:
            _publish(folder, make)
    return 0


def _publish(folder: Path, make: Callable[[Path], None]) -> None:
    """Under the lock: make it beside the final place, then put it there."""
    for left_over in folder.parent.glob(f"{folder.name}.tmp-*"):
        shutil.rmtree(left_over)
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=folder.parent))
    make(temporary)
    if folder.exists():  # damaged, or its check above had passed
        shutil.rmtree(folder)
    temporary.rename(folder)


def _die_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)
