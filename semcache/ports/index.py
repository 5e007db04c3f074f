"""The nearest vectors, and where an index is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from semcache.ports.changes import Position

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Row(msgspec.Struct, frozen=True):
    """What the index holds of an entry. `vector` is float32 (dim,), unit length."""

    entry_id: str
    partition: bytes
    context: bytes
    vector: Any


class Neighbour(msgspec.Struct, frozen=True):
    """A live row near the query. `similarity` is the index's own cosine, approximate to about 1e-3."""

    entry_id: str
    similarity: float


class VectorIndex(Protocol):
    """A view of the store's vectors in one vector space. Thread-safe: searches never wait for a merge."""

    space: str
    dimension: int
    searches: int
    """Searches so far, about: for work that gives way to them."""

    def upsert(self, rows: Sequence[Row]) -> None:
        """Add rows, replacing those of the same entry id."""

    def remove(self, entry_ids: Iterable[str]) -> int:
        """Mark rows dead; returns how many were alive."""

    def search(self, partition: bytes, context: bytes | None, query: NDArray[np.float32], k: int) -> list[Neighbour]:
        """The k nearest live rows of the partition, and of the context unless it is None; best first.

        `query` is float32 (dim,), unit length.
        """

    def holds(self, partition: bytes, context: bytes) -> bool:
        """Whether a search could find anything there. Cheap; may be True where all rows are dead."""

    def __len__(self) -> int:
        """Live rows."""

    def ids(self, shard: int | None = None) -> list[str]:
        """Entry ids of the live rows (of one shard)."""

    def filling(self) -> None:
        """Many rows come now that nobody searches yet, `merge_now` after them: until then only keep that cheap."""

    def merge_now(self) -> None:
        """Lay everything out as a search finds it fastest; it may take long."""

    def close(self) -> None:
        """Stop background work; searches that go on finish."""


class LiveIndex(Protocol):
    """The vector index as the follower keeps it: absent or behind at first, current later."""

    @property
    def index(self) -> VectorIndex | None:
        """What may be searched now; None while there is nothing yet."""

    @property
    def caught_up(self) -> bool:
        """Whether everything acknowledged before the start is in it."""

    def upsert(self, rows: Sequence[Row], *, seqs: Sequence[int] = ()) -> None:
        """Add rows at once, ahead of the change log; `seqs`: by which changes (`Written.seq`), where known."""

    def remove(self, entry_ids: Sequence[str]) -> None:
        """Mark rows dead at once, ahead of the change log."""

    def doubt(self, entry_ids: Sequence[str]) -> None:
        """Look again soon at rows whose records a lookup did not find."""


class OpenedIndex(msgspec.Struct, frozen=True):
    """A snapshot that fits: the index as it was, and how far the change log was applied to it."""

    index: VectorIndex
    positions: list[Position]


class IndexShelf(Protocol):
    """Where indexes come from and are kept: one folder, one locked writer, many readers."""

    def create(self, space: str, dimension: int) -> VectorIndex:
        """A new, empty index."""

    def open(self, space: str, dimension: int, generation: str) -> OpenedIndex:
        """The newest snapshot, checksums verified before anything is mapped. Raises SnapshotRejected, saying why."""

    def save(self, index: VectorIndex, generation: str, positions: Sequence[Position]) -> bool:
        """Write a snapshot atomically; False where another process is the folder's writer."""

    def close(self) -> None:
        """Give the writer lock back."""
