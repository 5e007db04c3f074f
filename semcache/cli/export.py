"""`semcache export`: a running service's entries as JSON lines, to stdout or a file. Standard library only.

What breaks off goes on after the last whole line: by itself while this command runs, and with `--output` also when it
is called again. Only the last line says that an export is whole; until it has come, the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from semcache.cli import remote
from semcache.errors import RequestError, SemcacheError, Unavailable

_TRIES: Final = 5
"""Connections in a row that bring nothing."""
_PAUSE_S: Final = 1.0
_HEAD: Final = b'{"semcache_export":'
_END: Final = b'{"semcache_export_end":'


def run(chosen: argparse.Namespace) -> int:
    """Write the export; 0 once it is whole."""
    from tqdm import tqdm

    with _target(chosen.output) as (out, written):
        if written.whole:
            print(f"{chosen.output} is whole: {written.entries} entries", file=sys.stderr)
            return 0
        with tqdm(desc="export", unit="entries", initial=written.entries, file=sys.stderr) as bar:
            _fetch(chosen, out, written, bar)
    print(f"{written.entries} entries", file=sys.stderr)
    return 0


class Written:
    """What of an export has been written."""

    def __init__(self) -> None:
        self.begun = False
        self.whole = False
        self.entries = 0
        self.last: str | None = None
        self.size = 0
        """Bytes of whole lines."""

    def take(self, line: bytes) -> None:
        """Take in a whole line. Raises SemcacheError for one of no export."""
        self.size += len(line)
        if line.startswith(_END):
            self.whole = True
        elif line.startswith(_HEAD):
            self.begun = True
        else:
            try:
                self.last = str(json.loads(line)["entry_id"])
            except (ValueError, KeyError, TypeError):
                raise SemcacheError("this is no export of semcache: a line has no entry_id") from None
            self.entries += 1


@contextlib.contextmanager
def _target(output: str | None) -> Iterator[tuple[IO[bytes], Written]]:
    written = Written()
    if output is None:
        yield sys.stdout.buffer, written
        return
    path = Path(output)
    try:
        if path.exists():
            with path.open("rb") as before:
                for line in before:
                    if line.endswith(b"\n"):
                        written.take(line)
        with path.open("r+b" if path.exists() else "wb") as out:
            out.truncate(written.size)  # half a line, where it broke off
            out.seek(written.size)
            yield out, written
    except OSError as error:
        raise RequestError(f"{output}: {error.strerror or error}") from error


def _fetch(chosen: argparse.Namespace, out: IO[bytes], written: Written, bar: Any) -> None:
    tries = 0
    while True:
        before = written.size
        try:
            if _stream(chosen, out, written, bar):
                return
            problem = "the service ended it early"
        except Unavailable as error:
            problem = str(error)
        out.flush()
        tries = 0 if written.size > before else tries + 1
        if tries == _TRIES:
            hint = f"; call it again to go on after {written.last}" if chosen.output and written.last else ""
            raise Unavailable(f"the export is not whole: {problem}{hint}")
        time.sleep(_PAUSE_S)


def _stream(chosen: argparse.Namespace, out: IO[bytes], written: Written, bar: Any) -> bool:
    """One connection's lines; whether the last one came."""
    given = {"namespace": chosen.namespace, "vectors": "false" if chosen.no_vectors else None, "after": written.last}
    query = urllib.parse.urlencode({name: value for name, value in given.items() if value is not None})
    with remote.opened(chosen, "GET", f"/admin/export?{query}") as answer:
        while line := _next(chosen, answer):
            if not line.endswith(b"\n") or (written.begun and line.startswith(_HEAD)):
                continue
            if line.startswith(_END):  # it counts the lines since `after`
                end = {"semcache_export_end": {"entries": written.entries, "last": written.last}}
                line = json.dumps(end, separators=(",", ":")).encode() + b"\n"
            out.write(line)
            count = written.entries
            written.take(line)
            bar.update(written.entries - count)
    return written.whole


def _next(chosen: argparse.Namespace, answer: http.client.HTTPResponse) -> bytes:
    """The next line, b"" at the end; what goes wrong with our own output is another matter."""
    with remote.no_answer(chosen):
        return answer.readline()
