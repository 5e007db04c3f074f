"""Repeats: by what a request is known again, so that its answer need not be made again.

The key is a digest of every byte that the answer can depend on: the route, the query, the header fields, the body. The
header fields are taken whole but for those of `_IGNORED`, which are new for each request and are read by nobody on the
way to a hit. Who asks is admitted anew each time, and is no part of the key.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from semcache.http.exchange import Call

_IGNORED: Final = frozenset({b"x-request-id", b"content-length", b"traceparent", b"tracestate"})


def of_lookup(call: Call, body: bytes) -> bytes:
    """The key of a lookup: of the header fields only the namespace's counts there."""
    namespace = call.headers.get(b"x-cache-namespace")
    shown = b"" if namespace is None else b"=" + namespace
    return sha256(b"lookup %s %s\n%s" % (call.credential.id.encode(), shown, body)).digest()


def of_provider(call: Call, body: bytes) -> bytes:
    """The key of a request in a provider's protocol."""
    lines = [b"%s: %s" % field for field in call.scope["headers"] if field[0] not in _IGNORED]
    route = b"%s?%s" % (call.scope["raw_path"], call.scope["query_string"])
    return sha256(b"\n".join((route, *lines, b"", body))).digest()
