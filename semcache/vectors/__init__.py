"""The vector index: FAISS over immutable segments, and the folder that keeps snapshots of them.

Knows vectors, partitions and entry ids. Must not know the store, prompts, thresholds or who asks: the index only
proposes, the record decides. FAISS is loaded when the first index is made, not when this package is imported.

    index.py     SegmentedIndex: the view that is searched and written, and its background merges
    delta.py     the few newest rows, as plain arrays
    segment.py   an immutable, sorted run of rows with its dead marks
    engine.py    all that touches FAISS: scans, cells, threads
    tiers.py     which segments to merge; merging.py: how
    layout.py    a segment's bytes on disk
    disk.py      durable file operations
    folder.py    IndexFolder: snapshots, checksums, the writer lock
"""

from semcache.vectors.folder import IndexFolder
from semcache.vectors.index import SegmentedIndex

__all__ = ["IndexFolder", "SegmentedIndex"]
