"""What every IndexShelf does: keeps an index whole, and refuses, with the reason, what does not fit or is damaged."""

from __future__ import annotations

import itertools
import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from semcache.errors import IndexUnavailable, SnapshotRejected
from semcache.models import SHARDS
from semcache.ports import Position, Row, VectorIndex
from semcache.vectors import IndexFolder, SegmentedIndex
from tests.patience import LONG_S
from tests.vectors.made import clusters, entry_id, name

DIMENSION = 32
SPACE = "space-a"
POSITIONS = [Position(f"{at}-1", at) for at in range(SHARDS)]


def rows(count: int, first: int = 0) -> list[Row]:
    vectors = clusters(count, DIMENSION, np.random.default_rng(first))
    return [Row(entry_id(first + at), name(at % 3), name(at % 2), vector) for at, vector in enumerate(vectors)]


def filled(count: int, first: int = 0) -> SegmentedIndex:
    """Several segments, cells, dead rows, and a delta."""
    index = SegmentedIndex(SPACE, DIMENSION, scan_rows=60, delta_rows=64)
    index.close()  # no merges but those asked for
    index.upsert(rows(count, first))
    index.merge_now()
    index.upsert(rows(100, first + count))
    index.remove([entry_id(first + at) for at in range(0, count, 9)])
    return index


def opened(folder: Path, generation: str = "g1") -> VectorIndex:
    found = IndexFolder(folder).open(SPACE, DIMENSION, generation)
    assert found.positions == POSITIONS
    return found.index


def same(one: VectorIndex, other: VectorIndex) -> None:
    assert sorted(one.ids()) == sorted(other.ids())
    for index in (one, other):
        assert isinstance(index, SegmentedIndex)
        index.scan_rows = 10_000  # so that none leaves out what the other finds
    for row in rows(60):
        for context in (row.context, None):
            found = one.search(row.partition, context, row.vector, 4)
            again = other.search(row.partition, context, row.vector, 4)
            assert [(near.entry_id, round(near.similarity, 3)) for near in found[:1]] == [
                (near.entry_id, round(near.similarity, 3)) for near in again[:1]
            ]


def test_create_gives_an_empty_index(tmp_path: Path) -> None:
    index = IndexFolder(tmp_path / "absent yet").create(SPACE, DIMENSION)
    assert (len(index), index.space, index.dimension) == (0, SPACE, DIMENSION)


def test_a_snapshot_is_the_index_as_it_was_and_many_may_read_it(tmp_path: Path) -> None:
    index = filled(500)
    before = sorted(index.ids())
    shelf = IndexFolder(tmp_path)
    assert shelf.save(index, "g1", POSITIONS)
    assert sorted(index.ids()) == before
    one, other = opened(tmp_path), opened(tmp_path)
    same(index, one)
    one.remove([entry_id(1)])
    one.upsert(rows(10, 5_000))
    same(index, other)
    same(index, opened(tmp_path))


def test_an_empty_index_has_a_snapshot_too(tmp_path: Path) -> None:
    shelf = IndexFolder(tmp_path)
    assert shelf.save(shelf.create(SPACE, DIMENSION), "g1", POSITIONS)
    assert len(opened(tmp_path)) == 0


def test_what_is_on_disk_is_not_written_again(tmp_path: Path) -> None:
    index = filled(500)
    shelf = IndexFolder(tmp_path)
    assert shelf.save(index, "g1", POSITIONS)
    first = {path.name: path.stat().st_ino for path in tmp_path.glob("segment-*")}
    index.remove([entry_id(2)])
    index.upsert(rows(5, 9_000))
    assert shelf.save(index, "g1", POSITIONS)
    second = {path.name: path.stat().st_ino for path in tmp_path.glob("segment-*")}
    assert first.items() <= second.items()
    assert len(second) == len(first) + 1
    same(index, opened(tmp_path))


def test_a_reopened_index_saves_without_rewriting(tmp_path: Path) -> None:
    shelf = IndexFolder(tmp_path)
    assert shelf.save(filled(500), "g1", POSITIONS)
    shelf.close()
    names = {path.name for path in tmp_path.glob("segment-*")}
    shelf = IndexFolder(tmp_path)
    again = shelf.open(SPACE, DIMENSION, "g1").index
    again.close()  # a background merge, which so many dead rows call for, would write new files
    again.remove([entry_id(4)])
    assert shelf.save(again, "g2", POSITIONS)
    assert {path.name for path in tmp_path.glob("segment-*")} == names
    same(again, opened(tmp_path, "g2"))


def test_merging_a_mapped_index_and_saving_it_removes_what_it_replaced(tmp_path: Path) -> None:
    shelf = IndexFolder(tmp_path)
    assert shelf.save(filled(500), "g1", POSITIONS)
    index = shelf.open(SPACE, DIMENSION, "g1").index
    reader = opened(tmp_path)
    assert isinstance(index, SegmentedIndex)
    index.upsert(rows(300, 7_000))
    index.merge_now()
    assert shelf.save(index, "g1", POSITIONS)
    assert len(list(tmp_path.glob("segment-*.seg"))) == 1
    assert list(tmp_path.glob("dead-*")) == []
    same(index, opened(tmp_path))
    assert reader.search(name(0), name(0), rows(1)[0].vector, 3)  # still reads files that are gone by name


def test_a_rebuilt_index_replaces_the_live_ones_snapshot_and_back(tmp_path: Path) -> None:
    shelf = IndexFolder(tmp_path)
    live, rebuilt = filled(400), filled(300, 20_000)
    assert shelf.save(live, "g1", POSITIONS)
    assert shelf.save(rebuilt, "g1", POSITIONS)
    assert sorted(opened(tmp_path).ids()) == sorted(rebuilt.ids())
    same(live, live)
    assert shelf.save(live, "g1", POSITIONS)  # its files were tidied away; it still has their content
    same(live, opened(tmp_path))


@pytest.mark.parametrize(
    ("space", "dimension", "generation", "why"),
    [("space-b", DIMENSION, "g1", "space"), (SPACE, 33, "g1", "space"), (SPACE, DIMENSION, "g2", "generation")],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, space: str, dimension: int, generation: str, why: str) -> None:
    assert IndexFolder(tmp_path).save(filled(50), "g1", POSITIONS)
    with pytest.raises(SnapshotRejected, match=f"^{why}: "):
        IndexFolder(tmp_path).open(space, dimension, generation)


def test_no_snapshot_is_refused_as_absent(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(SnapshotRejected, match=r"^absent: "):
            IndexFolder(folder).open(SPACE, DIMENSION, "g1")


def test_every_damaged_region_of_every_file_is_found(tmp_path: Path) -> None:
    assert IndexFolder(tmp_path).save(filled(500), "g1", POSITIONS)
    files = sorted(path for path in tmp_path.iterdir() if path.name != ".writer")
    assert {path.suffix for path in files} == {".json", ".seg", ".bits"}
    random = np.random.default_rng(8)
    for path in files:
        whole = path.read_bytes()
        regions = np.linspace(0, len(whole), 17).astype(int)
        for low, high in itertools.pairwise(regions):
            at = int(random.integers(low, max(high, low + 1)))
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << int(random.integers(8)))]) + whole[at + 1 :])
            with pytest.raises(SnapshotRejected, match=r"^(checksum|format): "):
                opened(tmp_path)
            path.write_bytes(whole[:at])
            with pytest.raises(SnapshotRejected, match=r"^(truncated|checksum): "):
                opened(tmp_path)
        path.unlink()
        with pytest.raises(SnapshotRejected, match=r"^(truncated|absent): "):
            opened(tmp_path)
        path.write_bytes(whole)
    assert len(opened(tmp_path))


def test_another_format_is_refused_as_such(tmp_path: Path) -> None:
    import hashlib

    assert IndexFolder(tmp_path).save(filled(50), "g1", POSITIONS)
    manifest = tmp_path / "manifest.json"
    body = manifest.read_bytes().partition(b"\n")[2].replace(b'"format":2', b'"format":1')
    manifest.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    with pytest.raises(SnapshotRejected, match=r"^format: .*1"):
        opened(tmp_path)


def _save_elsewhere(folder: Path, answers: multiprocessing.Queue[object]) -> None:
    answers.put(IndexFolder(folder).save(SegmentedIndex(SPACE, DIMENSION), "other", POSITIONS))
    answers.put(len(IndexFolder(folder).open(SPACE, DIMENSION, "g1").index))


def test_one_writer_many_readers_over_processes(tmp_path: Path) -> None:
    shelf = IndexFolder(tmp_path)
    index = filled(200)
    assert shelf.save(index, "g1", POSITIONS)
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[object] = context.Queue()
    other = context.Process(target=_save_elsewhere, args=(tmp_path, answers))
    other.start()
    assert answers.get(timeout=LONG_S) is False
    assert answers.get(timeout=LONG_S) == len(index)
    other.join(60)
    assert not IndexFolder(tmp_path).save(index, "g3", POSITIONS)
    shelf.close()
    assert IndexFolder(tmp_path).save(index, "g3", POSITIONS)


def test_a_disk_that_refuses_is_an_index_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(IndexUnavailable, match="not written"):
        IndexFolder(blocked / "index").save(SegmentedIndex(SPACE, DIMENSION), "g1", POSITIONS)
    with pytest.raises(SnapshotRejected, match=r"^unreadable: "):
        IndexFolder(blocked).open(SPACE, DIMENSION, "g1")


def test_only_its_own_kind_of_index_is_kept(tmp_path: Path) -> None:
    with pytest.raises(IndexUnavailable, match="SegmentedIndex"):
        IndexFolder(tmp_path).save(object(), "g1", POSITIONS)  # type: ignore[arg-type]
