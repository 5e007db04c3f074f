"""The follower keeps the vector index a view of the store: start-up, catch-up, following, rebuild, repair.

The change log is level-triggered. For each id that it names the record is read: present and valid, its row is
replaced; absent or invalidated, its row is marked dead. So duplicates and reordering do no harm, and where the log
has a gap (trimmed, lost, or gone backwards) the shard is scanned instead. Nothing here decides about hits.
"""

from __future__ import annotations

from semcache.follower.follower import Follower

__all__ = ["Follower"]
