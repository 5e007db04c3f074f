"""A verifier with weights that were never trained, prepared as the shipped ones are."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

from tests.patience import LONG_S

_SCRIPT = """
import sys
from pathlib import Path
import torch
from semcache.engines.package import model_dir
from semcache.verifier import network, weights
torch.manual_seed(1)
made = network.fresh(model_dir())
with torch.no_grad():
    made.out.weight.mul_(20.0)  # logits that differ, as trained ones do
weights.save(Path(sys.argv[1]), network.tensors(made))
"""


def untrained_weights(folder: Path) -> Path:
    """A file of weights in `folder`, the same every time; written by the first of all processes that ask."""
    file = folder / "untrained-1.npz"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "untrained.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.is_file():
            made = file.with_name("untrained-new.npz")
            subprocess.run([sys.executable, "-W", "ignore", "-c", _SCRIPT, str(made)], check=True, timeout=3 * LONG_S)
            made.rename(file)
    return file
