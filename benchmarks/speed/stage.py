"""A stage: a folder, the processes that were started for its rows, and what they are to know of each other.

Everything that is started here is stopped here, by its own id, however the stage ends. All of it listens on loopback.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from benchmarks.speed.plan import Plan

ROOT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = ROOT / ".cache"
_STOP_S: Final = 30.0

T = TypeVar("T")


class Stage:
    """The servers of the rows that run together. A context manager."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.notes: list[str] = []
        """What a reader must know: a peer that is not there, the share of requests that were hits."""
        self._stack = contextlib.ExitStack()
        self._shared: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="scb-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def shared(self, name: str, make: Callable[[], T]) -> T:
        """What `make` made when the first row of this stage asked for `name`."""
        if name not in self._shared:
            self._shared[name] = make()
        made: T = self._shared[name]
        return made

    def note(self, text: str) -> None:
        """Tell the reader of the result, once."""
        if text not in self.notes:
            self.notes.append(text)
            print(f"note: {text}", file=sys.stderr)

    def on_exit(self, call: Callable[[], object]) -> None:
        """Call at the end of the stage, last first."""
        self._stack.callback(call)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Started:
        """Start a process whose output goes to a log in the stage's folder."""
        return self._registered(Started(name, command, environment or clean_environment(), self.folder))

    def _registered(self, started: Started) -> Started:
        self._stack.callback(started.stop)
        return started


class Started:
    """A process that a stage started."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                list(command), env=dict(environment), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_until(self, condition: Callable[[], bool], *, seconds: float) -> None:
        """Poll until `condition`; RuntimeError with the end of its log where it ends, TimeoutError where it takes too
        long."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self._process.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} was not ready within {seconds:g} s:\n{self.tail()}")
            time.sleep(0.05)  # what is asked whether it is ready gets less done meanwhile

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2_000:]

    def stop(self) -> None:
        """Ask it to end; kill it where it does not."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without our own settings, which would change what is measured, and with bytecode kept
    as it is by default: without, every cold start compiles anew."""
    left_out = ("SEMCACHE_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    path = os.pathsep.join([str(ROOT), *filter(None, [kept.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path, **more}
