"""Cold: an import, the shortest command, and a service as shipped from nothing to ready, its models prepared."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Final

from benchmarks.speed.parts import Serving
from benchmarks.speed.row import Figures, Measure
from benchmarks.speed.stage import ROOT, Stage, clean_environment

_TIMES: Final = 5
_AS_SHIPPED: Final = {"mode": "guarded", "threshold": ""}
_IMPORT: Final = "import time; began = time.perf_counter(); import semcache; print(time.perf_counter() - began)"


def open_cold(stage: Stage) -> Measure:
    """Milliseconds, and seconds of the start."""
    Serving(stage, "warm", **_AS_SHIPPED).stop()  # has both models prepared
    for command in (("-c", _IMPORT), ("-m", "semcache", "version")):  # once, so that the bytecode is there
        _run(*command)

    def measure(number: int) -> Figures:
        imports = [1000 * float(_run("-c", _IMPORT)) for _ in range(_TIMES)]
        commands = [_timed_ms("-m", "semcache", "version") for _ in range(_TIMES)]
        began = time.perf_counter()
        serving = Serving(stage, f"cold{number}", **_AS_SHIPPED)
        ready_s = time.perf_counter() - began
        serving.stop()
        return {
            "import ms": statistics.median(imports), "version ms": statistics.median(commands),
            "python ms": statistics.median(_timed_ms("-c", "pass") for _ in range(_TIMES)), "ready s": ready_s,
        }  # fmt: skip

    return measure


def _run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True, cwd=ROOT, env=clean_environment(),
        timeout=60,
    )  # fmt: skip
    return done.stdout


def _timed_ms(*arguments: str) -> float:
    began = time.perf_counter()
    _run(*arguments)
    return 1000 * (time.perf_counter() - began)
