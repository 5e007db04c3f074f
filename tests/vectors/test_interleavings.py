"""What dies stays dead, what lives is found: writes of every kind between, during and after merges and snapshots."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from semcache.models import SHARDS
from semcache.ports import Position, Row
from semcache.vectors import IndexFolder, SegmentedIndex, merging
from semcache.vectors import index as index_module
from semcache.vectors.segment import Segment
from tests.vectors.made import Reference, clusters, entry_id, name

DIMENSION = 8
POOL = clusters(400, DIMENSION, np.random.default_rng(1))
numbers = st.lists(st.integers(0, 60), min_size=1, max_size=30)


class Interleaved(RuleBasedStateMachine):
    """A merge is a step of two halves here: rules may run inside it, as other threads would."""

    @initialize(scan_rows=st.sampled_from([5, 20, 10_000]), delta_rows=st.sampled_from([4, 16]))
    def start(self, scan_rows: int, delta_rows: int) -> None:
        self.scan_rows = scan_rows
        self.index = SegmentedIndex("s", DIMENSION, scan_rows=scan_rows, delta_rows=delta_rows)
        self.index.close()  # merges happen only where a rule says so
        self.reference = Reference()
        self.folder = Path(tempfile.mkdtemp())
        self.shelf = IndexFolder(self.folder)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.shelf.close()
            shutil.rmtree(self.folder)

    def _rows(self, chosen: list[int], shift: int) -> list[Row]:
        return [Row(entry_id(at), name(at % 2), name((at + shift) % 3), POOL[(at * 7 + shift) % 400]) for at in chosen]

    @rule(chosen=numbers, shift=st.integers(0, 5))
    def upsert(self, chosen: list[int], shift: int) -> None:
        rows = self._rows(chosen, shift)
        self.index.upsert(rows)
        self.reference.upsert(rows)

    @rule(chosen=numbers)
    def remove(self, chosen: list[int]) -> None:
        gone = [entry_id(at) for at in chosen]
        assert self.index.remove(gone) == self.reference.remove(gone)

    @rule()
    def merge(self) -> None:
        self.index.merge_now()

    @precondition(lambda self: len(self.index.segments) > 0)
    @rule(chosen=numbers, gone=numbers, shift=st.integers(0, 5), save=st.booleans(), data=st.data())
    def write_while_merging(
        self, chosen: list[int], gone: list[int], shift: int, save: bool, data: st.DataObject
    ) -> None:
        some = data.draw(st.lists(st.sampled_from(self.index.segments), min_size=1, unique_by=id))

        def interrupted(*given: Any) -> merging.Merged:
            merged = merging.merge(*given)
            self.upsert(chosen, shift)
            self.remove(gone)
            if save:
                self.save()
            return merged

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(index_module, "merge", interrupted)
            self.index._merge(some, self.scan_rows)

    @rule()
    def save(self) -> None:
        assert self.shelf.save(self.index, "g", [Position()] * SHARDS)

    @rule()
    def reopen(self) -> None:
        self.save()
        opened = self.shelf.open("s", DIMENSION, "g").index
        assert isinstance(opened, SegmentedIndex)
        opened.close()
        self.index = opened

    @invariant()
    def holds_what_it_should(self) -> None:
        if not hasattr(self, "index"):
            return
        assert len(self.index) == len(self.reference.rows)
        assert sorted(self.index.ids()) == sorted(self.reference.rows)
        for partition in (0, 1):
            for context in (None, 0):
                key = None if context is None else name(context)
                expected = self.reference.best(name(partition), key, POOL[0])
                found = self.index.search(name(partition), key, POOL[0], 100)
                assert {near.entry_id for near in found} == set(expected)
                for near in found:
                    assert near.similarity == pytest.approx(expected[near.entry_id], abs=1e-3)


TestInterleaved = Interleaved.TestCase
TestInterleaved.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_writers_readers_merges_and_snapshots_at_once(tmp_path: Path) -> None:
    index = SegmentedIndex("s", DIMENSION, scan_rows=150, delta_rows=32)
    stop = threading.Event()
    failures: list[BaseException] = []
    kept: list[dict[str, Row]] = [{}, {}]
    shelf = IndexFolder(tmp_path)

    def write(own: int) -> None:
        """Ids of its own, so that it knows what must be there at the end."""
        random = np.random.default_rng(own)
        for _ in range(250):
            rows = [
                Row(entry_id(int(at) * 2 + own), name(0), name(own), POOL[random.integers(400)])
                for at in random.integers(0, 300, 12)
            ]
            index.upsert(rows)
            kept[own].update((row.entry_id, row) for row in rows)
            gone = [entry_id(int(at) * 2 + own) for at in random.integers(0, 300, 6)]
            index.remove(gone)
            for one in gone:
                kept[own].pop(one, None)

    def read() -> None:
        while not stop.is_set():
            found = index.search(name(0), None, POOL[0], 20)
            assert len({near.entry_id for near in found}) == len(found)

    def save() -> None:
        while not stop.is_set():
            assert shelf.save(index, "g", [Position()] * SHARDS)

    def merge() -> None:
        while not stop.is_set():
            index.merge_now()

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - handed to the main thread
                failures.append(error)

        return run

    writers = [threading.Thread(target=guarded(lambda own=own: write(own))) for own in (0, 1)]
    others = [threading.Thread(target=guarded(work)) for work in (read, read, save, merge)]
    for thread in (*writers, *others):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in others:
        thread.join()
    assert not failures
    assert index.flush(60)
    expected = kept[0] | kept[1]
    for one in (index, _reopened(shelf, index)):
        assert sorted(one.ids()) == sorted(expected)
        for row in list(expected.values())[:50]:
            found = one.search(row.partition, row.context, row.vector, len(expected))
            assert next(near.similarity for near in found if near.entry_id == row.entry_id) > 0.999
    index.close()
    assert index.merge_failures == 0


def _reopened(shelf: IndexFolder, index: SegmentedIndex) -> SegmentedIndex:
    assert shelf.save(index, "g", [Position()] * SHARDS)
    opened = shelf.open("s", DIMENSION, "g").index
    assert isinstance(opened, SegmentedIndex)
    return opened


def test_searches_and_small_merges_go_on_while_cells_are_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that reports progress only when told to: segments pile up meanwhile, and are merged without cells."""
    index = SegmentedIndex("s", DIMENSION, scan_rows=100, delta_rows=16)
    going_on, release = threading.Event(), threading.Event()
    real = index_module.merge

    def slow(
        segments: Sequence[Segment], taken: Sequence[Any], scan_rows: int | None, progress: Callable[[], None]
    ) -> merging.Merged:
        if scan_rows is not None:
            going_on.set()
            while not release.wait(0.001):
                progress()
        return real(segments, taken, scan_rows, progress)

    monkeypatch.setattr(index_module, "merge", slow)
    vectors = clusters(1_600, DIMENSION, np.random.default_rng(2))
    rows = [Row(entry_id(at), name(0), name(0), vector) for at, vector in enumerate(vectors)]
    index.upsert(rows[:64])
    assert going_on.wait(30)
    for at in range(64, 1_600, 16):
        index.upsert(rows[at : at + 16])
        assert index.search(name(0), name(0), vectors[at], 1)[0].entry_id == rows[at].entry_id
    deadline = threading.Event()
    for _ in range(3_000):
        if len(index.segments) <= 12:
            break
        deadline.wait(0.01)
    assert len(index.segments) <= 12
    index.remove([rows[0].entry_id])
    release.set()
    assert index.flush(60)
    assert len(index) == 1_599
    assert len(index.segments) <= 8
    assert any(
        len(segment.columns.cells.starts) for segment in index.segments
    )  # what was merged in a hurry got them later
    index.close()


def test_a_merge_on_a_callers_thread_ends_when_the_index_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    index = SegmentedIndex("s", DIMENSION, delta_rows=16)
    vectors = clusters(32, DIMENSION, np.random.default_rng(4))
    index.upsert([Row(entry_id(at), name(0), name(0), vector) for at, vector in enumerate(vectors)])
    going_on = threading.Event()

    def endless(
        segments: Sequence[Segment], taken: Sequence[Any], scan_rows: int | None, progress: Callable[[], None]
    ) -> merging.Merged:
        going_on.set()
        while True:
            progress()

    monkeypatch.setattr(index_module, "merge", endless)
    merger = threading.Thread(target=index.merge_now, daemon=True)
    merger.start()
    assert going_on.wait(30)
    index.close()
    merger.join(30)
    assert not merger.is_alive()
    assert len(index) == 32


def test_a_merge_that_fails_is_counted_and_harms_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    index = SegmentedIndex("s", DIMENSION, delta_rows=16)

    def broken(*_: Any) -> merging.Merged:
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(index_module, "merge", broken)
        vectors = clusters(80, DIMENSION, np.random.default_rng(3))
        index.upsert([Row(entry_id(at), name(0), name(0), vector) for at, vector in enumerate(vectors)])
        assert index.flush(30)
    assert index.merge_failures >= 1
    assert "background merge failed" in caplog.text
    assert index.search(name(0), name(0), vectors[3], 1)[0].entry_id == entry_id(3)
    index.upsert([Row(entry_id(99), name(0), name(0), vectors[0])])
    assert index.flush(30)
    assert len(index.segments) < 5
    index.close()


def test_close_ends_the_merging_thread() -> None:
    before = threading.active_count()
    index = SegmentedIndex("s", DIMENSION, scan_rows=10, delta_rows=16)
    vectors = clusters(300, DIMENSION, np.random.default_rng(4))
    index.upsert([Row(entry_id(at), name(0), name(0), vector) for at, vector in enumerate(vectors)])
    index.close()
    assert threading.active_count() == before
    assert len(index.search(name(0), name(0), vectors[0], 10)) == 10
