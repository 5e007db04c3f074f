"""Identities of requests that were asked lately, by their content: normalising and classing a prompt costs more than
all the rest of an exact hit.

An identity is a function of the request alone (and of settings that do not change while the process lives), so nothing
here can be out of date. Bounded by entries; long requests are not kept. Pure but for its memory.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import Final

import msgspec

from semcache.models import CacheIdentity, CacheRequest

LONGEST: Final = 4096
"""Bytes of a request that is kept: an identity holds its texts."""

_encode = msgspec.msgpack.Encoder().encode


class Identities:
    """The `most` identities that were asked for last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[bytes, CacheIdentity] = OrderedDict()

    def __len__(self) -> int:
        """Identities kept."""
        return len(self._known)

    def key(self, request: CacheRequest) -> bytes | None:
        """What a request is known by: equal only for requests that are the same, value by value. None: it is not kept.

        Two spellings of one request (other order, `1` and `1.0`) have two keys, and one identity each finds by itself.
        """
        if not self._most:
            return None
        try:
            raw = _encode(request)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return None  # no JSON: whoever identifies it says what is wrong
        return sha256(raw).digest() if len(raw) <= LONGEST else None

    def get(self, key: bytes) -> CacheIdentity | None:
        """The identity, if it is known."""
        identity = self._known.get(key)
        if identity is not None:
            self._known.move_to_end(key)
        return identity

    def put(self, key: bytes, identity: CacheIdentity) -> None:
        """Keep an identity; the one that was not asked for the longest goes."""
        self._known[key] = identity
        if len(self._known) > self._most:
            self._known.popitem(last=False)
