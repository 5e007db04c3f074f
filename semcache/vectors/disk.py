"""Durable file operations, each one step of a snapshot. Tests put a failing one in its place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

BLOCK: Final = 1 << 20


class FileMark(msgspec.Struct, frozen=True):
    """A file as it was written: name in the folder, size, SHA-256."""

    name: str
    bytes: int
    sha256: str


class Disk:
    """Steps that leave either nothing or a complete, synced file under a name that nobody looks at yet."""

    def write(self, path: Path, buffers: Iterable[bytes | memoryview]) -> FileMark:
        """Create a file with this content; synced."""
        digest = hashlib.sha256()
        with open(path, "xb") as file:
            for buffer in buffers:
                file.write(buffer)
                digest.update(buffer)
            size = file.tell()
            self._sync(file.fileno())
        return FileMark(path.name, size, digest.hexdigest())

    def publish(self, draft: Path, path: Path) -> None:
        """Rename over `path`: readers see the old file or the new one, whole."""
        self.sync_folder(path.parent)
        os.rename(draft, path)
        self.sync_folder(path.parent)

    def sync_folder(self, folder: Path) -> None:
        """Make names durable."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Drop a file; no matter if it is gone."""
        path.unlink(missing_ok=True)

    def _sync(self, descriptor: int) -> None:
        os.fsync(descriptor)


def fingerprint(descriptor: int) -> tuple[int, str]:
    """Size and SHA-256 of an open file, read (not mapped: mapped pages would count as this process's)."""
    digest = hashlib.sha256()
    at = 0
    while block := os.pread(descriptor, BLOCK, at):
        digest.update(block)
        at += len(block)
    return at, digest.hexdigest()
