"""Looking at processes by what their command line holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.patience import LONG_S


def pids_with(*words: str) -> list[int]:
    """Ids of the living processes whose command line has all the words."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            line = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:  # gone meanwhile
            continue
        if all(word in line for word in words):
            found.append(int(folder.name))
    return found


def wait_until(condition: Callable[[], bool], timeout_s: float = LONG_S) -> None:
    """Poll until the condition holds."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.01)
