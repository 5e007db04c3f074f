"""Listens to an answer that passes by, and says in the end what it was. Never changes, delays or stops it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from semcache.gateway.dialect import Assembler, Dialect
from semcache.gateway.evidence import MEMBER
from semcache.gateway.sse import Parser
from semcache.policy.generation import Answered, Finish

UNREADABLE = Answered(finish=Finish.UNKNOWN)


class Recording(msgspec.Struct, frozen=True):
    """A whole answer. `whole` is its JSON text in the form without streaming; None where there is no sound one."""

    whole: bytes | None
    answered: Answered


NOTHING: Final = Recording(None, UNREADABLE)
"""Of what was not listened to, or not to its end."""


class Recorder:
    """Of one answer: a stream of events, or a body of JSON."""

    def __init__(self, dialect: Dialect, *, stream: bool, limit: int) -> None:
        """`limit`: bytes of a body beyond which it is not recorded."""
        self._dialect = dialect
        self._limit = limit
        self._size = 0
        self._parts: list[bytes] = []
        self._parser = Parser() if stream else None
        self._assembler: Assembler | None = dialect.assembler() if stream else None

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the body."""
        self._size += len(chunk)
        if self.overflowed:
            self._parts.clear()
            return
        if self._parser is None or self._assembler is None:
            self._parts.append(chunk)
            return
        for event in self._parser.feed(chunk):
            self._assembler.feed(event)

    @property
    def overflowed(self) -> bool:
        """Whether the body is beyond the limit: there will be no recording."""
        return self._size > self._limit

    def finish(self) -> Recording:
        """What it was, once the body has ended in good order."""
        if self.overflowed:
            return Recording(None, UNREADABLE)
        if self._assembler is not None:
            return self._assembled(self._assembler.result())
        whole = b"".join(self._parts)
        try:
            response: Any = msgspec.json.decode(whole)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            response = None
        if not isinstance(response, dict):
            return Recording(None, UNREADABLE)
        if MEMBER in response:  # another cache's word on how it came by the answer, and not ours
            del response[MEMBER]
            whole = msgspec.json.encode(response)
        return Recording(whole, self._dialect.judge(response))

    def _assembled(self, response: dict[str, Any] | None) -> Recording:
        if response is None:
            return Recording(None, UNREADABLE)
        answered = self._dialect.judge(response)
        if answered.usage is None and self._dialect.no_usage is not None and not response.get("usage"):
            # Nobody asked the stream for it, and callers without streaming rely on it: an answer from here uses none.
            response = {**response, "usage": self._dialect.no_usage}
        return Recording(msgspec.json.encode(response), answered)
