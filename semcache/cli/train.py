"""`semcache train`: train the verifier anew, with what a service's callers and comparisons said mixed in.

The door to `python -m semcache.verifier.train`, which runs in a process of its own: torch is for it alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from semcache.cli import remote
from semcache.errors import RequestError


def run(chosen: argparse.Namespace) -> int:
    """Train; the exit status is the training's. Raises Unavailable where labels come from a service that is away."""
    if not Path(chosen.data).is_dir():  # or torch and the first weights would be loaded only to say it
        raise RequestError(f"--data {chosen.data}: no such folder")
    command = [sys.executable, "-m", "semcache.verifier.train", "--data", chosen.data, "--out", chosen.out]
    for flag in ("start", "pairs", "seed"):
        if getattr(chosen, flag) is not None:
            command += [f"--{flag}", str(getattr(chosen, flag))]
    with tempfile.TemporaryDirectory(prefix="semcache-train-") as folder:
        if chosen.from_feedback is not None:
            command += ["--feedback", str(_labels(chosen, Path(folder)))]
        return subprocess.run(command, check=False).returncode


def _labels(chosen: argparse.Namespace, folder: Path) -> Path:
    """The file of labels, or those of the running service where it is `-`."""
    if chosen.from_feedback != "-":
        file = Path(chosen.from_feedback)
        if not file.is_file():
            raise RequestError(f"{file}: no such file")
        return file
    file = folder / "labels.jsonl"
    with remote.opened(chosen, "GET", "/admin/labels") as answer, remote.no_answer(chosen), file.open("wb") as out:
        while part := answer.read(1 << 16):
            out.write(part)
    return file
