"""Direct reads: the exact hits of requests that are known again byte for byte, read from the store without anything
between the request's bytes and the read.

Of a request that had an exact hit, its identity is remembered by the bytes that it came in (by a keyed digest of them:
nobody can make two requests with one). The identity follows from these bytes, from who asks and from settings that do
not change while the process lives, so it cannot be out of date; what the gateway's answers hang on beside it is asked
anew each time (`Question.in_force`). No answer is kept here. Each time the near cache is asked, then the store, by the
same read and the same rules as in `SemanticCache.lookup`. Whatever is not a hit of the exact tier is none of this
module's business: the request goes the whole way, and is forgotten here until it has a hit again.

Bounded by entries and bytes. One event loop; the answer comes in the turn in which the store's does
(`EntryStore.begin_read`).
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from hashlib import blake2b
from typing import Final, Protocol

import msgspec

from semcache.errors import StoreUnavailable
from semcache.memory import Budget, Memory
from semcache.models import CacheIdentity, Hit, Tier
from semcache.near import Near
from semcache.policy.matching import Terms, match_direct
from semcache.ports import EntryStore, ExactRead, LookupEvent, Observer
from semcache.uses import Uses

log = logging.getLogger(__name__)

Header = tuple[bytes, bytes]

_KEY_BYTES: Final = 16
_BARE: Final = 670
"""Bytes of a question without its telling, about."""

_refused: ContextVar[list[StoreUnavailable] | None] = ContextVar("semcache.refused", default=None)


class Telling(Protocol):
    """How an answer is made of a hit."""

    def around(self, hit: Hit) -> tuple[list[Header], bytes, bytes] | None:
        """Its header fields without those of its body, and the body around what differs from one time to the next.

        None where the record may not answer such a request.
        """

    @property
    def weight(self) -> int:
        """Bytes that it takes, about."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A request that had an exact hit: what it takes to read its entry again and to make its answer."""

    identity: CacheIdentity
    """Without what the semantic tier compares."""
    namespace: str
    """In which it is counted."""
    model: str
    max_age_s: float | None = None
    """Oldest answer that the request accepts."""
    in_force: Callable[[], bool] | None = None
    """Whether everything beside the entry that the answer hangs on is still as it was."""
    telling: Telling


def lean(identity: CacheIdentity | None, hit: Hit) -> CacheIdentity | None:
    """An identity as far as the exact tier needs it. Names are shared: there are few of them, and many identities.

    None where the hit is not this identity's own: then its entry would not be found by it.
    """
    if identity is None or identity.digest != hit.entry.digest or hit.tier is not Tier.EXACT:
        return None
    return CacheIdentity(
        namespace=sys.intern(identity.namespace),
        model="",
        model_version="",
        digest=identity.digest,
        norm_digest=identity.norm_digest,
        partition=b"",
        context=b"",
        prompt="",
        ttl_class=identity.ttl_class,
        ttl_rule=identity.ttl_rule,
    )


Hear = Callable[[Question, Hit | None, StoreUnavailable | None], bool]
"""Given the hit, or None and what the store refused by; says whether the hit was served."""


class Direct:
    """The requests that are known, and how they are asked."""

    def __init__(
        self,
        most: int,
        *,
        budget: Budget,
        entries: EntryStore,
        near: Near | None,
        observer: Observer,
        uses: Uses,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`most`: requests known, at most."""
        self._entries = entries
        self._near = near
        self._observer = observer
        self._uses = uses
        self._monotonic = monotonic
        self._secret = secrets.token_bytes(_KEY_BYTES)
        self._known = Memory[tuple[Question, object]](most, budget)
        self._told_last: Telling | None = None

    @property
    def on(self) -> bool:
        """Whether anything is remembered at all."""
        return self._known.on

    def __len__(self) -> int:
        """Requests known."""
        return len(self._known)

    def remember(self, data: bytes, question: Question, asker: object) -> None:
        """Read the entry of a request of these bytes directly from now on.

        `asker`: the very object that it was remembered for: what one may have, another may not.
        """
        if not self._known.on:
            return
        weight, telling = _BARE, question.telling
        if telling is not self._told_last:  # many questions share one, which is counted once while they follow another
            self._told_last = telling
            weight += telling.weight
        self._known.put(self._key(data), (question, asker), weight)

    def ask(self, data: bytes, asker: object, hear: Hear) -> bool:
        """Have a request answered. False, and nothing was done, where it must go the whole way.

        `hear` may be called before this returns, where there is a copy. Where it says that it did not serve, or was
        given nothing to serve, the request is not counted: the whole way does that.
        """
        key = self._key(data)
        known = self._known.find(key)
        if known is None:
            return False
        question, first = known
        if first is not asker or (question.in_force is not None and not question.in_force()):
            self._known.drop(key)
            return False
        self._known.touch(key)
        started, near, identity = self._monotonic(), self._near, question.identity
        mark = None
        if near is not None:
            copied = near.find(identity, question.max_age_s)
            if copied is not None:
                self._serve(key, question, copied, started, {}, hear)
                return True
            mark = near.mark(identity.shard)

        def heard(read: ExactRead | Exception) -> None:
            if isinstance(read, Exception):
                hear(question, None, read if isinstance(read, StoreUnavailable) else None)
                return
            try:
                hit = match_direct(read, Terms(max_age_s=question.max_age_s))
                if near is not None and mark is not None and isinstance(hit, Hit):
                    near.keep(hit, mark)
            except Exception:  # the boundary of a turn of the event loop: whoever asked would wait for ever
                log.exception("a direct read failed, the request goes the whole way")
                hit = None
            if not isinstance(hit, Hit) or hit.tier is not Tier.EXACT:
                self._known.drop(key)
                hear(question, None, None)
                return
            self._serve(key, question, hit, started, {"store": self._monotonic() - started}, hear)

        return self._entries.begin_read(identity, heard)

    def _serve(
        self, key: bytes, question: Question, hit: Hit, started: float, stages: dict[str, float], hear: Hear
    ) -> None:
        seconds = self._monotonic() - started
        if not hear(question, hit, None):
            self._known.drop(key)
            return
        self._uses.note(hit.entry)
        self._observer.looked_up(
            LookupEvent(
                namespace=question.namespace,
                model=question.model,
                outcome=hit,
                seconds=seconds,
                stages=stages,
                digest=hit.entry.digest,
            )
        )

    def _key(self, data: bytes) -> bytes:
        return blake2b(data, digest_size=_KEY_BYTES, key=self._secret).digest()


# -- what the store has said of a request already ---------------------------------------------------------------------


@contextlib.contextmanager
def told(refused: StoreUnavailable | None) -> Iterator[None]:
    """The first lookup of a task that is begun in here takes this for the store's answer: it has waited before."""
    token = _refused.set(None if refused is None else [refused])
    try:
        yield
    finally:
        _refused.reset(token)


def taken() -> StoreUnavailable | None:
    """What the store has refused this task's lookup by already, once."""
    refused = _refused.get()
    return refused.pop() if refused else None
