"""`semcache import FILE`: give a running service the lines of an export, part by part. Standard library only.

A part that broke off is sent again, which does no harm. When the service stays away, the command says from which line
to go on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from semcache.cli import remote
from semcache.errors import RequestError, Unavailable

_PART_BYTES: Final = 4_000_000
_TRIES: Final = 5
_PAUSE_S: Final = 1.0
_TIMEOUT_S: Final = 600.0
_COUNTS: Final = ("imported", "replaced", "expired", "refused", "damaged", "pending")
_SHOWN: Final = 20


def run(chosen: argparse.Namespace) -> int:
    """Send the file; 1 where lines were refused or damaged."""
    from tqdm import tqdm

    counts: Counter[str] = Counter()
    problems: list[str] = []
    try:
        path = Path(chosen.file)
        with (
            path.open("rb") as file,
            tqdm(desc="import", unit="B", unit_scale=True, total=path.stat().st_size, file=sys.stderr) as bar,
        ):
            for first, part in parts_of(file, chosen.from_line):
                done = _sent(chosen, first, part)
                counts.update({name: done[name] for name in _COUNTS})
                problems += [
                    f"line {one['line'] + first - 1}: {one['code']}: {one['detail']}" for one in done["problems"]
                ]
                bar.update(file.tell() - bar.n)
    except OSError as error:
        raise RequestError(f"{chosen.file}: {error.strerror or error}") from error
    print(", ".join(f"{counts[name]} {name}" for name in _COUNTS))
    for line in problems[:_SHOWN]:
        print(line)
    if len(problems) > _SHOWN:
        print(f"and {len(problems) - _SHOWN} more")
    return 1 if counts["refused"] or counts["damaged"] else 0


def parts_of(file: IO[bytes], from_line: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines, some megabytes together, each with the number of its first; from `from_line` on."""
    number, first, size = 0, from_line, 0
    lines: list[bytes] = []
    for line in file:
        number += 1
        if number < from_line:
            continue
        lines.append(line)
        size += len(line)
        if size >= _PART_BYTES:
            yield first, b"".join(lines)
            lines, size, first = [], 0, number + 1
    if lines:
        yield first, b"".join(lines)


def _sent(chosen: argparse.Namespace, first: int, part: bytes) -> dict[str, Any]:
    for left in reversed(range(_TRIES)):
        try:
            return remote.send(chosen, "POST", "/admin/import", part, "application/x-ndjson", timeout_s=_TIMEOUT_S)
        except Unavailable as error:
            if not left:
                raise Unavailable(f"{error}; go on with --from-line {first}") from error
            time.sleep(_PAUSE_S)
    raise AssertionError("unreachable: the last try returns or raises")
