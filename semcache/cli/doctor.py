"""`semcache doctor`: check that records, bookkeeping and snapshots agree; mend with `--repair`.

It tells of the verifier, too, where a mode needs it; that is mended by a start, or by what the line says.

Works beside a running service, on the same store, and without one: then it runs the embedded server meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from semcache.admin.doctor import Doctor, Report
from semcache.cli import flags
from semcache.cli.verifier import examined
from semcache.ports import Finding
from semcache.service import Service
from semcache.settings import Settings, load
from semcache.stores.embedded import EmbeddedServer
from semcache.vectors import IndexFolder


def run(chosen: argparse.Namespace) -> int:
    """Print what is found; 1 while a fault remains. Raises ConfigError, StoreUnavailable."""
    flags.apply(chosen)
    settings = load()
    with _server_url(settings) as url:
        report = asyncio.run(_check(settings, url, chosen.repair))
    verifier = examined(settings)
    for finding in (*report.findings, *verifier.findings):
        print(_line(finding))
    if verifier.needed:
        print(f"verifier: {verifier.summary}")
    mendable = any(finding.fault and finding.repaired < finding.count for finding in report.findings)
    hint = "; try semcache doctor --repair" if mendable and not chosen.repair else ""
    print(f"{report.entries} entries read: {'sound' if report.healthy else 'faults remain'}{hint}")
    return 0 if report.healthy and not any(finding.fault for finding in verifier.findings) else 1


@contextmanager
def _server_url(settings: Settings) -> Iterator[str | None]:
    """The embedded server's URL: that of a service which runs now, else of one started for the while."""
    if settings.redis_url is not None:
        yield None
        return
    server = EmbeddedServer(settings.data_dir, settings.store)
    if server.check():
        yield server.url
        return
    try:
        yield server.start()
    finally:
        server.stop()


async def _check(settings: Settings, url: str | None, repair: bool) -> Report:
    service = Service(settings, server_url=url)
    try:
        await service.store.start()
        doctor = Doctor(
            audit=service.store.audit,
            entries=service.entries,
            log=service.log,
            catalog=service.catalog,
            health=service.store.health,
            embedder=service.embedder,
            shelf=IndexFolder(settings.index_dir) if service.embedder is not None else None,
        )
        with tqdm(desc="doctor", unit="entries", leave=False) as bar:

            def progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            return await doctor.check(repair, progress)
    finally:
        await service.aclose()


def _line(finding: Finding) -> str:
    kind = "fault" if finding.fault else "note"
    mended = f", {finding.repaired} mended" if finding.repaired else ""
    return f"{kind:<5}  {finding.code} ({finding.count}{mended}): {finding.detail}"
