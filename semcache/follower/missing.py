"""Embeddings that are missing: entries were stored while the embedder was down, or in another vector space."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from semcache.models import Entry, Strategy
from semcache.ports import Embedder, EntryStore, Row

_READ: Final = 64
"""Records read, and embedded, in one go."""
_PENDING: Final = 100_000
"""Ids kept that wait for an embedding; a scan finds those beyond it again."""
PORTION: Final = 16_000
"""Characters of texts embedded in one call: about one full batch of windows."""


class Missing:
    """The entries of one process's index that wait for an embedding."""

    def __init__(self, entries: EntryStore, embedder: Embedder) -> None:
        self._entries = entries
        self._embedder = embedder
        self._waiting: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, entry_id: str) -> None:
        """This entry has no vectors."""
        if len(self._waiting) < _PENDING:
            self._waiting[entry_id] = None

    def discard(self, entry_ids: Iterable[str]) -> None:
        """These need none any more."""
        for entry_id in entry_ids:
            self._waiting.pop(entry_id, None)

    async def embed(self, space: str, attached: Callable[[Row], None]) -> int:
        """Embed and attach some of those that have no vectors in `space`; returns how many it attached.

        `attached` is given the row of each. Attaching logs a change, by which every replica, this one too, takes the
        row in. Replicas may do the same work twice, never harm.
        """
        ids = random.sample(list(self._waiting), min(_READ, len(self._waiting)))
        if not ids:
            return 0
        read = await self._entries.read_many(ids, space=space)
        waiting = []
        for entry_id in ids:
            candidate = read.found.get(entry_id)
            if candidate is None or candidate.embedding is not None or not _embeddable(candidate.entry):
                self.discard([entry_id])
            else:
                waiting.append(candidate.entry)
        count = 0
        for portion in _portions(waiting):
            embeddings = await self._embedder.embed([entry.compared for entry in portion])
            for entry, embedding in zip(portion, embeddings, strict=True):
                if embedding is not None and await self._entries.attach(entry.entry_id, entry.digest, embedding):
                    attached(Row(entry.entry_id, entry.partition, entry.context, embedding.pooled))
                    count += 1
                self.discard([entry.entry_id])
        return count

    async def embed_anew(self, ids: Sequence[str]) -> None:
        """Replace the vectors of these, or give them some."""
        for start in range(0, len(ids), _READ):
            found = (await self._entries.read_many(ids[start : start + _READ])).found
            for entries in _portions(candidate.entry for candidate in found.values() if _embeddable(candidate.entry)):
                embeddings = await self._embedder.embed([entry.compared for entry in entries])
                for entry, embedding in zip(entries, embeddings, strict=True):
                    if embedding is not None:
                        await self._entries.attach(entry.entry_id, entry.digest, embedding)


def _portions(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Entries in portions that one call of the embedder ends within its deadline, and no lookup waits long behind."""
    portion: list[Entry] = []
    characters = 0
    for entry in entries:
        if portion and characters + len(entry.compared) > PORTION:
            yield portion
            portion, characters = [], 0
        portion.append(entry)
        characters += len(entry.compared)
    if portion:
        yield portion


def _embeddable(entry: Entry) -> bool:
    return bool(entry.prompt) and entry.reach is Strategy.SEMANTIC
