"""What warming is told of embeddings: kept, there already, or asked for in vain."""

from __future__ import annotations

import json

from semcache.gateway.warming import Fetched, WarmItem
from tests.gateway.conftest import Gateway, Open


def fetched(gateway: Gateway, text: str, ttl_s: float | None = None) -> Fetched:
    body = json.dumps({"model": "text-embedding-3-small", "input": text}).encode()
    item = WarmItem(line=1, route="/v1/embeddings", body=body, namespace="default", ttl_s=ttl_s)
    front = gateway.service.front
    assert front is not None
    found = gateway.do(front.fetch(item))
    assert isinstance(found, Fetched)
    return found


def test_embeddings_are_told_as_stored_only_if_they_are(open_gateway: Open) -> None:
    gateway = open_gateway()
    in_vain = fetched(gateway, "not kept", ttl_s=0)
    assert (in_vain.outcome, in_vain.reason) == ("refused", "not_kept")
    assert in_vain.cost_usd is not None
    assert in_vain.cost_usd > 0
    assert fetched(gateway, "kept").outcome == "stored"
    again = fetched(gateway, "kept")
    assert (again.outcome, again.cost_usd) == ("present", 0.0)
    assert len(gateway.provider.calls) == 2
