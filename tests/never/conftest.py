"""Whole services and the whole app on one real server, with the real embedder: fixtures of the other suites, one store.

The sentences that these tests hold, and those that other suites hold, are listed in `test_every_sentence.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from semcache.models import CacheRequest, Hit, Miss, Outcome, Stored
from semcache.service import Service
from tests.conftest import Backend
from tests.http.conftest import KeyRing, keyring, open_app
from tests.integration.conftest import make_service

__all__ = ["KeyRing", "keyring", "make_service", "open_app"]


@pytest.fixture
def store_backend(standalone_server: str) -> Backend:
    """One kind of store is enough here: what differs between them is held by `contract/`."""
    return Backend(standalone_server)


def user(text: str) -> dict[str, Any]:
    """A message from the user."""
    return {"role": "user", "content": text}


def request(text: str = "", **fields: Any) -> CacheRequest:
    """A request of the model `m`: one user message, or `messages`."""
    return CacheRequest(**{"messages": [user(text)], "model": "m", **fields})


async def keep(service: Service, asked: CacheRequest, answer: Any, **fields: Any) -> Stored:
    """Store an answer; it must be taken."""
    outcome = await service.cache.store(asked, msgspec.json.encode(answer), **fields)
    assert isinstance(outcome, Stored), outcome
    return outcome


def answer_of(outcome: Outcome) -> Any:
    """What a hit serves; None for anything else."""
    return msgspec.json.decode(outcome.entry.response) if isinstance(outcome, Hit) else None


async def missed(service: Service, asked: CacheRequest) -> Miss:
    """Look up what must not be found."""
    outcome = await service.cache.lookup(asked)
    assert isinstance(outcome, Miss), outcome
    return outcome
