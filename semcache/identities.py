"""Identities of requests that were asked lately, by their content: normalising and classing a prompt costs more than
all the rest of an exact hit.

An identity is a function of the request alone (and of settings that do not change while the process lives), so nothing
here can be out of date. Bounded by entries and bytes; long requests are not kept. Pure but for its memory.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from semcache import memory
from semcache.memory import Budget, Memory
from semcache.models import CacheIdentity, CacheRequest

LONGEST: Final = 4096
"""Bytes of a request that is kept: an identity holds its texts."""
_BARE: Final = 370
"""Bytes of an identity and its four digests, about."""

_encode = msgspec.msgpack.Encoder().encode


class Identities:
    """The `most` identities that were asked for last, as far as the budget goes."""

    def __init__(self, most: int, budget: Budget) -> None:
        self._known = Memory[CacheIdentity](most, budget)

    def __len__(self) -> int:
        """Identities kept."""
        return len(self._known)

    def key(self, request: CacheRequest) -> bytes | None:
        """What a request is known by: equal only for requests that are the same, value by value. None: it is not kept.

        Two spellings of one request (other order, `1` and `1.0`) have two keys, and one identity each finds by itself.
        """
        if not self._known.on:
            return None
        try:
            raw = _encode(request)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return None  # no JSON: whoever identifies it says what is wrong
        return sha256(raw).digest() if len(raw) <= LONGEST else None

    def get(self, key: bytes) -> CacheIdentity | None:
        """The identity, if it is known."""
        identity = self._known.find(key)
        if identity is not None:
            self._known.touch(key)
        return identity

    def put(self, key: bytes, identity: CacheIdentity) -> None:
        """Keep an identity; the one that was not asked for the longest goes."""
        self._known.put(key, identity, weight_of(identity))


def weight_of(identity: CacheIdentity) -> int:
    """Bytes of an identity in memory, about. Names count, though some are shared; of two equal texts one is."""
    prompt, transcript, owner = identity.prompt, identity.transcript, identity.owner
    weight = _BARE + len(identity.namespace) + len(identity.model) + memory.of_text(prompt)
    if transcript:
        weight += memory.of_text(transcript)
    return weight if owner is None else weight + memory.of_text(owner)
