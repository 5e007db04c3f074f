"""A sentence-transformers model in a process of its own, tried on the packaged model's folder."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from semcache.embedders.batching import BatchingEmbedder
from semcache.embedders.minilm import MiniLm
from semcache.embedders.prepare import CHECK_SET
from semcache.embedders.st_process import StProcess
from semcache.engines import owner
from semcache.engines.package import model_dir
from semcache.errors import EmbedderUnavailable
from tests.embedders.processes import wait_until
from tests.patience import LONG_S

LONG = " ".join(f"Sentence {at} of a long text says that {at} bottles stand on wall {at % 9}." for at in range(60))


def pid_of(process: StProcess) -> int:
    assert process._child is not None
    return process._child.pid


def test_a_name_has_its_space_only_when_loaded() -> None:
    by_name = StProcess("no-such-organisation/no-such-model", threads=1, batch=1, max_windows=1)
    with pytest.raises(EmbedderUnavailable, match="not known before it is loaded"):
        _ = by_name.space
    with pytest.raises(EmbedderUnavailable, match="not known before it is loaded"):
        _ = by_name.dimension


def test_a_model_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    broken = StProcess(str(tmp_path), threads=1, batch=1, max_windows=1)
    with pytest.raises(EmbedderUnavailable, match=r"failed .*it ended"):
        broken.load()


async def test_a_dead_process_is_started_again_and_agrees_with_the_default_runtime(
    monkeypatch: pytest.MonkeyPatch, prepared_models_dir: Path
) -> None:
    """And so the default runtime with torch: this is torch."""
    monkeypatch.setattr(owner, "FIRST_PAUSE_S", 0.05)
    process = StProcess(str(model_dir()), threads=1, batch=16, max_windows=32)
    space = process.space
    embedder = BatchingEmbedder(process, queue=64, batch=8, deadline_s=LONG_S)
    await embedder.start()
    await ready(embedder)
    first = pid_of(process)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(EmbedderUnavailable, match="status -9"):
        await embedder.embed(["into the void"])
    await ready(embedder)
    last = pid_of(process)
    assert last != first
    assert StProcess(str(model_dir()), threads=1, batch=1, max_windows=1).space == process.space == space

    default = MiniLm(prepared_models_dir, threads=1, batch=16, max_windows=32)
    default.load()
    texts = [*CHECK_SET, "Something that stands in no check set, 7 % of it?", LONG[:900]]
    for ours, torchs in zip(default.encode(texts), await embedder.embed(texts), strict=True):
        assert ours is not None
        assert torchs is not None
        assert ours.weights.tolist() == torchs.weights.tolist()
        assert float(ours.vectors[0] @ torchs.vectors[0]) > 0.999
        assert np.linalg.norm(torchs.vectors[0]) == pytest.approx(1.0, abs=1e-5)
    [ours, torchs] = [*default.encode([LONG]), *await embedder.embed([LONG])]
    assert ours is not None
    assert torchs is not None
    assert ours.vectors.shape == torchs.vectors.shape
    assert float(ours.pooled @ torchs.pooled) > 0.99  # words cut by a window's edge are tokenised apart

    await embedder.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(last, 0)


async def ready(embedder: BatchingEmbedder) -> None:
    end = time.monotonic() + 2 * LONG_S
    while not embedder.state().ready:
        assert time.monotonic() < end, embedder.state().detail
        await asyncio.sleep(0.02)


def test_it_dies_with_the_service() -> None:
    script = (
        "import time; from semcache.embedders.st_process import StProcess; "
        f"p = StProcess({str(model_dir())!r}, threads=1, batch=8, max_windows=8); p.load(); "
        "print(p._child.pid, flush=True); time.sleep(600)"
    )
    service = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    child = int(service.stdout.readline())
    os.kill(service.pid, signal.SIGKILL)
    service.wait()
    service.stdout.close()
    wait_until(lambda: not alive(child))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
