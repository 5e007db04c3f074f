"""What may have brought an error of upstream about: all that it was told, but for what names the single call.

An identity leaves out what cannot change an answer (`policy.canonical`, `counted`): service tier, user, metadata, the
project that is billed. All of that can be refused, though, so an error is another caller's only where that caller would
have sent the very same. Pure.
"""

from __future__ import annotations

from hashlib import sha256
from operator import itemgetter

import msgspec

from semcache.gateway.counted import names_the_call
from semcache.ports import UpstreamRequest


def cause_of(request: UpstreamRequest) -> str:
    """A digest: equal for two requests that upstream cannot tell apart, but for ids and traces of the calls."""
    fields = [field for field in request.headers if not names_the_call(field[0])]
    fields.sort(key=itemgetter(0))  # stable: of one name in their order
    told = request.method, request.path, request.query, fields, request.body
    return sha256(msgspec.msgpack.encode(told)).hexdigest()
