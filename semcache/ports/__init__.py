"""The seams of the house: what the tiers need from a store, an index and an embedder, and nothing more.

Every port has one contract suite under `tests/contract/` that each implementation passes. Implementations raise
only `semcache.errors`; no foreign exception crosses a port.
"""

from __future__ import annotations

from semcache.ports.audit import Audit, Finding, StoreHealth
from semcache.ports.catalog import Catalog, GroupCount, Selector
from semcache.ports.changes import ChangeLog, Position, ShardChanges
from semcache.ports.control import Control
from semcache.ports.embedder import Embedder, EmbedderState
from semcache.ports.entries import Draft, EntryStore, ExactRead, Fenced, ManyRead, Touch, Written
from semcache.ports.flights import Beat, Boarding, Feed, Flights, Seat
from semcache.ports.index import IndexShelf, LiveIndex, Neighbour, OpenedIndex, Row, VectorIndex
from semcache.ports.observer import CallEvent, LookupEvent, Observer, StaleEvent, StoreEvent
from semcache.ports.progress import Progress
from semcache.ports.rates import Allowance, RateLimiter
from semcache.ports.upstream import Upstream, UpstreamAnswer, UpstreamRequest
from semcache.ports.verifier import Bend, Calibration, Verifier

__all__ = [
    "Allowance",
    "Audit",
    "Beat",
    "Bend",
    "Boarding",
    "Calibration",
    "CallEvent",
    "Catalog",
    "ChangeLog",
    "Control",
    "Draft",
    "Embedder",
    "EmbedderState",
    "EntryStore",
    "ExactRead",
    "Feed",
    "Fenced",
    "Finding",
    "Flights",
    "GroupCount",
    "IndexShelf",
    "LiveIndex",
    "LookupEvent",
    "ManyRead",
    "Neighbour",
    "Observer",
    "OpenedIndex",
    "Position",
    "Progress",
    "RateLimiter",
    "Row",
    "Seat",
    "Selector",
    "ShardChanges",
    "StaleEvent",
    "StoreEvent",
    "StoreHealth",
    "Touch",
    "Upstream",
    "UpstreamAnswer",
    "UpstreamRequest",
    "VectorIndex",
    "Verifier",
    "Written",
]
