"""IndexFolder: snapshots of one index in one folder. Many readers, one locked writer.

    manifest.json               the one name that readers look up: a SHA-256 line, then JSON that names all else
    segment-<uuid>.seg          arrays of a segment; never changed, shared by all snapshots that have it
    dead-<uuid>.bits            which of its rows were dead at this snapshot (none: no file)
    .writer                     the lock

A snapshot is written under names that nobody reads, synced, and published by renaming the manifest; only then is
what no manifest names removed. So a crash at any moment leaves the snapshot before it, or the new one, whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from semcache.errors import IndexUnavailable, SnapshotRejected
from semcache.ports import OpenedIndex, Position, VectorIndex
from semcache.vectors.disk import Disk, FileMark, fingerprint
from semcache.vectors.engine import give_back
from semcache.vectors.index import SegmentedIndex
from semcache.vectors.layout import map_columns, pack
from semcache.vectors.segment import Columns, Segment

FORMAT: Final = 2
"""1 had graphs."""
MANIFEST: Final = "manifest.json"
LOCK: Final = ".writer"
OURS: Final = ("segment-*", "dead-*", "manifest-*")
RACES: Final = 5
"""Times that a reader starts over because the writer published, and tidied up, while it read."""

log = logging.getLogger(__name__)


class _SegmentMark(msgspec.Struct, frozen=True):
    file: FileMark
    dead: FileMark | None


class _Manifest(msgspec.Struct, frozen=True):
    format: int
    space: str
    dimension: int
    generation: str
    positions: list[Position]
    segments: list[_SegmentMark]


class _Format(msgspec.Struct):
    format: int = 0


class IndexFolder:
    """IndexShelf over a folder. `disk` does the writing."""

    def __init__(self, folder: Path, *, disk: Disk | None = None) -> None:
        self.folder = folder
        self._disk = disk or Disk()
        self._saving = threading.Lock()
        self._lock_descriptor: int | None = None
        self._kept: dict[Path, _SegmentMark] = {}
        """What is known of segment files here that were written or verified by this object."""

    def create(self, space: str, dimension: int) -> SegmentedIndex:
        """A new, empty index."""
        return SegmentedIndex(space, dimension)

    # --- reading ---------------------------------------------------------------------------------------------

    def open(self, space: str, dimension: int, generation: str) -> OpenedIndex:
        """The newest snapshot, every byte verified before anything is mapped.

        Raises SnapshotRejected; its text starts with why: `absent`, `format`, `space`, `generation`, `truncated`,
        `checksum` or `unreadable`.
        """
        for _ in range(RACES):
            try:
                text = (self.folder / MANIFEST).read_bytes()
            except FileNotFoundError as error:
                raise SnapshotRejected(f"absent: no snapshot in {self.folder}") from error
            except OSError as error:
                raise SnapshotRejected(f"unreadable: {error}") from error
            manifest = _parse(text)
            _fits(manifest, space, dimension, generation)
            try:
                segments = [self._map(mark) for mark in manifest.segments]
            except FileNotFoundError as error:
                missing = error.filename
                continue
            except OSError as error:
                raise SnapshotRejected(f"unreadable: {error}") from error
            return OpenedIndex(SegmentedIndex(space, dimension, segments=segments), manifest.positions)
        raise SnapshotRejected(f"truncated: {missing} is missing")

    def _map(self, mark: _SegmentMark) -> Segment:
        """A segment, each file of it checked first."""
        columns = self._map_columns(mark.file)
        rows = len(columns.ids)
        alive = np.ones(rows, np.bool_)
        if mark.dead is not None:
            descriptor = self._verified(mark.dead)
            try:
                bits = np.frombuffer(os.pread(descriptor, mark.dead.bytes, 0), np.uint8)
            finally:
                os.close(descriptor)
            alive = ~np.unpackbits(bits, count=rows).view(np.bool_)
        self._kept[self.folder / mark.file.name] = mark
        return Segment(columns, alive)

    def _map_columns(self, file: FileMark) -> Columns:
        descriptor = self._verified(file)
        try:
            return map_columns(descriptor, self.folder / file.name)
        except (ValueError, TypeError, LookupError, msgspec.MsgspecError) as error:
            raise SnapshotRejected(f"format: {file.name}: {error}") from error
        finally:
            os.close(descriptor)

    def _verified(self, file: FileMark) -> int:
        """A descriptor of a file whose bytes are what the manifest says."""
        descriptor = os.open(self.folder / file.name, os.O_RDONLY)
        try:
            if os.fstat(descriptor).st_size != file.bytes:
                raise SnapshotRejected(f"truncated: {file.name} is not {file.bytes} bytes long")
            if fingerprint(descriptor) != (file.bytes, file.sha256):
                raise SnapshotRejected(f"checksum: {file.name} is damaged")
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    # --- writing ---------------------------------------------------------------------------------------------

    def save(self, index: VectorIndex, generation: str, positions: Sequence[Position]) -> bool:
        """Write a snapshot atomically; False where another process is the folder's writer.

        The index goes on from the files just written, mapped. Raises IndexUnavailable where the disk refuses; the
        snapshot before is then untouched.
        """
        if not isinstance(index, SegmentedIndex):
            raise IndexUnavailable(f"this folder keeps SegmentedIndex, not {type(index).__name__}")
        with self._saving:
            try:
                if not self._lock():
                    return False
                self._tidy(self._published())  # what a save that failed left behind
                marks = [self._keep(segment, alive) for segment, alive in index.freeze()]
                manifest = _Manifest(FORMAT, index.space, index.dimension, generation, list(positions), marks)
                self._publish(manifest)
                self._tidy(_names(manifest))
                give_back()  # what lay in memory lies in the files now
            except OSError as error:
                raise IndexUnavailable(f"snapshot not written: {error}") from error
        return True

    def close(self) -> None:
        """Give the writer lock back. A later save takes it again."""
        with self._saving:
            if self._lock_descriptor is not None:
                os.close(self._lock_descriptor)
                self._lock_descriptor = None

    def _lock(self) -> bool:
        if self._lock_descriptor is not None:
            return True
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._lock_descriptor = descriptor
        return True

    def _keep(self, segment: Segment, alive: NDArray[np.bool_]) -> _SegmentMark:
        """Have a segment's files in the folder, and let it live from them."""
        backing = segment.columns.backing
        mark = self._kept.get(backing.path) if backing else None
        if mark is None or not (self.folder / mark.file.name).exists():
            mark = self._write(segment)
        dead = None
        if not alive.all():
            dead = self._disk.write(self.folder / f"dead-{uuid.uuid4().hex}.bits", [np.packbits(~alive).data])
        return _SegmentMark(mark.file, dead)

    def _write(self, segment: Segment) -> _SegmentMark:
        path = self.folder / f"segment-{uuid.uuid4().hex}.seg"
        file = self._disk.write(path, pack(segment.columns))
        mark = _SegmentMark(file, None)
        segment.adopt(self._map_columns(file))
        self._kept[path] = mark
        return mark

    def _publish(self, manifest: _Manifest) -> None:
        body = msgspec.json.encode(manifest)
        draft = self.folder / f"manifest-{uuid.uuid4().hex}"
        self._disk.write(draft, [hashlib.sha256(body).hexdigest().encode(), b"\n", body])
        self._disk.publish(draft, self.folder / MANIFEST)

    def _published(self) -> set[str]:
        try:
            return _names(_parse((self.folder / MANIFEST).read_bytes()))
        except (FileNotFoundError, SnapshotRejected):
            return set()

    def _tidy(self, named: set[str]) -> None:
        """Remove what no manifest names. Whoever has it mapped keeps it until he is done."""
        for pattern in OURS:
            for path in self.folder.glob(pattern):
                if path.name not in named:
                    self._disk.remove(path)
        self._kept = {path: mark for path, mark in self._kept.items() if path.name in named}


def _names(manifest: _Manifest) -> set[str]:
    names: set[str] = set()
    for mark in manifest.segments:
        files = [mark.file, *([mark.dead] if mark.dead else [])]
        names.update(file.name for file in files)
    return names


def _parse(text: bytes) -> _Manifest:
    checksum, _, body = text.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        raise SnapshotRejected("checksum: the manifest is damaged")
    try:
        if (found := msgspec.json.decode(body, type=_Format).format) != FORMAT:
            raise SnapshotRejected(f"format: the snapshot has format {found}, this version reads {FORMAT}")
        return msgspec.json.decode(body, type=_Manifest)
    except msgspec.DecodeError as error:
        raise SnapshotRejected(f"format: {error}") from error


def _fits(manifest: _Manifest, space: str, dimension: int, generation: str) -> None:
    if (manifest.space, manifest.dimension) != (space, dimension):
        raise SnapshotRejected(
            f"space: the snapshot is of {manifest.space} with {manifest.dimension} dimensions, "
            f"not of {space} with {dimension}"
        )
    if manifest.generation != generation:
        raise SnapshotRejected("generation: the snapshot is of another content of the store")
