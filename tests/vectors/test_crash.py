"""A snapshot survives whatever stops its writer: each step failing in turn, and SIGKILL at random moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from semcache.errors import IndexUnavailable
from semcache.models import SHARDS
from semcache.ports import Position
from semcache.vectors import IndexFolder, SegmentedIndex
from semcache.vectors.disk import Disk, FileMark
from tests.vectors.made import clusters, entry_id, name

DIMENSION = 16
POSITIONS = [Position()] * SHARDS


class Failing(Disk):
    """Fails at its nth step, half done, and then at each one after it: the process is as good as dead."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError("the disk is gone")

    def write(self, path: Path, buffers: Iterable[bytes | memoryview]) -> FileMark:
        pieces = list(buffers)
        if self.left == 0:
            path.write_bytes(bytes(pieces[0])[: len(pieces[0]) // 2])
        self._step()
        return super().write(path, pieces)

    def publish(self, draft: Path, path: Path) -> None:
        self._step()
        super().publish(draft, path)

    def sync_folder(self, folder: Path) -> None:
        self._step()
        super().sync_folder(folder)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)

    def _sync(self, descriptor: int) -> None:
        self._step()


def made(count: int, first: int = 0) -> SegmentedIndex:
    import numpy as np

    from semcache.ports import Row

    index = SegmentedIndex("s", DIMENSION, scan_rows=64, delta_rows=32)
    vectors = clusters(count, DIMENSION, np.random.default_rng(first))
    index.upsert([Row(entry_id(first + at), name(0), name(0), vector) for at, vector in enumerate(vectors)])
    index.merge_now()
    index.remove([entry_id(first)])
    return index


def test_a_failure_at_any_step_leaves_the_old_snapshot_or_the_new_one_whole(tmp_path: Path) -> None:
    old, new = made(100), made(150, 1_000)
    contents = {"old": sorted(old.ids()), "new": sorted(new.ids())}
    seen = set()
    for steps in range(200):
        folder = tmp_path / str(steps)
        shelf = IndexFolder(folder)
        assert shelf.save(made(100), "g", POSITIONS)
        shelf.close()
        failing = IndexFolder(folder, disk=Failing(steps))
        try:
            failing.save(made(150, 1_000), "g", POSITIONS)
            done = True
        except IndexUnavailable:
            done = False
        failing.close()
        found = sorted(IndexFolder(folder).open("s", DIMENSION, "g").index.ids())
        seen.add(which := next(name for name, content in contents.items() if content == found))
        if done:
            assert which == "new"
            break
        shelf = IndexFolder(folder)
        after = made(20, 2_000)
        assert shelf.save(after, "g", POSITIONS)
        assert sorted(IndexFolder(folder).open("s", DIMENSION, "g").index.ids()) == sorted(after.ids())
        # manifest, lock, segment, dead rows: the leavings of the failure are gone.
        assert len(list(folder.iterdir())) == 4
        shelf.close()
    else:
        pytest.fail("it never ran out of steps")
    assert seen == {"old", "new"}
    assert steps > 8


def test_a_failed_save_does_not_disturb_the_index(tmp_path: Path) -> None:
    index = made(100)
    before = sorted(index.ids())
    for steps in range(8):
        with pytest.raises(IndexUnavailable, match="not written"):
            IndexFolder(tmp_path / str(steps), disk=Failing(steps)).save(index, "g", POSITIONS)
        assert sorted(index.ids()) == before
    assert IndexFolder(tmp_path / "whole").save(index, "g", POSITIONS)


WRITER = """
import sys
from pathlib import Path
from tests.vectors.test_crash import POSITIONS, made
from semcache.vectors import IndexFolder
shelf = IndexFolder(Path(sys.argv[1]))
turns = [made(300), made(300, 1_000), made(300, 2_000)]
print("ready", flush=True)
turn = 0
while True:
    turn += 1
    shelf.save(turns[turn % 3], "g", POSITIONS)
    turns[turn % 3] = made(300, 1_000 * (turn % 3))
"""


def test_sigkill_at_random_moments(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    contents = [sorted(made(300, first).ids()) for first in (0, 1_000, 2_000)]
    moments = random.Random(11)
    for _ in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
        )
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(0.01 + 0.25 * moments.random())  # the moment of the kill is what is drawn, nothing is awaited
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
            if child.stdout:
                child.stdout.close()
        if (tmp_path / "manifest.json").exists():
            assert sorted(IndexFolder(tmp_path).open("s", DIMENSION, "g").index.ids()) in contents
    shelf = IndexFolder(tmp_path)
    assert shelf.save(made(20), "g", POSITIONS)
    assert len(list(tmp_path.iterdir())) == 4
