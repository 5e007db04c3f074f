"""Any sentence-transformers model by name or path, in a process of its own: torch never enters the service.

The owner (`BatchingEmbedder`) loads it again, with a growing pause, whenever it dies.
"""

from __future__ import annotations

import collections
import hashlib
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from semcache.embedders.pipes import Answer, Ask, Hello, receive, send
from semcache.embedders.windows import PIECE, WINDOWING
from semcache.engines.package import fingerprint, printable
from semcache.errors import EmbedderUnavailable
from semcache.models import Embedding

log = logging.getLogger(__name__)

LOAD_S = 900.0
"""Longest load: a model by name may be downloaded first."""
HANG_S = 60.0
"""A batch that takes longer than this gets the process killed and started anew."""
_CHARS_A_TOKEN = 4


class StProcess:
    """Implements `Encoder` by a child process that runs `st_worker`."""

    def __init__(self, model: str, *, threads: int, batch: int, max_windows: int) -> None:
        """`model`: a folder, or a name that sentence-transformers knows or can fetch."""
        self._model = model
        self._threads = threads
        self._batch = batch
        self._max_windows = max_windows
        self._space: str | None = None
        self._dimension: int | None = None
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._last: collections.deque[str] = collections.deque(maxlen=20)
        self._aborted = False

    @property
    def space(self) -> str:
        """For a folder, a fingerprint of its files, known at once (they are read once: a second a gigabyte or so).

        For a name, a fingerprint of what was loaded, so EmbedderUnavailable until then. The two differ for one model.
        """
        if self._space is None:
            folder = Path(self._model)
            if not folder.is_dir():
                raise EmbedderUnavailable(f"the vector space of {self._model} is not known before it is loaded")
            self._space = fingerprint(f"st-{folder.name}", _digest_of_folder(folder), WINDOWING)
        return self._space

    @property
    def dimension(self) -> int:
        """As the loaded model says. Raises EmbedderUnavailable before."""
        if self._dimension is None:
            raise EmbedderUnavailable(f"the dimension of {self._model} is not known before it is loaded")
        return self._dimension

    def load(self) -> None:
        """Start the process and wait until its model is there."""
        self._kill()
        self._last.clear()
        command = [sys.executable, "-m", "semcache.embedders.st_worker", self._model, str(self._threads)]
        with self._lock:
            if self._aborted:
                raise EmbedderUnavailable("stopped")
            child = self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
            )
        threading.Thread(target=self._drain, args=(child,), name="semcache-st-log", daemon=True).start()
        hello = msgspec.msgpack.decode(self._receive(child, LOAD_S), type=Hello)
        if not Path(self._model).is_dir():
            space = fingerprint(f"st-{Path(self._model).name}", hello.fingerprint, WINDOWING)
            if self._space not in (None, space):  # others have asked for it by now: two spaces must not mix
                raise EmbedderUnavailable(f"{self._model} is another model than before: restart the service to use it")
            self._space = space
        self._dimension = hello.dimension

    def windows(self, text: str) -> int:
        """A guess from the length in characters."""
        return 1 + len(text) // (PIECE * _CHARS_A_TOKEN)

    def encode(self, texts: Sequence[str]) -> list[Embedding | None]:
        """See `Encoder.encode`."""
        child = self._child
        if child is None or child.stdin is None:
            raise EmbedderUnavailable("the model's process is not running")
        ask = Ask(texts=[printable(text) for text in texts], max_windows=self._max_windows, batch=self._batch)
        try:
            send(child.stdin.fileno(), ask)
        except OSError as error:
            raise self._gone(child, str(error)) from error
        answer = msgspec.msgpack.decode(self._receive(child, HANG_S), type=Answer)
        if answer.error:
            raise ValueError(answer.error)
        vectors = np.frombuffer(answer.vectors, np.float32).reshape(-1, self.dimension)
        weights = np.frombuffer(answer.weights, np.float32)
        results: list[Embedding | None] = []
        at = 0
        for count in answer.windows:
            rows = slice(at, at + count)
            results.append(Embedding(self.space, vectors[rows].copy(), weights[rows].copy()) if count else None)
            at += count
        return results

    def unload(self) -> None:
        """End the process."""
        self._kill()

    def abort(self) -> None:
        """Kill the process, and start no other."""
        with self._lock:
            self._aborted = True
            if self._child is not None:
                self._child.kill()

    def _receive(self, child: subprocess.Popen[bytes], timeout_s: float) -> bytes:
        assert child.stdout is not None
        try:
            body = receive(child.stdout.fileno(), timeout_s)
        except TimeoutError as error:
            raise self._gone(child, f"no answer in {timeout_s:g} s") from error
        if body is None:
            raise self._gone(child, "it ended")
        return body

    def _gone(self, child: subprocess.Popen[bytes], why: str) -> EmbedderUnavailable:
        self._kill()
        last = " | ".join(line for line in self._last if line.strip())[-2000:]
        return EmbedderUnavailable(f"the process of {self._model} failed ({why}, status {child.returncode}): {last}")

    def _kill(self) -> None:
        with self._lock:
            child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()

    def _drain(self, child: subprocess.Popen[bytes]) -> None:
        """Standard error into the log, until the process ends."""
        assert child.stderr is not None
        with child.stderr as lines:
            for line in lines:
                text = line.decode("utf-8", "replace").rstrip()
                self._last.append(text)
                log.info("%s: %s", self._model, text)


def _digest_of_folder(folder: Path) -> str:
    """SHA-256 over names and contents of all files, in order of name."""
    digest = hashlib.sha256()
    try:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path.relative_to(folder).as_posix()}\x1f{content}\x1e".encode())
    except OSError as error:
        raise EmbedderUnavailable(f"the model in {folder} cannot be read: {error}") from error
    return digest.hexdigest()
