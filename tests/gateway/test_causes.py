"""Which requests may have each other's errors: those that upstream is told the very same by."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from semcache.gateway.causes import cause_of
from semcache.ports import UpstreamRequest

ASKED = UpstreamRequest(
    method="POST",
    path="/v1/chat/completions",
    query=b"",
    headers=[(b"authorization", b"Bearer a"), (b"user-agent", b"x")],
    body=b'{"model":"m"}',
)


def otherwise(**changes: Any) -> str:
    return cause_of(msgspec.structs.replace(ASKED, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b'{"model":"m","service_tier":"bogus"}'},
        {"path": "/v1/responses"},
        {"query": b"beta=true"},
        {"headers": [(b"authorization", b"Bearer b"), (b"user-agent", b"x")]},
        {"headers": [*ASKED.headers, (b"openai-project", b"p")]},
        {"headers": ASKED.headers[:1]},
    ],
    ids=str,
)
def test_whatever_upstream_is_told_may_be_the_cause(changes: dict[str, Any]) -> None:
    assert otherwise(**changes) != cause_of(ASKED)


def test_what_is_told_in_one_field_is_not_told_in_two() -> None:
    one = otherwise(headers=[(b"a", b"b, c")])
    assert one != otherwise(headers=[(b"a", b"b"), (b"a", b"c")])
    assert one != otherwise(headers=[(b"a", b"b")])
    assert otherwise(headers=[(b"a", b"b"), (b"a", b"c")]) != otherwise(headers=[(b"a", b"c"), (b"a", b"b")])


@pytest.mark.parametrize(
    "name", [b"x-request-id", b"traceparent", b"x-client-request-id", b"cf-ray", b"x-b3-traceid", b"uber-trace-id"]
)
def test_what_names_the_call_is_no_cause(name: bytes) -> None:
    assert otherwise(headers=[(name, b"1"), *ASKED.headers]) == cause_of(ASKED)


def test_the_order_of_header_fields_is_no_cause() -> None:
    assert otherwise(headers=ASKED.headers[::-1]) == cause_of(ASKED)
