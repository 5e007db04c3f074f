"""The self-check that tests call at their end: everything that the store and the index say of each other holds."""

from __future__ import annotations

from semcache.admin.doctor import Doctor, Report
from semcache.ports import Embedder, IndexShelf, LiveIndex
from semcache.stores.store import RedisStore

ORDINARY = frozenset({"store_setting"})
"""What every test server is told: it has no append-only file and no memory bound."""


def doctor_of(
    store: RedisStore,
    *,
    live: LiveIndex | None = None,
    shelf: IndexShelf | None = None,
    embedder: Embedder | None = None,
) -> Doctor:
    """A doctor for a store, and for the index of a replica or its snapshots."""
    return Doctor(
        audit=store.audit,
        entries=store.entries,
        log=store.log,
        catalog=store.catalog,
        health=store.health,
        embedder=embedder,
        live=live,
        shelf=shelf,
    )


async def assert_healthy(
    store: RedisStore,
    *,
    live: LiveIndex | None = None,
    embedder: Embedder | None = None,
    notes: bool = False,
) -> Report:
    """Fail with the findings where there is a fault; with `notes`, nothing that mends itself may be left either."""
    report = await doctor_of(store, live=live, embedder=embedder).check()
    assert report.healthy, report.findings
    if notes:
        assert {finding.code for finding in report.findings} <= ORDINARY, report.findings
    return report
