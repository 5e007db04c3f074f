"""Requests that were answered from the cache lately, as they were understood, by the bytes that they came in.

Reading a request, judging whether it may be cached, searching it for secrets and telling its namespace cost more than
the rest of an exact hit. All of it follows from the bytes, from who asks, and from settings that do not change while
the process lives, but for what `Errands.in_force` asks anew each time: the version of the model, and the secret that
namespaces are made with. What a call brings new each time (its id, its body for upstream, its rate) is not kept.

Bounded by entries and bytes; long requests are not kept. Pure but for its memory.
"""

from __future__ import annotations

from typing import Final

import msgspec

from semcache import identities, memory
from semcache.gateway.ask import Ask
from semcache.gateway.dialect import Asked
from semcache.gateway.errands import Errand
from semcache.memory import Budget, Memory
from semcache.models import CacheIdentity, CacheRequest

LONGEST: Final = 4096
"""Bytes of a body that is kept: what was read from it holds its texts."""
_BARE: Final = 930
"""Bytes of what is kept of any request, about."""


class Prepared(msgspec.Struct, frozen=True):
    """A request that may be cached, ready to be looked up."""

    asked: Asked
    errand: Errand
    request: CacheRequest
    """The very object each time: the cache knows its identity by it."""


class Known(msgspec.Struct, frozen=True):
    """By what a request is known again."""

    key: bytes
    """Stands for every byte that the answer can depend on, the protocol's route included."""
    asker: object
    """The credential itself: what one may have, another may not."""


class Preparations:
    """The `most` requests that were asked last, as far as the budget goes."""

    def __init__(self, most: int, budget: Budget) -> None:
        self._kept = Memory[tuple[object, Prepared]](most, budget)

    def __len__(self) -> int:
        """Requests kept."""
        return len(self._kept)

    def get(self, known: Known, ours: frozenset[bytes]) -> Prepared | None:
        """The request, if this asker has asked it before with the same headers for keys of ours."""
        found = self._kept.find(known.key)
        if found is None or found[0] is not known.asker or found[1].errand.ask.ours != ours:
            return None
        self._kept.touch(known.key)
        return found[1]

    def put(self, known: Known, prepared: Prepared, identity: CacheIdentity | None) -> None:
        """Keep a request; the one that was not asked for the longest goes.

        `identity`: the request's own, which the cache keeps for as long as the request is kept.
        """
        errand = prepared.errand
        if not self._kept.on or len(errand.ask.body) > LONGEST:
            return
        lasting = msgspec.structs.replace(errand, ask=_lasting(errand.ask))
        value = known.asker, msgspec.structs.replace(prepared, errand=lasting)
        self._kept.put(known.key, value, _weight(prepared, identity))

    def drop(self, known: Known) -> None:
        """It would be prepared otherwise now."""
        self._kept.drop(known.key)


def _weight(prepared: Prepared, identity: CacheIdentity | None) -> int:
    """Bytes that keeping a request takes, about: its JSON weighs up to thirty times what its bytes do."""
    asked, request, ask = prepared.asked, prepared.request, prepared.errand.ask
    weight = _BARE + memory.of_json(
        asked.messages, asked.params, request.messages, request.params, request.namespace, request.principal,
        asked.model, ask.path, ask.query, ask.directives.tags,
    )  # fmt: skip
    return weight if identity is None else weight + identities.weight_of(identity)


def _lasting(ask: Ask) -> Ask:
    """What of an ask is the same each time."""
    return Ask(
        method=ask.method,
        path=ask.path,
        query=ask.query,
        headers=[],
        ours=ask.ours,
        body=b"",
        namespace=ask.namespace,
        principal=ask.principal,
        directives=ask.directives,
        bound=ask.bound,
        may_store=ask.may_store,
    )
