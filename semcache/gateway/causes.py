"""What may have brought an error of upstream about: all that it was told, but for what names the single call.

An identity leaves out what cannot change an answer (`policy.canonical`, `counted`): service tier, user, metadata, the
project that is billed. All of that can be refused, though, so an error is another caller's only where that caller would
have sent the very same. Pure.
"""

from __future__ import annotations

from hashlib import sha256
from operator import itemgetter
from typing import Final

import msgspec

from semcache.ports import UpstreamRequest

_NAMES: Final = frozenset(
    b"""
    b3 baggage newrelic sentry-trace sw8 traceparent tracestate x-amzn-trace-id x-cloud-trace-context
    cdn-loop cf-ew-via cf-ray cf-visitor cf-worker client-ip true-client-ip via x-amz-cf-id x-azure-ref x-client-ip
    x-cluster-client-ip x-queue-start x-request-start x-vercel-id
    """.split()
)
"""Header fields that differ from call to call, whatever is asked: traces; the way that a call took."""
_BEGINNINGS: Final = (b"cf-connecting-", b"cf-ip", b"x-b3-", b"x-datadog-", b"x-envoy-", b"x-stainless-retry-")
_ENDS: Final = (b"request-id", b"trace-id", b"correlation-id", b"span-id")


def cause_of(request: UpstreamRequest) -> str:
    """A digest: equal for two requests that upstream cannot tell apart, but for ids and traces of the calls."""
    fields = [field for field in request.headers if not _names_the_call(field[0])]
    fields.sort(key=itemgetter(0))  # stable: of one name in their order
    told = request.method, request.path, request.query, fields, request.body
    return sha256(msgspec.msgpack.encode(told)).hexdigest()


def _names_the_call(name: bytes) -> bool:
    return name in _NAMES or name.startswith(_BEGINNINGS) or name.endswith(_ENDS)
