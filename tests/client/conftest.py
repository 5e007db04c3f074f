"""Clients of a real service: one served by a process of its own, and one that runs in this process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from semcache.client import Client, LocalCache
from tests.patience import LONG_S
from tests.serving import Served, served

EXACT = {"SEMCACHE_EMBEDDER": "off", "SEMCACHE_STORE__FSYNC": "no"}

_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service without an embedder: the exact tiers are enough for clients."""
    folder = tmp_path_factory.mktemp("served")
    with served(folder, folder / "models", EXACT) as running:
        yield running


@pytest.fixture(scope="package")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCache]:
    """The same in this process."""
    folder = tmp_path_factory.mktemp("local")
    with LocalCache(
        embedder="off",
        data_dir=folder / "data",
        index_dir=folder / "indexes",
        store={"fsync": "no", "deadline_s": LONG_S, "write_deadline_s": LONG_S},
        timeout_s=LONG_S,
    ) as cache:
        yield cache


@pytest.fixture
def namespace() -> str:
    """One that no other test has."""
    return f"n{next(_numbers)}"


@pytest.fixture
def client(service: Served, namespace: str) -> Iterator[Client]:
    """A client of the service, patient enough for a busy machine."""
    with Client(service.url, namespace=namespace, timeout_s=LONG_S) as client:
        yield client


@pytest.fixture(params=["served", "local"])
def either(request: pytest.FixtureRequest) -> Client:
    """Each of the two in turn."""
    if request.param == "served":
        served_one: Client = request.getfixturevalue("client")
        return served_one
    local_one: Client = request.getfixturevalue("local")
    return local_one


class ManualClock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands until the test moves it."""
    return ManualClock()
