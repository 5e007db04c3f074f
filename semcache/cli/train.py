"""`semcache train`: train the verifier anew, with what a service's callers and comparisons said mixed in.

The door to `python -m semcache.verifier.train`, which runs in a process of its own: torch is for it alone. Training
takes the better part of an hour, so what it would stumble over in the end is looked at first; and it ends by telling
how a service comes to decide by what it made.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from semcache.cli import remote
from semcache.errors import RequestError

WEIGHTS: Final = "SEMCACHE_VERIFICATION__WEIGHTS_FILE"
CALIBRATION: Final = "SEMCACHE_VERIFICATION__CALIBRATION_FILE"
"""The settings that name what a service decides by."""

PACKAGED: Final = "packaged"
"""`--start` from the weights that the package carries."""


def run(chosen: argparse.Namespace) -> int:
    """Train; the exit status is the training's. Raises Unavailable where labels come from a service that is away."""
    _check(chosen)
    command = [sys.executable, "-m", "semcache.verifier.train", "--data", chosen.data, "--out", chosen.out]
    if chosen.start is not None:
        command += ["--start", str(_start(chosen.start))]
    for flag in ("calibration", "pairs", "seed"):
        if getattr(chosen, flag) is not None:
            command += [f"--{flag}", str(getattr(chosen, flag))]
    with tempfile.TemporaryDirectory(prefix="semcache-train-") as folder:
        if chosen.from_feedback is not None:
            command += ["--feedback", str(_labels(chosen, Path(folder)))]
        status = subprocess.run(command, check=False).returncode
    if status == 0:
        print("\n".join(_next(chosen)), file=sys.stderr)
    return status


def _next(chosen: argparse.Namespace) -> Iterator[str]:
    """What to do with what was made."""
    out = Path(chosen.out).absolute()
    if chosen.calibration is None:
        yield "weights are served with what their scores are worth; find that out, too:"
        yield (
            f"  semcache train --data {shlex.quote(chosen.data)} --pairs 0 --start {shlex.quote(str(out))} "
            f"--out {shlex.quote(str(out))} --calibration FILE"
        )
        return
    yield "to decide by these, set on every replica and start it anew:"
    yield f"  {WEIGHTS}={shlex.quote(str(out))}"
    yield f"  {CALIBRATION}={shlex.quote(str(Path(chosen.calibration).absolute()))}"


def _check(chosen: argparse.Namespace) -> None:
    if not Path(chosen.data).is_dir():
        raise RequestError(f"--data {chosen.data}: no such folder")
    for flag in ("out", "calibration"):
        given = getattr(chosen, flag)
        if given is not None and (Path(given).is_dir() or not Path(given).absolute().parent.is_dir()):
            raise RequestError(f"--{flag} {given}: no file can be written there")
    if chosen.start is not None and not _start(chosen.start).is_file():
        raise RequestError(f"--start {chosen.start}: no such file")
    if chosen.pairs is not None and chosen.pairs < 0:
        raise RequestError(f"--pairs {chosen.pairs}: no number of pairs")
    if chosen.pairs == 0 and chosen.calibration is not None and not _same(chosen.start, chosen.out):
        raise RequestError("--pairs 0 calibrates weights as they are: name them twice, by --start and by --out")


def _same(start: str | None, out: str) -> bool:
    return start is not None and _start(start).resolve() == Path(out).resolve()


def _start(given: str) -> Path:
    if given != PACKAGED:
        return Path(given)
    from semcache.verifier.weights import FILE

    return FILE


def _labels(chosen: argparse.Namespace, folder: Path) -> Path:
    """The file of labels, or those of the running service where it is `-`. Raises RequestError where none teaches."""
    if chosen.from_feedback != "-":
        file = Path(chosen.from_feedback)
        if not file.is_file():
            raise RequestError(f"{file}: no such file")
    else:
        file = folder / "labels.jsonl"
        with remote.opened(chosen, "GET", "/admin/labels") as answer, remote.no_answer(chosen), file.open("wb") as out:
            while part := answer.read(1 << 16):
                out.write(part)
    from semcache.verifier.train.feedback import pairs_of  # the guards come with it

    pairs = pairs_of(file)
    if not pairs:
        source = f"the labels of {chosen.url}" if chosen.from_feedback == "-" else str(file)
        raise RequestError(f"{source} teach nothing: no pair of prompts on which the voices agree")
    print(f"{len(pairs)} pairs of prompts were learned of", file=sys.stderr)
    return file
