"""The short way: exact hits for requests that are known byte for byte, as bytes to be sent.

Of a near copy the answer is given at once (`Shortcut.answer`); else the entry is read from the store, with nothing
between the bytes and the read, and answered in the turn in which it comes (`Shortcut.ask`).

What must hold for such a request holds because the handler that remembered it has seen to it, for these very bytes:
the route, the header fields, the body, who asks. What may have changed since is asked anew each time: the copy, or the
entry, and all that `Near.again` and `Direct.ask` ask, the API keys (`edition`), whether the service is stopping. Where
calls are counted against a rate there is no short way, as the count is in the store.

Only what differs from one answer to the next is written: age, expiry, length, the request's id, and what the gateway
says of its own time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.types import Scope

from semcache.direct import Question
from semcache.errors import StoreUnavailable
from semcache.gateway import evidence
from semcache.http import answers
from semcache.http.answers import encode
from semcache.http.exchange import Header
from semcache.models import Hit
from semcache.near import Again

if TYPE_CHECKING:
    from semcache.http.site import Site

log = logging.getLogger(__name__)

CHUNK: Final = "semcache.chunk"
"""Name in a scope of the chunk that the request came in, where it came in one."""
LONGEST: Final = 8192
"""Bytes of a request that is remembered."""
_OWN_EACH_TIME: Final = frozenset({b"x-request-id", b"traceparent", b"tracestate"})
"""Header fields that are new for each request: bytes with them do not come again."""


class Chunk(msgspec.Struct, frozen=True):
    """The bytes of a whole request, and which API keys were in force before it was admitted."""

    data: bytes
    edition: object


class Told(Again, frozen=True, kw_only=True):
    """An answer with its head."""

    head: bytes
    """Header lines up to the value of `Age`."""
    middle: bytes
    """What follows that value; of a provider's answer up to the time to live in `Cache-Status`."""
    tail: bytes | None
    """What follows the time to live; None for a lookup's answer, which tells of none."""

    @property
    def weight(self) -> int:
        """The body is that of another `Again`, which is kept too."""
        return len(self.head) + len(self.middle) + len(self.tail or b"")


class Shortcut:
    """The short way into one app."""

    def __init__(self, site: Site, request_id: Callable[[], str]) -> None:
        """`request_id`: a new one each time."""
        self._site = site
        self._cache = site.service.cache
        self._direct = site.service.cache.direct
        self._request_id = request_id
        self._keys = site.keys

    @property
    def edition(self) -> object:
        """Stands for the API keys in force: another object for others."""
        return self._keys.edition

    @property
    def draining(self) -> bool:
        """Whether the service is stopping: what is answered still ends its connection."""
        return self._site.draining

    def remember(self, scope: Scope, again: Again, headers: Sequence[Header]) -> None:
        """Answer the bytes of this request like this from now on. `headers`: the answer's own, without its body's."""
        chunk = _chunk(scope)
        if chunk is not None:
            self._cache.remember(chunk.data, _told(again, headers), chunk.edition)

    def learn(self, scope: Scope, question: Question) -> None:
        """Read the entry of the bytes of this request directly from now on."""
        chunk = _chunk(scope)
        if chunk is not None:
            self._direct.remember(chunk.data, question, chunk.edition)

    def answer(self, data: bytes) -> tuple[bytes, ...] | None:
        """The parts of the answer after the status line and the server's own fields; None: go the whole way."""
        if self._site.draining:
            return None
        try:
            return self._answer(data)
        except Exception:  # the boundary of a turn of the event loop: it would end the connection
            log.exception("the short way failed, the request goes the whole way")
            return None

    def ask(self, data: bytes, hear: Callable[[tuple[bytes, ...] | None, StoreUnavailable | None], None]) -> bool:
        """Have the store asked; `hear` is given the parts of the answer, or None and what the store refused by.

        False, and `hear` is never called: go the whole way at once. It may be called before this returns.
        """
        if self._site.draining or len(data) > LONGEST:
            return False
        edition, started = self._keys.edition, time.monotonic()

        def heard(question: Question, hit: Hit | None, refused: StoreUnavailable | None) -> bool:
            parts = None
            if hit is not None:
                try:
                    parts = self._told(data, edition, question, hit, started)
                except Exception:  # the boundary of a turn of the event loop: nobody would answer
                    log.exception("the short way failed, the request goes the whole way")
            hear(parts, refused)
            return parts is not None

        try:
            return self._direct.ask(data, edition, heard)
        except Exception:  # as in `answer`
            log.exception("the short way failed, the request goes the whole way")
            return False

    def _told(
        self, data: bytes, edition: object, question: Question, hit: Hit, started: float
    ) -> tuple[bytes, ...] | None:
        around = question.telling.around(hit)
        if around is None:
            return None
        headers, before, after = around
        again = Again(
            entry=hit.entry,
            before=before,
            after=after,
            namespace=question.namespace,
            model=question.model,
            max_age_s=question.max_age_s,
            in_force=question.in_force,
        )
        told = _told(again, headers)
        if self._cache.keeps(hit.entry):
            self._cache.remember(data, told, edition)
        return self._parts(hit, told, started)

    def _answer(self, data: bytes) -> tuple[bytes, ...] | None:
        started = time.monotonic()
        found = self._cache.again(data, self._keys.edition)
        if found is None:
            return None
        hit, told = found
        assert isinstance(told, Told)
        return self._parts(hit, told, started)

    def _parts(self, hit: Hit, told: Told, started: float) -> tuple[bytes, ...]:
        entry, now_ms = hit.entry, hit.now_ms
        age = max(0, now_ms - entry.created_ms) // 1000
        if told.tail is None:
            own = answers.times(hit)
            head = b"%d%s" % (age, told.middle)
        else:
            own = encode(evidence.told_of_hit(hit, latency_ms=1000 * (time.monotonic() - started)))
            head = b"%d%s%d%s" % (age, told.middle, (entry.expires_ms - now_ms) // 1000, told.tail)
        before, after = told.before, told.after
        length = len(before) + len(own) + len(after)
        request_id = self._request_id().encode("ascii")
        own_lines = b"%scontent-length: %d\r\nx-request-id: %s\r\n\r\n" % (head, length, request_id)
        return told.head, own_lines, before, own, after


def _chunk(scope: Scope) -> Chunk | None:
    """The bytes of a request, if they may come again."""
    chunk: Chunk | None = scope.get(CHUNK)
    if chunk is None or len(chunk.data) > LONGEST:
        return None
    return None if any(name in _OWN_EACH_TIME for name, _ in scope["headers"]) else chunk


def _told(again: Again, headers: Sequence[Header]) -> Told:
    lines = b"".join(b"%s: %s\r\n" % field for field in headers)
    age = next(value for name, value in headers if name == b"age")
    head, mark, rest = lines.partition(b"\r\nage: " + age)
    tail = None
    kind = b"content-type: application/json\r\n"
    middle = rest + kind
    if b"cache-status: " in rest:
        start, ttl, end = rest.partition(b"; ttl=")
        middle, tail = start + ttl, end[end.index(b";") :] + kind
    return Told(
        entry=again.entry,
        before=again.before,
        after=again.after,
        namespace=again.namespace,
        model=again.model,
        max_age_s=again.max_age_s,
        in_force=again.in_force,
        head=head + mark.removesuffix(age),
        middle=middle,
        tail=tail,
    )
