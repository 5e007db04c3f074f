"""Logging of a serving process: one key=value line a record, to standard error."""

from __future__ import annotations

import logging
import sys
import time


class KeyValueFormatter(logging.Formatter):
    """`ts=... level=... logger=... <message>`; a trace follows on lines of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._second = 0
        self._head = ""

    def format(self, record: logging.LogRecord) -> str:
        """One line, or more with a trace. A newline inside the message cannot start a forged line."""
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        second = int(record.created)
        if second != self._second:  # the date is made once a second: decisions are logged by the thousand
            self._second, self._head = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        milliseconds = int((record.created - second) * 1000)
        line = f"ts={self._head}.{milliseconds:03d}Z level={record.levelname.lower()} logger={record.name} {message}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line


def configure(level: str) -> None:
    """Send all records of this level and above to standard error. What libraries say about themselves is left out."""
    # What no line shows need not be found out for each: it is half the cost of a record.
    for fact in ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks"):
        setattr(logging, fact, False)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValueFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name, least in (
        ("uvicorn", "WARNING"),
        ("uvicorn.error", "WARNING"),
        ("asyncio", "WARNING"),
        ("httpx", "WARNING"),
        ("faiss", "WARNING"),  # which of its builds it tries, one after another
    ):
        logging.getLogger(name).setLevel(max(logging.getLevelNamesMapping()[least], root.level))
