"""Speed, side by side: this cache, the bare limits of the machine, the LiteLLM proxy and GPTCache.

    python -m benchmarks.speed [--only NAME ...] [--quick | --full] [--out DIR] [--check BASELINE.json]

Starts all parts on loopback, measures in interleaved rounds, prints the ratios with their spread beside the goals, and
writes speed.json, speed.md and speed.png. The peers are installed into `.cache/peers` at the first run. --quick is a
matter of minutes, and its figures mean little; --full (a million entries, as the goals are stated) is for a night.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed import check, machine, peers, report, runner
from benchmarks.speed.plan import DEFAULT, FULL, QUICK, Plan
from benchmarks.speed.row import Row
from benchmarks.speed.rows import ROWS, named
from benchmarks.speed.stage import CACHE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when all rows were measured and, with --check, nothing regressed."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.list:
        print("\n".join(f"{row.name:14}{row.title}, against {row.against}" for row in ROWS))
        return 0
    baseline: dict[str, Any] | None = json.loads(chosen.check.read_text(encoding="utf-8")) if chosen.check else None
    try:
        rows = named(chosen.only or [row["name"] for row in (baseline or {}).get("rows", [])])
    except ValueError as error:
        parser.error(str(error))
    signal.signal(signal.SIGTERM, _leave)
    result = _measured(rows, _plan(chosen), chosen)
    print(report.table(result))
    print(f"\nwritten to {chosen.out}/")
    failed = any(row["error"] for row in result["rows"])
    return int(failed) if baseline is None else max(int(failed), _checked(baseline, result))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this row; may be repeated")
    parser.add_argument("--list", action="store_true", help="tell the rows and end")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="one small round: shows that everything works")
    size.add_argument("--full", action="store_true", help="a million entries, as the goals are stated")
    parser.add_argument("--entries", type=int, help="N of the scale rows (default 30000)")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default 5)")
    parser.add_argument("--no-peers", action="store_true", help="leave LiteLLM and GPTCache out")
    parser.add_argument("--extra-index-url", metavar="URL", help="further package index for the peers")
    parser.add_argument("--out", type=Path, default=CACHE / "speed", help="folder for the result (.cache/speed)")
    parser.add_argument("--check", type=Path, metavar="FILE", help="hold the ratios against this speed.json")
    return parser


def _plan(chosen: argparse.Namespace) -> Plan:
    plan = QUICK if chosen.quick else FULL if chosen.full else DEFAULT
    more = {"scale_entries": chosen.entries, "rounds": chosen.rounds}
    return dataclasses.replace(plan, **{name: value for name, value in more.items() if value})


def _measured(rows: Sequence[Row], plan: Plan, chosen: argparse.Namespace) -> dict[str, Any]:
    peers.choose(wanted=not chosen.no_peers, index=chosen.extra_index_url)
    versions = machine.peer_versions() if any(row.peers for row in rows) else {}
    if versions:
        print("peers: " + ", ".join(f"{name} {version}" for name, version in versions.items()), file=sys.stderr)
    return runner.run(rows, plan, extra={"peers": versions}, save=lambda result: report.write(result, chosen.out))


def _checked(baseline: dict[str, Any], result: dict[str, Any]) -> int:
    try:
        held = check.compare(baseline, result)
    except check.Uncomparable as error:
        print(f"cannot be compared: {error}", file=sys.stderr)
        return 2
    print("\n".join(check.told(one) for one in held) or "nothing that both runs measured has a direction")
    return int(any(one.regressed for one in held))


def _leave(*_: object) -> None:
    raise SystemExit(143)  # so that what was started is stopped


if __name__ == "__main__":
    sys.exit(main())
