"""`semcache warm FILE`: have a running service ask upstream for what is missing, and watch. Standard library only."""

from __future__ import annotations

import argparse
import urllib.parse
from pathlib import Path
from typing import Any

from semcache.cli import remote
from semcache.errors import RequestError


def run(chosen: argparse.Namespace) -> int:
    """Send the list and watch its job; 1 where something failed or it stopped early. The job outlives this command."""
    given = {
        "model": chosen.model,
        "namespace": chosen.namespace,
        "budget_usd": chosen.budget,
        "concurrency": chosen.concurrency,
    }
    query = urllib.parse.urlencode({name: value for name, value in given.items() if value is not None})
    path = f"/admin/warm?{query}" if query else "/admin/warm"
    try:
        with Path(chosen.file).open("rb") as file:
            job = remote.send(chosen, "POST", path, file, "application/x-ndjson")["job_id"]
    except OSError as error:
        raise RequestError(f"{chosen.file}: {error.strerror or error}") from error
    state = remote.watch(chosen, job, "warm", "items")
    result = state.get("result") or {}
    for line in lines_of(result):
        print(line)
    return 0 if state["state"] == "done" and not result.get("failed") and not result.get("stopped") else 1


def lines_of(result: dict[str, Any]) -> list[str]:
    """What to show of a warming's result."""
    counts = ", ".join(f"{result.get(name, 0)} {name}" for name in ("stored", "present", "refused", "failed"))
    shown = [f"{counts}; {result.get('cost_usd', 0.0):.6f} USD"]
    if result.get("stopped"):
        shown.append(f"stopped: {result['stopped']}, {result.get('left', 0)} items left")
    shown += [f"line {one['line']}: {one['outcome']}: {one['reason']}" for one in result.get("problems", [])]
    return shown
