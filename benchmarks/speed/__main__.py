"""Speed, side by side: this cache, the bare limits of the machine, the LiteLLM proxy and GPTCache.

    python -m benchmarks.speed [--only NAME ...] [--quick | --full] [--out DIR] [--add] [--check BASELINE.json]

Starts all parts on loopback, measures in interleaved rounds, prints the ratios with their spread beside the goals, and
writes speed.json, speed.md and speed.png. The peers are installed into `.cache/peers` at the first run. --quick is a
matter of minutes, and its figures mean little; --full (a million entries, as the goals are stated) of half
an hour and more.
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
    try:
        baseline = _read(chosen.check) if chosen.check else None
        rows = named(chosen.only or [row["name"] for row in (baseline or {}).get("rows", [])])
        plans = _plans(chosen, rows, baseline)
        earlier = _earlier(chosen.out / "speed.json") if chosen.add else None
    except ValueError as error:
        parser.error(str(error))
    signal.signal(signal.SIGTERM, _leave)
    result = _measured(rows, plans, chosen, earlier)
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
    parser.add_argument("--add", action="store_true", help="keep the rows of the result in DIR that are not run now")
    parser.add_argument(
        "--check",
        type=Path,
        metavar="FILE",
        help="hold ratios and counts against those of this speed.json, with its sizes",
    )
    return parser


def _plans(chosen: argparse.Namespace, rows: Sequence[Row], baseline: dict[str, Any] | None) -> dict[str, Plan]:
    """The size of each row: as asked for, else that of the baseline, else the default. Raises ValueError."""
    size = QUICK if chosen.quick else FULL if chosen.full else None
    try:
        before = {row["name"]: Plan(**row["plan"]) for row in (baseline or {}).get("rows", [])}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{chosen.check} is no result of this benchmark, or of another version of it") from error
    more = {"scale_entries": chosen.entries, "rounds": chosen.rounds}
    given = {name: value for name, value in more.items() if value}
    return {row.name: dataclasses.replace(size or before.get(row.name, DEFAULT), **given) for row in rows}


def _read(path: Path) -> dict[str, Any]:
    """A result. Raises ValueError for what is none."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    return found


def _earlier(path: Path) -> dict[str, Any] | None:
    """The result to add to; None where there is none. Raises ValueError for one of another machine."""
    if not path.exists():
        return None
    found = _read(path)
    here = json.loads(json.dumps(machine.describe()))
    if found.get("format") != runner.FORMAT or found["machine"] != here:
        raise ValueError(f"{path} is of another machine or other versions: nothing can be added to it")
    return found


def _measured(
    rows: Sequence[Row], plans: dict[str, Plan], chosen: argparse.Namespace, earlier: dict[str, Any] | None
) -> dict[str, Any]:
    peers.choose(wanted=not chosen.no_peers, index=chosen.extra_index_url)
    versions = machine.peer_versions() if any(row.peers for row in rows) else {}
    if versions:
        print("peers: " + ", ".join(f"{name} {version}" for name, version in versions.items()), file=sys.stderr)

    def whole(result: dict[str, Any]) -> dict[str, Any]:
        return result if earlier is None else report.merged(earlier, result, [row.name for row in ROWS])

    found = runner.run(rows, plans, extra={"peers": versions}, save=lambda one: report.write(whole(one), chosen.out))
    return whole(found)


def _checked(baseline: dict[str, Any], result: dict[str, Any]) -> int:
    try:
        held = check.compare(baseline, result)
    except check.Uncomparable as error:
        print(f"cannot be compared: {error}", file=sys.stderr)
        return 2
    print(check.report(baseline, result, held))
    if not held:
        print("nothing that both runs measured can be held", file=sys.stderr)
        return 2
    return int(any(one.regressed for one in held))


def _leave(*_: object) -> None:
    raise SystemExit(143)  # so that what was started is stopped


if __name__ == "__main__":
    sys.exit(main())
